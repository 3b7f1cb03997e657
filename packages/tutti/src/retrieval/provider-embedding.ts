/**
 * An index that a provider's model embeds: for money, so only in a run, through the gateway of its app.
 *
 * Owns: what is embedded when, and that what is compared was made by one model. Does not own: prices, holds, retries (the gateway), the vectors (the partition).
 * Invariants: I7 (each call is a step of a run, held before it goes out); V1 vectors of one model have one length, that of the first; V2 a question is not compared, and not
 * paid for, where no passage has a vector of its model.
 * On a crash: the vectors of a step are stored before it is recorded; one that was not recorded asks the provider for those that are not there.
 */
import { TuttiError } from '../errors/index.ts'
import type { EmbeddingModel, Gateway } from '../model/model.port.ts'
import { hash128 } from '../primitives/index.ts'
import type { ServiceKey } from '../run/effect.port.ts'
import { flow, type Run } from '../run/index.ts'
import type { Partition } from './partition.ts'

/** Texts in one step. */
const BATCH = 64
/** Steps at once. */
const CONCURRENCY = 4

const gatewayService: ServiceKey<Gateway> = { service: 'model.gateway' }

const isProviderModel = (value: unknown): value is EmbeddingModel => typeof (value as Partial<EmbeddingModel> | null)?.doEmbed === 'function'

/** What an index was declared with, when that is a provider's model. @throws CONFIG_INVALID for a name that is none */
export function providerEmbedding(index: string, embed: unknown): ProviderEmbedding | undefined {
  if (isProviderModel(embed)) return new ProviderEmbedding(index, embed, `${embed.provider.split('.')[0]}/${embed.modelId}`)
  if (typeof embed !== 'string' || embed === 'minilm') return undefined
  if (/^[^/]+\/./.test(embed)) return new ProviderEmbedding(index, embed, embed)
  throw new TuttiError('CONFIG_INVALID', `the index '${index}' is to be embedded by '${embed}', which is no model`, {
    hint: "Write 'minilm', or 'provider/model', as in 'openai/text-embedding-3-small'.",
  })
}

/** Chunks that a step embeds. */
type Batch = readonly number[]

export class ProviderEmbedding {
  /** 'provider/model'. */
  readonly id: string
  readonly #index: string
  readonly #model: string | EmbeddingModel

  constructor(index: string, model: string | EmbeddingModel, id: string) {
    this.#index = index
    this.#model = model
    this.id = id
  }

  /** Embeds what has no vector yet: a step for each 64 texts. Answers how many. @throws BUDGET_EXCEEDED | BUDGET_NO_PRICE, the MODEL family, RETRIEVAL_EMBEDDER_CHANGED */
  async fill(run: Run, open: (scope: Run['scope']) => Partition): Promise<number> {
    const batches = await run.step('to-embed', this.id, (_, { scope }) => batchesOf(open(scope), this.id))
    const embed = flow('embed', (batch: Batch, own) => this.#fill(own, batch, () => open(own.scope)))
    const counts = await run.map('embed', batches, embed, { concurrency: CONCURRENCY })
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** The vector of a question. @throws RETRIEVAL_EMBEDDER_CHANGED before it is paid for, and as `fill` */
  async question(run: Run, text: string, partition: () => Partition): Promise<Float32Array> {
    const base64 = await this.#ask(run, {
      asked: [hash128(text)],
      texts: () => {
        this.#check(partition())
        return [text]
      },
      keep: (vectors) => {
        const asked = vectors.map((vector) => ({ vector: unit(vector) }))
        this.#checkLength(partition(), asked)
        return Buffer.from(asked[0]?.vector.buffer ?? new ArrayBuffer(0)).toString('base64')
      },
    })
    return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer)
  }

  #fill(run: Run, batch: Batch, partition: () => Partition): Promise<number> {
    let missing: ReturnType<Partition['unembedded']> = []
    return this.#ask(run, {
      asked: [...batch],
      texts: () => {
        missing = partition().unembedded(this.id, batch)
        return missing.map(({ text }) => text)
      },
      keep: (vectors) => {
        const kept = vectors.map((vector, i) => ({ embedding: missing[i]?.embedding ?? '', vector: unit(vector) }))
        this.#checkLength(partition(), kept)
        partition().putVectors(this.id, kept)
        return kept.length
      },
    })
  }

  #ask<T>(
    run: Run,
    question: Omit<Parameters<NonNullable<Gateway['embed']>>[1], 'model' | 'keep'> & { keep(vectors: readonly (readonly number[])[]): T },
  ): Promise<T> {
    const gateway = run['~core'].service(gatewayService)
    if (gateway.embed) return gateway.embed(run, { ...question, model: this.#model })
    throw new TuttiError('CONFIG_INVALID', `the index '${this.#index}' embeds by ${this.id}, and the gateway of this app does not embed`)
  }

  #check(partition: Partition): void {
    const made = partition.embedders()
    if (made.some(({ embedder }) => embedder === this.id)) return
    const others = made.map(({ embedder, dimensions }) => `${embedder} (${dimensions} dimensions)`).join(', ')
    const was = others === '' ? 'nothing of it is embedded yet' : `it was embedded by ${others}`
    throw new TuttiError('RETRIEVAL_EMBEDDER_CHANGED', `the index '${this.#index}' is declared with ${this.id}, but ${was}`, {
      data: { index: this.#index, embedder: this.id },
    })
  }

  #checkLength(partition: Partition, kept: readonly { readonly vector: Float32Array }[]): void {
    const known = partition.embedders().find(({ embedder }) => embedder === this.id)?.dimensions ?? kept[0]?.vector.length
    const other = kept.find(({ vector }) => vector.length !== known)
    if (other)
      throw new TuttiError(
        'RETRIEVAL_EMBEDDER_CHANGED',
        `${this.id} answered a vector of ${other.vector.length} dimensions, and the index '${this.#index}' has ${known}`,
        {
          data: { index: this.#index, embedder: this.id },
        },
      )
  }
}

function batchesOf(partition: Partition, embedder: string): Batch[] {
  const batches: Batch[] = []
  for (let last = 0; ; ) {
    const batch = partition.nextUnembedded(embedder, last, BATCH).map(({ id }) => id)
    if (batch.length === 0) return batches
    batches.push(batch)
    last = batch.at(-1) as number
  }
}

/** Of length one, so that the dot product is the cosine; not every provider's are. */
function unit(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector) || 1
  return Float32Array.from(vector, (value) => value / length)
}
