/**
 * What an agent remembers while it works: declared with `memory()`, read by the agent room. Compaction is built; memory over runs (threads, facts, working memory)
 * is declared and refused.
 */
import { TuttiError } from '../errors/index.ts'
import type { ModelLike } from '../model/model.port.ts'
import { checkOptions, type Declared, type Elsewhere, insteadOf, is, type OutOf, type Schema, sayGiven } from '../primitives/index.ts'
import type { MemoryPlan, SummaryStyle } from './memory.port.ts'

export interface Memory<W = undefined> {
  readonly '~memory': () => W
}

interface SummarizeOptions {
  style?: SummaryStyle | undefined
  model?: ModelLike | undefined
}
type Summarize = boolean | SummaryStyle | SummarizeOptions

interface MemoryWithin<S extends Schema> {
  /**
   * Tokens of a conversation that its agent may be shown, without its instructions and tools; 320 or more. Where a turn would show more, what is oldest leaves, down to about half. Always
   * said: what a model reads well, and what it may cost, is not for a default to know.
   */
  window: number
  /**
   * What leaves is summarized by the agent's own model: `true` or `'rolling'`, into one summary that is written anew each time; `'hierarchical'`, into one for each stretch, and of many one of
   * the next level; `{ model }` by another model. Costs a model call at each compaction. Default: it is left out, and a line says so.
   */
  summarize?: Summarize | undefined
  /** Declared, not built yet (FLOW_NOT_YET), as is `working`. */
  facts?: boolean | undefined
  working?: S | undefined
}

/** What is remembered from run to run needs no window. Declared, not built yet (FLOW_NOT_YET). */
type MemoryOverRuns<S extends Schema> = Omit<MemoryWithin<S>, 'window'> & { window?: undefined } & ({ facts: true } | { working: S })

export type MemoryOptions<S extends Schema> = MemoryWithin<S> | MemoryOverRuns<S>

const OPTIONS: Declared<MemoryWithin<Schema>> = { window: true, summarize: true, facts: is.flag, working: is.schema }
export const MEMORY_ELSEWHERE: Elsewhere = {
  ...insteadOf('maxTokens tokenLimit contextWindow lastMessages', 'window: 20_000'),
  ...insteadOf('summary', 'summarize: true'),
}
const STYLES: readonly unknown[] = ['rolling', 'hierarchical']
/** In less, not even the shortest summary has room in its part, so what is shown would be mostly what stands for what is not. */
const LEAST_WINDOW = 320

const plans = new WeakMap<object, MemoryPlan>()

/**
 * Keeps what an agent is shown of its conversation within a window of tokens. Its task is always shown, and so is what came last; a call is never shown without its result.
 * What left is not gone: the journal and the conversation hold all of it.
 *
 * Costs: nothing; with `summarize` a model call at each compaction, within the budget of the agent and the run.
 * @throws CONFIG_INVALID | FLOW_NOT_YET
 * @example agent({ name: 'research', tools: [search], memory: memory({ window: 20_000, summarize: true }) })
 */
export function memory<S extends Schema = Schema<undefined, undefined>>(o: MemoryOptions<S>): Memory<OutOf<S>> {
  // In JavaScript it may be called with nothing: then what it lacks is said, not that it was given nothing.
  checkOptions<object>('memory()', o ?? {}, OPTIONS, MEMORY_ELSEWHERE)
  const { window, summarize, facts, working } = o ?? {}
  const declared = [facts && 'facts', working && 'working'].filter(Boolean).join(', ')
  if (declared)
    throw new TuttiError('FLOW_NOT_YET', `memory() was given ${declared}, which this version declares but cannot do yet`, {
      hint: 'What is built is compaction within a run: memory({ window, summarize }).',
      data: { declared },
    })
  if (window === undefined)
    throw invalid('memory() has no window', 'Say how many tokens of its conversation the agent may be shown: memory({ window: 20_000 }).')
  if (!Number.isSafeInteger(window) || window < LEAST_WINDOW)
    throw invalid(
      `the window of memory() is ${sayGiven(window)}`,
      `It is a whole number of tokens, ${LEAST_WINDOW} or more: in less there is no room for what stands for what left.`,
    )
  const made: Memory<never> = { '~memory': declaredOnly }
  plans.set(made, { window, ...summaryOf(summarize) })
  return made as Memory<OutOf<S>>
}

function summaryOf(asked: Summarize | undefined): Pick<MemoryPlan, 'summarize' | 'model'> {
  if (!asked) return { summarize: undefined }
  if (typeof asked === 'object') checkOptions<SummarizeOptions>('the summarize of memory()', asked, { style: true, model: true })
  const { style = 'rolling', model } = typeof asked === 'object' ? asked : { style: asked === true ? ('rolling' as const) : asked }
  if (!STYLES.includes(style))
    throw invalid(`memory() cannot summarize ${JSON.stringify(asked)}`, "There are true, false, 'rolling', 'hierarchical', and { style, model }.")
  if (model === undefined) return { summarize: style }
  // What else a model has to be, the agent looks at that gets this memory.
  if (!(typeof model === 'string' && model.includes('/')) && !isModelLike(model))
    throw invalid(`the model that memory() is to summarize with is ${sayGiven(model)}`, "Give 'provider/model', or a model of an AI SDK provider.")
  return { summarize: style, model }
}

/** As far as memory knows models: an object of one is branded, or has the methods of one, and a list is of such. */
const isModelLike = (given: unknown): boolean =>
  typeof given === 'object' &&
  given !== null &&
  (Array.isArray(given) ? given.length > 0 : '~model' in given || '~policy' in given || 'doGenerate' in given || 'doStream' in given)

const declaredOnly = (): never => undefined as never

/** @throws CONFIG_INVALID for something that memory() did not make */
export function memoryPlan(agent: string, given: object | undefined): MemoryPlan | undefined {
  if (given === undefined) return undefined
  const plan = plans.get(given)
  if (!plan) throw invalid(`the memory of the agent '${agent}' is none`, 'Make it with memory({ window: 20_000 }).')
  return plan
}

const invalid = (message: string, hint: string): TuttiError => new TuttiError('CONFIG_INVALID', message, { hint })
