/**
 * A provider's model (`LanguageModelV2`, `V3` or `V4` of `@ai-sdk/provider`, told apart by `specificationVersion`) as a candidate of ours.
 *
 * Owns: the way from our request to its call options and from its answer to ours. Does not own: retries, prices, choice.
 * Invariants: what fails is a TuttiError of the MODEL family or the reason of the signal; unknown usage stays unknown; an answer cut short is no answer.
 * On a crash nothing is here to lose.
 */
import type { LanguageModelV4, LanguageModelV4GenerateResult } from '@ai-sdk/provider'
import { TuttiError } from '../errors/index.ts'
import { untilAborted } from '../primitives/index.ts'
import { answerPart, asAnswer, calledOutput, confidenceOf, finishOf } from './answer.ts'
import { callOptions, type SpecificationVersion } from './call-options.ts'
import { outputModeOf, takesAnyRoot } from './capability.ts'
import { failureOf } from './failure.ts'
import type { Candidate, CandidateContext, FailedAnswer, LanguageModel, ModelRequest, RawAnswer } from './model.port.ts'
import type { Price } from './price.port.ts'
import { readStream } from './stream.ts'
import { type OutputPlan, planOutput, withOutput } from './structured-output.ts'
import { usageOf } from './usage.ts'

const versions: ReadonlySet<unknown> = new Set<SpecificationVersion>(['v2', 'v3', 'v4'])

/** By shape: has the name and the methods of a language model, of whatever version. */
export function isLanguageModel(value: unknown): value is LanguageModel {
  const model = value as Partial<LanguageModel> | null | undefined
  return (
    typeof model === 'object' &&
    model !== null &&
    typeof model.specificationVersion === 'string' &&
    typeof model.provider === 'string' &&
    typeof model.modelId === 'string' &&
    typeof model.doGenerate === 'function' &&
    typeof model.doStream === 'function'
  )
}

/** 'provider/model' of a model object: 'openai.responses' and 'gpt-5' make 'openai/gpt-5'. */
export const idOf = (model: { readonly provider: string; readonly modelId: string }): string => `${model.provider.split('.')[0]}/${model.modelId}`

/**
 * @throws MODEL_UNSUPPORTED for a version tutti does not know.
 * @example candidateOf(openai('gpt-5-mini'), { price: priceOf('openai/gpt-5-mini') })
 */
export function candidateOf(model: LanguageModel, o: { id?: string | undefined; price: Price | undefined; inputCount?: Candidate['inputCount'] }): Candidate {
  const id = o.id ?? idOf(model)
  if (!versions.has(model.specificationVersion)) {
    throw new TuttiError(
      'MODEL_UNSUPPORTED',
      `${id} speaks version '${String(model.specificationVersion)}' of the language model interface; tutti knows v2, v3 and v4`,
      {
        hint: 'Install a version of the provider package that speaks one of these, or update tutti.',
      },
    )
  }
  return new LanguageModelCandidate(model, id, o)
}

class LanguageModelCandidate implements Candidate {
  readonly id: string
  readonly price: Price | undefined
  readonly inputCount: Candidate['inputCount']
  readonly #version: SpecificationVersion
  /** Adapters of OpenAI-compatible servers say whether they pass a schema on; the others always do. */
  readonly #passesSchema: boolean
  /** Called with V4 options; `callOptions` made them fit the version. */
  readonly #model: LanguageModelV4

  constructor(model: LanguageModel, id: string, { price, inputCount }: Pick<Candidate, 'price' | 'inputCount'>) {
    this.id = id
    this.price = price
    this.inputCount = inputCount
    this.#version = model.specificationVersion
    this.#passesSchema = (model as { supportsStructuredOutputs?: unknown }).supportsStructuredOutputs !== false
    this.#model = model as LanguageModelV4
  }

  async generate(request: ModelRequest, context: CandidateContext): Promise<RawAnswer | FailedAnswer> {
    const output = this.#planOutput(request, context)
    let result: LanguageModelV4GenerateResult
    try {
      result = await untilAborted(this.#model.doGenerate(this.#options(request, context, output)), context.signal)
    } catch (error) {
      throw failureOf(error, { model: this.id, phase: 'call', signal: context.signal })
    }
    return this.#answerOf(result, output)
  }

  stream(request: ModelRequest, context: CandidateContext): Promise<RawAnswer | FailedAnswer> {
    const output = this.#planOutput(request, context)
    const open = () => this.#model.doStream(this.#options(request, context, output))
    return readStream(open, { model: this.id, provider: this.#model.provider, output }, context)
  }

  /** M6: what was declared comes before what is known of the model, that before what its package says of itself. */
  #planOutput({ output, tools }: ModelRequest, { outputMode }: CandidateContext): OutputPlan | undefined {
    if (!output) return undefined
    const known = outputMode ?? outputModeOf(this.id, tools !== undefined && tools.length > 0)
    const inInstructions = known === 'prompt' || (known === undefined && !this.#passesSchema)
    return planOutput(output, tools, { mode: known ?? 'json', inInstructions, anyRoot: takesAnyRoot(this.id) })
  }

  #options(request: ModelRequest, { maxOutputTokens, signal }: CandidateContext, output: OutputPlan | undefined): ReturnType<typeof callOptions> {
    return callOptions(request, { version: this.#version, output, maxOutputTokens, abortSignal: signal })
  }

  #answerOf(result: LanguageModelV4GenerateResult, output: OutputPlan | undefined): RawAnswer | FailedAnswer {
    const usage = usageOf(result.usage, this.#model.provider, result.providerMetadata)
    const finish = finishOf(result.finishReason)
    if (finish === 'cut')
      return { error: new TuttiError('MODEL_STREAM_CUT', `${this.id}: the answer ended before it was finished`, { data: { model: this.id } }), usage }
    const content = result.content.map((part) => asAnswer(part, output))
    const parts = content.flatMap((part) => answerPart(part) ?? [])
    const outputText = result.structuredOutputText === undefined ? {} : { outputText: result.structuredOutputText }
    const answer: RawAnswer = { message: { role: 'assistant', parts }, finish, usage, ...outputText, ...confidenceOf(result.providerMetadata) }
    return withOutput(answer, output, calledOutput(result.content, output))
  }
}
