/**
 * Keeps what an agent is shown of its conversation within the window of its memory. What leaves is recorded before it does, and read from the record ever after.
 *
 * Keys: `turn:n/compact`, what leaves; `turn:n/summary`, `turn:n/summary#2` …, the model calls that summarize it: within the budgets of the agent, and no turns of it.
 * On a crash in between the same is summarized again that was to be summarized.
 */
import { TuttiError } from '../errors/index.ts'
import { type Compaction, type Excerpt, type MemoryPlan, type SummaryQuestion, summaries, summarizing } from '../memory/index.ts'
import { textOf } from '../message/index.ts'
import { askModel, givenAnswer, type ModelAnswer, type ModelLike } from '../model/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'
import type { Run } from '../run/index.ts'

export interface Compacting {
  readonly name: string
  readonly model: ModelLike | undefined
  readonly memory: MemoryPlan
}

/** Called when the excerpt is full; whether anything left. @param beside what the agent has to know of what left, however it is summarized */
export async function compact(run: Run, agent: Compacting, excerpt: Excerpt, turn: number, beside: string): Promise<boolean> {
  const chosen = excerpt.choose(Buffer.byteLength(beside))
  if (!chosen) return false
  const { name, memory } = agent
  const compaction = await run['~core'].ask<Compaction>({
    name: `turn:${turn}/compact`,
    kind: 'memory',
    effect: 'read',
    fingerprint: hash128(canonical(['compact', excerpt.thread.chain, memory.window, chosen.how])),
    label: { agent: name, ...chosen },
    reached: () => undefined,
    plan: () => ({ execute: () => ({ value: chosen }) }),
  })
  checkGiven(`turn:${turn}/compact`, compaction)
  const standing = memory.summarize ? await summarize(run, agent, excerpt, compaction, turn) : []
  excerpt.leave(compaction, standing, beside)
  return true
}

/** @throws CONFIG_INVALID for what a fork put in its place and is none */
function checkGiven(key: string, given: Partial<Compaction> | null): void {
  if (Number.isSafeInteger(given?.before)) return
  throw new TuttiError('CONFIG_INVALID', `'${key}' says what leaves a conversation, and was given something else: ${JSON.stringify(given)}`, {
    hint: 'Give all of what `tutti show --values` prints of it, with another `before`: the place of the first message that stays.',
  })
}

async function summarize(run: Run, { name, model, memory }: Compacting, excerpt: Excerpt, compaction: Compaction, turn: number) {
  const asking = summaries(excerpt.summaries, excerpt.stretches(compaction), { ...memory, agent: name, task: excerpt.task, gauge: excerpt.gauge })
  for (let step = asking.next(); ; ) {
    if (step.done) return step.value
    const asked = await askFor(run, step.value, { name, model: memory.model ?? model, turn })
    const { message, finish } = givenAnswer(`turn:${turn}/summary`, asked)
    step = asking.next({ text: textOf(message), finish })
  }
}

/** Nobody is shown it as it comes: it is no word of the agent. */
const askFor = (
  run: Run,
  { messages, basis }: SummaryQuestion,
  { name, model, turn }: { name: string; model: ModelLike | undefined; turn: number },
): Promise<ModelAnswer> =>
  askModel(run, {
    name: `turn:${turn}/summary`,
    agent: name,
    model,
    stream: false,
    ownInstructions: true,
    request: { system: summarizing, messages, thread: { at: 1, chain: basis } },
  })

/** Said when a run goes on with another memory than it began with: by the names that a compaction is recorded under. */
export function declareMemory(run: Run, memory: MemoryPlan | undefined): void {
  if (memory) run['~core'].declare('memory', { window: memory.window, how: memory.summarize ?? 'window' } satisfies Pick<Compaction, 'window' | 'how'>)
}

/** @throws FLOW_NOT_YET: whoever names a thread expects that what was said in it before is known */
export function refuseThread(run: Run, { name, memory }: { readonly name: string; readonly memory?: MemoryPlan | undefined }): void {
  const { thread } = run.scope
  if (!memory || thread === undefined) return
  throw new TuttiError(
    'FLOW_NOT_YET',
    `the agent '${name}' has memory and its run is in the thread '${thread}': memory over the runs of a thread is not built yet`,
    {
      hint: 'Start the run without `scope.thread` and hand over what was said before as messages, or take the memory from the agent.',
      data: { agent: name, thread },
    },
  )
}
