/**
 * A cassette: a model whose answers were recorded once, from a real one, and are given again ever after. In an app of `testing()` the calls of tools are on it too.
 *
 * Does not own: choice and retries; policies stand around it as around any model.
 * Invariants: without `live` nothing is asked for real; a question that is not on the tape fails, and says what on the tape comes nearest; failures are not recorded.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4GenerateResult, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { rebuildError, recordError, TuttiError } from '../errors/index.ts'
import { type LanguageModel, type Model, type ModelLike, resolveModel } from '../model/index.ts'
import { checkOptions, checkValue, decode, encode, is, type Json } from '../primitives/index.ts'
import type { StandIn } from '../tool/index.ts'
import { partsOf, readAll, resultOfParts } from './streamed.ts'
import { Tape } from './tape.ts'

export interface CassetteOptions {
  /** What is not on the tape is asked of this model, and recorded: 'provider/model', or a model object. With `CI` set only when `TUTTI_LIVE` is 1. */
  readonly live?: ModelLike | undefined
}

/** A model, and in an app of `testing()` what stands in for its tools. */
export interface Cassette extends Model, LanguageModelV4 {
  readonly '~tools': StandIn
}

/**
 * Record once, replay in tests. The file is JSON lines, stable, and meant to be committed; keys are never in it.
 *
 * @param path the file; made when there is something to record
 * @throws CONFIG_INVALID for a file that is no cassette, or is of another model than `live`; and, when asked, for what is not on the tape
 * @example
 * await using app = testing({ flows: [support], model: cassette('support.tape', { live: 'openai/gpt-5-mini' }) })
 */
export function cassette(path: string, o: CassetteOptions = {}): Cassette {
  checkValue('the file of cassette()', 'path', path, is.text)
  checkOptions<CassetteOptions>('cassette()', o, { live: true })
  const tape = new Tape(path)
  const live = o.live === undefined ? undefined : liveOf(o.live)
  const head = live ? { cassette: 1 as const, model: live.id, spec: live.spec } : tape.head
  if (live && tape.head) tape.begin({ cassette: 1, model: live.id, spec: live.spec })
  const [provider = 'cassette', ...name] = (head?.model ?? 'cassette/empty').split('/')
  const player = new Player(tape, live)
  return {
    '~model': 'cassette',
    '~tools': (tool) => (tool['~tool'].flow ? undefined : (input, ctx) => player.callTool(tool.name, input, () => tool['~tool'].execute(input, ctx))),
    specificationVersion: (head?.spec ?? 'v4') as 'v4',
    provider,
    modelId: name.join('/'),
    supportedUrls: {},
    doGenerate: (options) => player.generate(options),
    doStream: async (options) => ({ stream: ReadableStream.from(await player.stream(options)) }),
  }
}

interface Live {
  readonly id: string
  readonly spec: string
  open(): Promise<LanguageModelV4>
}

/** @throws CONFIG_INVALID */
function liveOf(model: ModelLike): Live {
  if (typeof model === 'string')
    return { id: model, spec: 'v4', open: async () => checked(await resolveModel(model, { env: process.env, cwd: process.cwd() })) }
  if (isModelObject(model)) {
    const id = `${model.provider.split('.')[0]}/${model.modelId}`
    return { id, spec: model.specificationVersion, open: async () => model as LanguageModelV4 }
  }
  throw new TuttiError('CONFIG_INVALID', 'a cassette records one model, and was given a list or a policy', {
    hint: 'Put the policy around the cassette: retry(cassette(…), …). Give each model of a list a cassette of its own.',
  })
}

const isModelObject = (model: ModelLike): model is LanguageModel => typeof (model as Partial<LanguageModel> | null)?.doGenerate === 'function'

function checked(model: LanguageModel): LanguageModelV4 {
  if (model.specificationVersion === 'v4') return model
  throw new TuttiError('CONFIG_INVALID', `the package of ${model.modelId} speaks ${model.specificationVersion} of the model interface`, {
    hint: 'Give the cassette the model object instead of its id, or update the package.',
  })
}

class Player {
  readonly #tape: Tape
  readonly #live: Live | undefined

  constructor(tape: Tape, live: Live | undefined) {
    this.#tape = tape
    this.#live = live
  }

