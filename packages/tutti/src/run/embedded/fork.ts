/** How a fork begins: its first two entries, from the record of the run it leaves and from what is other in it. */
import { type Budget, tighter } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { type Entry, type NewRun, type RunForked, splitValue, type Value } from '../../journal/index.ts'
import { durationMs, encode, type Json, newRunId, type RunId, slipOf } from '../../primitives/index.ts'
import { knownFrom } from '../carried-record.ts'
import type { AnyFlow } from '../definition.port.ts'
import { agentsIn, type RecordedStep, recordedSteps } from '../recorded-step.ts'
import { stepNotFound } from '../step-not-found.ts'
import { beginRun } from './new-run.ts'
import { forkOf } from './seed.ts'
import { nameOf } from './seed-answers.ts'

export interface ForkRequest {
  /** The key of a step, or of a scope: then the first step in it. Left out: at its beginning, where everything that is asked the same stands. */
  readonly at?: string | undefined
  /** Another value for that step. */
  readonly output?: unknown
  /** Another input for the run. */
  readonly input?: unknown
  /** For the agent that asks around `at`; from the beginning, for `agent`, or the only one there is. */
  readonly instructions?: string | undefined
  /** The name of the agent whose instructions or model are other, in a fork from the beginning. Default for a model: all. */
  readonly agent?: string | undefined
  /** As the journal keeps it; `null` for one that it cannot hold. */
  readonly model?: Json | undefined
  /** Default: that of the run. */
  readonly budget?: Budget | undefined
  readonly once?: RunForked['once']
  readonly idempotent?: RunForked['idempotent']
  readonly redo?: RunForked['redo']
  /** It is one of many runs that are forked alike: what names nothing in this one names something in another. */
  readonly oneOfMany?: boolean | undefined
  /** Beside those of the run. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly id?: RunId | undefined
}

/** @throws RUN_STEP_NOT_FOUND | CONFIG_INVALID | BUDGET_INVALID */
export function beginFork(recorded: readonly Entry[], flow: AnyFlow, o: ForkRequest, now: number): NewRun {
  const record = knownFrom(recorded)
  const started = record[0]
  if (started?.type !== 'run.started') throw new TuttiError('JOURNAL_CORRUPT', 'the journal does not begin with run.started')
  if (started.flow !== flow.name)
    throw new TuttiError('CONFIG_INVALID', `the run '${started.run}' is of the flow '${started.flow}', not of '${flow.name}'`, {
      hint: 'Fork it with the flow it is of; the code inside may be another.',
    })
  const run = o.id ?? newRunId(now)
  const { options } = flow['~flow']
  const input = o.input === undefined ? undefined : splitValue(encode(o.input))
  const output = o.output === undefined ? undefined : splitValue(encode(o.output))
  const begun = {
    run,
    scope: started.scope,
    input: input?.value ?? started.input,
    budget: o.budget === undefined ? started.budget : tighter(o.budget, options.budget),
    deadline: options.deadline === undefined ? undefined : now + durationMs(options.deadline),
    labels: o.labels ? { ...started.labels, ...o.labels } : started.labels,
  }
  const blobs = [input?.blob, output?.blob].filter((blob) => blob !== undefined)
  const forked: Entry = { seq: 2, time: now, ...forkedFrom(record, started.run, o, output?.value), through: recorded.at(-1)?.seq }
  return beginRun(flow, begun, now, { startHash: run, blobs: blobs.length > 0 ? new Map(blobs) : undefined, behind: [forked] })
}

function forkedFrom(record: readonly Entry[], from: RunId, o: ForkRequest, output: Value | undefined): RunForked {
  const steps = recordedSteps(record)
  if (!o.oneOfMany) checkNames(steps, from, o)
  const at = stepAt(steps, from, o)
  const isRetuned = o.instructions !== undefined || o.model !== undefined
  const { instructions, model, once, idempotent, redo } = o
  const whose = isRetuned ? (at === undefined ? { agent: askingAgent(steps, o) } : { scope: askingScope(steps, at) }) : undefined
  const parent = forkOf(record)
  return {
    ...{ type: 'run.forked', from, at, through: record.at(-1)?.seq, output, retuned: whose && { ...whose, instructions, model } },
    ...{ once, idempotent, redo, chance: parent ? (parent.chance ?? from) : from },
  }
}

/** What names nothing would change nothing. */
function checkNames(steps: ReadonlyMap<string, RecordedStep>, run: RunId, { redo = [], agent }: ForkRequest): void {
  const names = new Set([...steps.keys()].map(nameOf))
  const unknown = redo.find((name) => !names.has(name))
  if (unknown !== undefined) throw stepNotFound(`the run '${run}' has no step called '${unknown}' that could be done again`, unknown, names)
  // The code of the fork may ask what the run did not come to; only a slip is sure to be one.
  const agents = agentsIn(steps.values())
  const meant = agent === undefined || agents.has(agent) ? undefined : slipOf(agent, [...agents])
  if (meant === undefined) return
  throw new TuttiError('CONFIG_INVALID', `no agent '${agent}' asked a model in the run '${run}'`, { hint: `Did you mean '${meant}'?` })
}

function stepAt(steps: ReadonlyMap<string, RecordedStep>, run: RunId, { at, output }: ForkRequest): string | undefined {
  if (at === undefined) {
    if (output === undefined) return undefined
    throw new TuttiError('CONFIG_INVALID', 'a fork was given an output, and no step whose it is', { hint: 'Name the step: `at`.' })
  }
  const step = steps.get(at)
  if (step?.kind === 'timer' && output !== undefined) throw new TuttiError('CONFIG_INVALID', `'${at}' is a sleep, which has no value`)
  if (step) return at
  const below = [...steps.keys()].find((key) => key.startsWith(`${at}/`))
  if (below === undefined) throw stepNotFound(`the run '${run}' has no step '${at}'`, at, steps.keys())
  if (output !== undefined)
    throw new TuttiError('CONFIG_INVALID', `'${at}' is a scope, and a value can be given to a step only`, { hint: `Its first step is '${below}'.` })
  return below
}

/** The scope whose model is asked at `at`: the innermost one around it in which a model was asked. */
function askingScope(steps: ReadonlyMap<string, RecordedStep>, at: string): string {
  let innermost = ''
  for (const { key, kind } of steps.values()) {
    const scope = key.slice(0, key.lastIndexOf('/'))
    if (kind === 'model' && at.startsWith(`${scope}/`) && scope.length > innermost.length) innermost = scope
  }
  if (innermost) return innermost
  throw new TuttiError('CONFIG_INVALID', `no model was asked around '${at}', so there are no instructions and no model to change there`)
}

/** Whose instructions or model are other, in a fork from the beginning; `undefined`: everybody's. */
function askingAgent(steps: ReadonlyMap<string, RecordedStep>, { agent, instructions }: ForkRequest): string | undefined {
  if (agent !== undefined || instructions === undefined) return agent
  const agents = agentsIn(steps.values())
  const [only, ...others] = agents
  const names = [...agents].map((name) => `'${name}'`).join(', ')
  if (only === undefined) throw new TuttiError('CONFIG_INVALID', 'no model was asked in this run, so there are no instructions to change')
  if (others.length > 0)
    throw new TuttiError('CONFIG_INVALID', `instructions for one agent, where several asked: ${names}`, { hint: 'Name the one they are for: `agent`.' })
  return only
}
