/** A run as it is begun: its first entry, and the line that its store keeps of it. */
import { declaredLimits, Ledger, tighter } from '../../budget/index.ts'
import { TuttiError } from '../../errors/index.ts'
import { type Blobs, type Entry, JOURNAL_FORMAT, type NewRun, type RunHead, type RunStarted, splitValue } from '../../journal/index.ts'
import { canonical, checkValue, durationMs, encode, hash128, is, newRunId, type RunId, type Scope } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { StartOptions } from '../handle.port.ts'
import { checkPriority } from '../queue-limits.ts'

/** @throws BUDGET_INVALID | RUN_NOT_RECORDABLE | CONFIG_INVALID, before anything is written */
export function newRun(flow: AnyFlow, input: unknown, o: StartOptions, now: number): NewRun {
  checkPriority(o.priority)
  if (o.budget !== undefined) declaredLimits(o.budget, 'the budget of a start')
  if (o.deadline instanceof Date) checkValue('the deadline of a start', 'deadline', o.deadline, is.date)
  const json = encode(input)
  const scope: Scope = { ...o.scope, tenant: o.scope?.tenant ?? 'default' }
  const { options } = flow['~flow']
  const { value, blob } = splitValue(json)
  const begun = {
    run: (o.id ?? newRunId(now)) as RunId,
    scope,
    input: value,
    budget: tighter(o.budget, options.budget),
    deadline: deadlineAt(o.deadline ?? options.deadline, now),
    labels: o.labels,
    priority: o.priority || undefined,
  }
  const startHash = o.id === undefined ? begun.run : hash128(canonical([flow.name, flow.version, json, scope.tenant]))
  return beginRun(flow, begun, now, { startHash, blobs: blob && new Map([blob]) })
}

/** The first entry of a run and its line; what a fork adds comes behind. @throws BUDGET_INVALID before anything is written */
export function beginRun(
  flow: AnyFlow,
  begun: Omit<RunStarted, 'type' | 'format' | 'flow' | 'version'>,
  now: number,
  o: { readonly startHash: string; readonly blobs?: Blobs | undefined; readonly behind?: readonly Entry[] | undefined },
): NewRun {
  const { run, scope, labels, budget } = begun
  if (budget) new Ledger(budget) // refuses what is no budget
  const { name, version } = flow
  const started: Entry = { seq: 1, time: now, type: 'run.started', format: JOURNAL_FORMAT, flow: name, version, ...begun }
  const entries = [started, ...(o.behind ?? [])]
  return { run, flow: name, version, scope, createdAt: now, startHash: o.startHash, labels: labels ?? {}, entries, blobs: o.blobs }
}

/** A start under the id of a run that is another one. */
export const idTaken = ({ run, flow, version }: RunHead): TuttiError =>
  new TuttiError('RUN_ID_TAKEN', `the run '${run}' exists: it is a '${flow}', version ${version}, and its flow, version, tenant or input is another one`, {
    data: { run, flow },
  })

function deadlineAt(deadline: StartOptions['deadline'], now: number): number | undefined {
  if (deadline === undefined) return undefined
  return deadline instanceof Date ? deadline.getTime() : now + durationMs(deadline, 'the deadline of the run')
}