  get #mayRecord(): boolean {
    return this.#live !== undefined && (!process.env.CI || process.env.TUTTI_LIVE === '1')
  }

  async generate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    return this.#ask(options, (model) => model.doGenerate(options))
  }

  async stream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamPart[]> {
    const answer = await this.#ask(options, async (model) => {
      const parts = await readAll((await model.doStream(options)).stream)
      refuseUnfinished(parts)
      return resultOfParts(parts)
    })
    return partsOf(answer)
  }

  /** What is recorded of an answer is the whole of it, also of one that was streamed: a secret in pieces would not be seen. */
  async #ask(
    options: LanguageModelV4CallOptions,
    ask: (model: LanguageModelV4) => PromiseLike<LanguageModelV4GenerateResult>,
  ): Promise<LanguageModelV4GenerateResult> {
    const asked = askedOf(options)
    const record = async (): Promise<object> => kept(await ask(await (this.#live as Live).open()))
    const told = this.#tape.find('model', asked, { again: !this.#mayRecord }) ?? (await this.#record('model', asked, record))
    return { warnings: [], ...(revived(told) as Omit<LanguageModelV4GenerateResult, 'warnings'>) }
  }

  async callTool(tool: string, input: unknown, execute: () => unknown): Promise<unknown> {
    const asked = { tool, input: encode(input) }
    const told = this.#tape.find('tool', asked, { again: !this.#mayRecord }) ?? (await this.#record('tool', asked, () => outcomeOf(execute)))
    const { output, error } = told as { output?: Json; error?: Parameters<typeof rebuildError>[0] }
    if (error) throw rebuildError(error)
    return output === undefined ? undefined : decode(output)
  }

  async #record(kind: 'model' | 'tool', asked: Json, ask: () => Promise<object>): Promise<Json> {
    const { path } = this.#tape
    if (!this.#live)
      throw missing(
        `what was asked is not on the cassette ${path}: ${this.#tape.nearest(kind, asked)}`,
        "Record it: cassette(path, { live: 'provider/model' }), with its key.",
      )
    if (!this.#mayRecord)
      throw missing(
        `what was asked is not on the cassette ${path}, and nothing is asked for real where CI is set: ${this.#tape.nearest(kind, asked)}`,
        'Record it on your machine and commit the file, or set TUTTI_LIVE=1.',
      )
    const told = plain(await ask())
    this.#tape.begin({ cassette: 1, model: this.#live.id, spec: this.#live.spec })
    return this.#tape.record(kind, asked, told)
  }
}

/** Not retryable: no test waits for what will not come. */
const missing = (message: string, hint: string): TuttiError => new TuttiError('CONFIG_INVALID', message, { hint })

/** What the answer rests on; no header, no signal, and nothing that is another each time. */
const askedOf = ({ headers: _, abortSignal: __, includeRawChunks: ___, ...options }: LanguageModelV4CallOptions): Json => plain(options)

/** An answer that did not end is a failure, and failures are not recorded. */
function refuseUnfinished(parts: readonly LanguageModelV4StreamPart[]): void {
  const error = parts.find((part) => part.type === 'error')
  if (error) throw error.error
  if (!parts.some(({ type }) => type === 'finish')) throw new TuttiError('MODEL_STREAM_CUT', 'the stream ended without its finish, so it was not recorded')
}

async function outcomeOf(execute: () => unknown): Promise<object> {
  try {
    return { output: encode(await execute()) }
  } catch (error) {
    return { error: recordError(error) }
  }
}

/** The answer itself: no header, no id and no time of day, which are others each time. */
const kept = ({ content, finishReason, usage, providerMetadata, structuredOutputText }: LanguageModelV4GenerateResult): object => ({
  content,
  finishReason,
  usage,
  providerMetadata,
  structuredOutputText,
})

/** As JSON: bytes as base64 and URLs as text, marked. */
function plain(value: unknown): Json {
  const mark = (node: unknown): unknown => {
    if (node instanceof Uint8Array) return { '~bytes': Buffer.from(node).toString('base64') }
    if (node instanceof URL) return { '~url': node.href }
    if (Array.isArray(node)) return node.map(mark)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([name, inner]) => [name, mark(inner)]))
  }
  return JSON.parse(JSON.stringify(mark(value)) ?? 'null') as Json
}

function revived(value: Json): unknown {
  if (Array.isArray(value)) return value.map(revived)
  if (typeof value !== 'object' || value === null) return value
  const { '~bytes': bytes, '~url': url } = value as { readonly [name: string]: Json }
  if (typeof bytes === 'string') return new Uint8Array(Buffer.from(bytes, 'base64'))
  if (typeof url === 'string') return new URL(url)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revived(inner)]))
}
