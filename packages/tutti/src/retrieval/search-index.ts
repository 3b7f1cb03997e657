/**
 * `index()`: documents that can be searched by words and by meaning, on this machine.
 *
 * Owns the file of the index while it is open, the vectors in memory, and the embedding that goes on in the background.
 * Does not own reading, splitting or ranking, which are plain functions beside it.
 * Invariants: nothing is read or written without a tenant, unless the index is shared; a question never waits for embedding that it does not need.
 * On a crash: what was ingested stands, what was embedded stands, the rest is done again.
 */
import type { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import type { EmbeddingModel, ModelLike } from '../model/model.port.ts'
import { checkOptions, type Declared, type Json, type Scope } from '../primitives/index.ts'
import { checkName, type Flow, type Run, type Tool } from '../run/index.ts'
import { defaultIndexPath, openDatabase } from './database.ts'
import type { Document, Passage } from './document.ts'
import type { Embedder } from './embedder.port.ts'
import type { IngestReport } from './ingest.ts'
import { type IngestInput, ingestFlow } from './ingest-flow.ts'
import { minilm } from './minilm.ts'
import { type Filter, Partition } from './partition.ts'
import { type ProviderEmbedding, providerEmbedding } from './provider-embedding.ts'
import { checkQuestion, search, searchWith, VectorView } from './search.ts'
import { type SearchToolOptions, searchTool } from './search-tool.ts'
import { warm } from './warmer.ts'

export interface IndexOptions {
  /**
   * `'minilm'`: the model of `@tutti/embed-minilm`; an embedder of your own; `false`: words alone. A provider's model (`'openai/text-embedding-3-small'`, or a model object)
   * is asked in runs alone, and paid for by them: by `ingest`, by the tool of an agent, by `search` with its `run`.
   * Default: `'minilm'` when its package is installed, else words alone.
   */
  embed?: 'minilm' | (string & {}) | EmbeddingModel | Embedder | false | undefined
  /** Orders what was found once more, by a model. Declared, not built yet. */
  rerank?: 'local' | ModelLike | undefined
  /** Every tenant reads and fills the same documents. Default false: each has its own. */
  shared?: boolean | undefined
  /** The file, or `:memory:`. Default `.tutti/index.db`, in `TUTTI_HOME` where that is set. */
  path?: string | undefined
  /** What sources are relative to. Default: the working directory. */
  root?: string | undefined
  /** Bytes a file may have. Default 8 MB. */
  maxBytes?: number | undefined
  /** Takes licences and changelogs in too. Default false. */
  everything?: boolean | undefined
  /** Embed in the background what no question has asked for yet. Default true. */
  ahead?: boolean | undefined
}

export interface SearchIndexOptions {
  scope: Readonly<Scope>
  /** Passages to return. Default 8. */
  top?: number | undefined
  /** Fields of `meta`, or `source`: one value, or any of several. `{ package: ['zod', 'ai'] }` */
  filter?: Filter | undefined
  signal?: AbortSignal | undefined
  /** The run that pays for embedding the question, where a provider's model does: what is found is a recorded step of it. */
  run?: Run | undefined
}

export interface IndexStats {
  readonly documents: number
  readonly chunks: number
  /** Chunks that can be found by meaning already. */
  readonly embedded: number
  /** Which model embeds; `undefined` when words alone are searched. */
  readonly embedder: string | undefined
  /** Of its vectors; `undefined` before there is one. */
  readonly dimensions?: number | undefined
  /** Why words alone are searched. */
  readonly reason?: string | undefined
}

export interface Index {
  readonly name: string
  /**
   * The best passages, best first. @throws RETRIEVAL_NO_INDEX before anything was ingested; RETRIEVAL_QUERY_TOO_LONG beyond 8,000 characters; where a provider's model
   * embeds, CONFIG_INVALID without its `run`, RETRIEVAL_EMBEDDER_CHANGED, and what asking a model throws
   */
  search(query: string, o: SearchIndexOptions): Promise<Passage[]>
  /** The index as a tool for an agent. */
  asTool(o?: SearchToolOptions): Tool<{ query: string }, Passage[]>
  /** Takes sources in: what is new or changed, and out what is gone. A flow: durable, resumable. @throws RETRIEVAL_UNREADABLE, RETRIEVAL_EMPTY */
  readonly ingest: Flow<IngestInput, IngestReport>
  /** Embeds everything now rather than when it is asked for. Returns how many chunks it embedded. @throws RETRIEVAL_EMBEDDER_MISSING */
  warm(o: { scope: Readonly<Scope>; signal?: AbortSignal | undefined }): Promise<number>
  stats(o: { scope: Readonly<Scope> }): Promise<IndexStats>
  /** A document as it was ingested; what citations are checked against. */
  read(source: string, o: { scope: Readonly<Scope> }): Promise<Document | undefined>
  /** Stops the background work and closes the file. The next use opens it again. */
  close(): Promise<void>
}

const OPTIONS: Declared<IndexOptions> = {
  ...{ embed: true, rerank: true, shared: true, path: true },
  ...{ root: true, maxBytes: true, everything: true, ahead: true },
}

/** Its flow is called `<name>.ingest`. */
const LONGEST_NAME = 190

/**
 * Declares an index. Opens nothing before it is used. @throws FLOW_NOT_YET with `rerank`
 * @example
 * const docs = index('docs')
 * await app.run(docs.ingest, { from: 'docs' })
 * const [best] = await docs.search('How do I …?', { scope: { tenant: 'default' } })
 */
export function index(name: string, o: IndexOptions = {}): Index {
  checkName(name, 'index', LONGEST_NAME)
  checkOptions(`the index '${name}'`, o, OPTIONS)
  if (o.rerank !== undefined) throw new TuttiError('FLOW_NOT_YET', `the index '${name}' has rerank, which this version declares but cannot do yet`)
  const room = new SearchIndex(name, o)
  return {
    name,
    search: (query, options) => room.search(query, options),
    asTool: (options = {}) =>
      searchTool(name, (query, { vector, ...asked }) => (vector ? room.searchBy(query, vector, asked) : room.search(query, asked)), options, room.question),
    ingest: ingestFlow(
      name,
      (scope) => room.partition(scope),
      (scope) => room.warmAhead(scope),
      o,
      room.fill,
    ),
    warm: (options) => room.warm(options),
    stats: ({ scope }) => room.stats(scope),
    read: async (source, { scope }) => room.partition(scope).document(source),
    close: () => room.close(),
  }
}

/** Tenants whose vectors stay in memory. */
const OPEN_TENANTS = 32

class SearchIndex {
  readonly #name: string
  readonly #o: IndexOptions
  #database: DatabaseSync | undefined
  readonly #partitions = new Map<string, { readonly partition: Partition; view?: VectorView | undefined }>()
  readonly #warming = new Map<string, Promise<void>>()
  readonly #provider: ProviderEmbedding | undefined
  #stop = new AbortController()
  #reason: string | undefined

  constructor(name: string, o: IndexOptions) {
    this.#name = name
    this.#o = o
    this.#provider = providerEmbedding(name, o.embed)
  }

  async search(query: string, { scope, run, ...o }: SearchIndexOptions): Promise<Passage[]> {
    checkQuestion(query)
    if (this.#provider) return this.#searchIn(run, query, { scope, ...o })
    const partition = this.#filled(scope)
    const embedder = await this.#embedder()
    const passages = await search(partition, embedder && { embedder, view: this.#view(scope, embedder) }, query, o)
    this.warmAhead(scope)
    return passages
  }

  /** By a vector that a run has paid for. */
  async searchBy(query: string, vector: Float32Array, { scope, ...o }: SearchIndexOptions): Promise<Passage[]> {
    const { id } = this.#provider as ProviderEmbedding
    return searchWith(this.#filled(scope), this.#view(scope, { id, dimensions: vector.length }), { text: query, vector }, o)
  }

  /** Where a provider's model embeds: the vector of a question, as a step of a run. */
  get question(): ((run: Run, query: string) => Promise<Float32Array>) | undefined {
    const provider = this.#provider
    return provider && ((run, query) => provider.question(run, query, () => this.#filled(run.scope)))
  }

  /** Where a provider's model embeds: everything that is not embedded yet, as steps of a run. */
  get fill(): ((run: Run) => Promise<number>) | undefined {
    const provider = this.#provider
    return provider && ((run) => provider.fill(run, (scope) => this.partition(scope)))
  }

  async #searchIn(run: Run | undefined, query: string, { scope, signal: _, ...o }: SearchIndexOptions): Promise<Passage[]> {
    const embed = this.question
    if (!run || !embed)
      throw new TuttiError('CONFIG_INVALID', `the index '${this.#name}' asks ${this.#provider?.id} for the vector of a question, which a run has to pay for`, {
        hint: 'Search in a flow, `docs.search(query, { scope: run.scope, run })`, or give an agent `docs.asTool()`.',
      })
    const vector = await embed(run, query)
    const asked = { query, top: o.top ?? null, filter: (o.filter as Json | undefined) ?? null }
    return (await run.step(`search ${this.#name}`, asked, () => this.searchBy(query, vector, { scope, ...o }))) as Passage[]
  }

  /** @throws RETRIEVAL_NO_INDEX */
  #filled(scope: Readonly<Scope>): Partition {
    const partition = this.partition(scope)
    if (partition.isEmpty())
      throw new TuttiError('RETRIEVAL_NO_INDEX', `the index '${this.#name}' holds nothing${this.#o.shared ? '' : ` for the tenant '${scope.tenant}'`}`, {
        data: { index: this.#name },
      })
    return partition
  }

  /** @throws CONFIG_INVALID without a tenant */
  partition(scope: Readonly<Scope>): Partition {
    return this.#open(scope).partition
  }

  async stats(scope: Readonly<Scope>): Promise<IndexStats> {
    const embedder = this.#provider?.id ?? (await this.#embedder())?.id
    const partition = this.partition(scope)
    const dimensions = partition.embedders().find((each) => each.embedder === embedder)?.dimensions
    return { ...partition.counts(embedder), embedder, ...(dimensions && { dimensions }), ...(this.#reason === undefined ? {} : { reason: this.#reason }) }
  }

  async warm({ scope, signal }: { scope: Readonly<Scope>; signal?: AbortSignal | undefined }): Promise<number> {
    if (this.#provider)
      throw new TuttiError('CONFIG_INVALID', `the index '${this.#name}' is embedded by ${this.#provider.id}, which its \`ingest\` flow pays for`, {
        hint: 'Run the flow again: it embeds what is not embedded yet.',
      })
    const embedder = await this.#embedder()
    if (!embedder) throw new TuttiError('RETRIEVAL_EMBEDDER_MISSING', `the index '${this.#name}' cannot embed: ${this.#reason}`)
    return warm(this.partition(scope), embedder, { signal: signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal, background: false })
  }

  /** Goes on with embedding in the background; it ends by itself, with the index, or with the process. */
  warmAhead(scope: Readonly<Scope>): void {
    const key = this.#key(scope)
    // Nobody would pay for what a provider's model embeds.
    if (this.#o.ahead === false || this.#provider || this.#warming.has(key)) return
    const work = async (): Promise<void> => {
      const embedder = await this.#embedder()
      if (embedder) await warm(this.partition(scope), embedder, { signal: this.#stop.signal, background: true })
    }
    // Nobody waits for it, and the next question tries again; what stopped it is for `stats` to say.
    const done = work().catch((error: Error) => {
      if (!this.#stop.signal.aborted) this.#reason = error.message
    })
    this.#warming.set(key, done)
    void done.then(() => this.#warming.delete(key))
  }

  async close(): Promise<void> {
    this.#stop.abort(new TuttiError('ENGINE_CLOSED', `the index '${this.#name}' was closed`))
    await Promise.all(this.#warming.values())
    this.#stop = new AbortController()
    this.#partitions.clear()
    this.#database?.close()
    this.#database = undefined
  }

  #open(scope: Readonly<Scope>): { readonly partition: Partition; view?: VectorView | undefined } {
    const key = this.#key(scope)
    this.#database ??= openDatabase(this.#o.path ?? defaultIndexPath())
    const open = this.#partitions.get(key) ?? { partition: Partition.open(this.#database, this.#name, this.#o.shared ? undefined : scope.tenant) }
    // The one used last stands last; the first is the one to let go.
    this.#partitions.delete(key)
    this.#partitions.set(key, open)
    const [oldest] = this.#partitions.keys()
    if (this.#partitions.size > OPEN_TENANTS && oldest !== undefined) this.#partitions.delete(oldest)
    return open
  }

  #view(scope: Readonly<Scope>, embedder: Pick<Embedder, 'id' | 'dimensions'>): VectorView {
    const open = this.#open(scope)
    open.view ??= new VectorView(open.partition, embedder)
    return open.view
  }

  #key(scope: Readonly<Scope>): string {
    if (typeof scope?.tenant !== 'string' || scope.tenant === '')
      throw new TuttiError('CONFIG_INVALID', `the index '${this.#name}' was used without a tenant`, {
        hint: "Give `scope: { tenant: 'default' }` where there is only one.",
      })
    return this.#o.shared ? '' : scope.tenant
  }

  /** `undefined` when words alone are searched; `#reason` says why. */
  async #embedder(): Promise<Embedder | undefined> {
    const { embed } = this.#o
    if (embed === false) {
      this.#reason = 'the index was declared with `embed: false`'
      return undefined
    }
    if (typeof embed === 'object') return embed as Embedder
    try {
      return await minilm()
    } catch (error) {
      if (embed === 'minilm' || !TuttiError.is(error, 'RETRIEVAL_EMBEDDER_MISSING')) throw error
      this.#reason = `${error.message}: ${error.hint}`
      return undefined
    }
  }
}
