/** A run as it is begun: its first entry, and the line that its store keeps of it. */
import { Ledger, tighter } from '../../budget/index.ts'
import { type Entry, JOURNAL_FORMAT, type NewRun, splitValue } from '../../journal/index.ts'
import { canonical, durationMs, encode, hash128, newRunId, type RunId, type Scope } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { StartOptions } from '../handle.port.ts'

/** @throws BUDGET_INVALID | RUN_NOT_RECORDABLE | CONFIG_INVALID, before anything is written */
export function newRun(flow: AnyFlow, input: unknown, o: StartOptions, now: number): NewRun {
  const run = (o.id ?? newRunId(now)) as RunId
  const json = encode(input)
  const scope: Scope = { ...o.scope, tenant: o.scope?.tenant ?? 'default' }
  const { options } = flow['~flow']
  const budget = tighter(o.budget, options.budget)
  if (budget) new Ledger(budget) // refuses what is no budget
  const deadline = deadlineAt(o.deadline ?? options.deadline, now)
  const { value, blob } = splitValue(json)
  const started: Entry = {
    seq: 1,
    time: now,
    type: 'run.started',
    format: JOURNAL_FORMAT,
    run,
    flow: flow.name,
    version: flow.version,
    scope,
    input: value,
    ...(budget ? { budget } : {}),
    ...(deadline === undefined ? {} : { deadline }),
    ...(o.labels ? { labels: o.labels } : {}),
  }
  return {
    run,
    flow: flow.name,
    version: flow.version,
    scope,
    createdAt: now,
    startHash: o.id === undefined ? run : hash128(canonical([flow.name, flow.version, json, scope.tenant])),
    labels: o.labels ?? {},
    entries: [started],
    ...(blob ? { blobs: new Map([blob]) } : {}),
  }
}

function deadlineAt(deadline: StartOptions['deadline'], now: number): number | undefined {
  if (deadline === undefined) return undefined
  return deadline instanceof Date ? deadline.getTime() : now + durationMs(deadline)
}
