/** Which runs are meant: what a caller may ask for, checked before anything is looked at. */
import { TuttiError } from '../errors/index.ts'
import { type Declared, type Duration, durationMs, is } from '../primitives/index.ts'
import { hasLabels } from './labels.ts'
import { endedStatuses } from './status.ts'
import type { RunHead } from './store.port.ts'

export type EndedStatus = (typeof endedStatuses)[number]

/** All that is given must fit. A run is as old as its last entry. */
export interface RunCriteria {
  /** Ended longer ago than this. */
  olderThan?: Duration | undefined
  /** Ended before this. */
  before?: Date | undefined
  status?: readonly EndedStatus[] | undefined
  flow?: string | undefined
  tenant?: string | undefined
  user?: string | undefined
  labels?: Readonly<Record<string, string>> | undefined
  /** The newest so many are kept, however old they are. */
  keepLast?: number | undefined
}

export interface CheckedCriteria extends Omit<RunCriteria, 'olderThan' | 'before' | 'status'> {
  /** Epoch ms; infinite when age does not matter. */
  readonly cutoff: number
  readonly status: readonly EndedStatus[] | undefined
}

export const CRITERIA: Declared<RunCriteria> = {
  ...{ olderThan: true, before: true, status: is.list, flow: is.text },
  ...{ tenant: is.text, user: is.text, labels: is.object, keepLast: true },
}
const names = Object.keys(CRITERIA) as (keyof RunCriteria)[]

/** Which of them are given. */
export const givenCriteria = (o: RunCriteria): readonly string[] => names.filter((name) => o[name] !== undefined)

/** @throws CONFIG_INVALID */
export function checkCriteria(o: RunCriteria, now: number): CheckedCriteria {
  const { olderThan, before, status, keepLast, labels, ...rest } = o
  if (givenCriteria(o).length === 0)
    throw new TuttiError('CONFIG_INVALID', 'a prune was asked for without saying of what: it would remove every run that has ended', {
      hint: "Say which runs: prune({ olderThan: '30d' }), or by status, flow, tenant, labels, keepLast or runs.",
    })
  if (olderThan !== undefined && before !== undefined)
    throw new TuttiError('CONFIG_INVALID', 'a prune has both olderThan and before', { hint: 'Give one of them.' })
  if (before !== undefined && !(before instanceof Date && Number.isFinite(before.getTime())))
    throw new TuttiError('CONFIG_INVALID', `'${String(before)}' is not a date`, { hint: "before: new Date('2026-01-31')" })
  const open = status?.find((each) => !endedStatuses.includes(each))
  if (open !== undefined)
    throw new TuttiError('CONFIG_INVALID', `a run that is '${String(open)}' has not ended, and only those that have are removed`, {
      hint: `status is one or more of ${endedStatuses.join(', ')}; cancel the others first.`,
    })
  if (keepLast !== undefined && !(Number.isInteger(keepLast) && keepLast >= 0))
    throw new TuttiError('CONFIG_INVALID', `keepLast is ${String(keepLast)}, which is no number of runs`, { hint: 'A whole number from 0.' })
  const ageless = before?.getTime() ?? Number.POSITIVE_INFINITY
  return { ...rest, status, keepLast, labels, cutoff: olderThan === undefined ? ageless : now - durationMs(olderThan) }
}

/** Whether it is one of those that are asked for, whatever its age and status. */
export function fits({ flow, scope, labels }: RunHead, o: CheckedCriteria): boolean {
  return agrees(flow, o.flow) && agrees(scope.tenant, o.tenant) && agrees(scope.user, o.user) && hasLabels(labels, o.labels)
}

const agrees = (value: string | undefined, wanted: string | undefined): boolean => wanted === undefined || value === wanted
