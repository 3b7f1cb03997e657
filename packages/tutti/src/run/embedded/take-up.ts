/**
 * Taking a run up: its lease, its record, and whether it goes on or stands still until a person says otherwise.
 *
 * Owns nothing: the engine drives what is taken up here. Invariants: I2 (nothing is written without the lease), I9 (only the version it began with, or one that declares how to carry it over).
 * On a crash before `run.resumed` or `run.suspended` is durable the lease runs out, and the run is taken up again.
 */
import { TuttiError } from '../../errors/index.ts'
import { type AdmittedRun, type Entry, type JournalStore, joinValue, type Lease, type RunHead } from '../../journal/index.ts'
import { failpoint, type RunId } from '../../primitives/index.ts'
import type { AnyFlow } from '../definition.port.ts'
import { type CarriedOver, carryOver } from './carry-over.ts'
import type { Draft } from './draft.ts'
import type { EngineParts } from './engine-parts.port.ts'
import { waitsIn } from './open-waits.ts'
import { isGone, isHosted } from './owner.ts'
import { nextStand } from './standstill.ts'

export type TakeUpOptions = Omit<EngineParts, 'resume'>

/** Why a run is taken up: a person asks for it, or wants it paused, or it is due. */
export type Occasion = 'asked' | 'pause' | 'due'

export interface TakenUp {
  readonly head: RunHead
  readonly flow: AnyFlow
  /** With what was recorded of its being taken up. */
  readonly record: readonly Entry[]
  /** What was recorded just now. */
  readonly added: readonly Entry[]
}

/**
 * Takes up a run whose lease was taken; nothing when it stands still, or its flow is not here: then its lease is given back.
 * @throws JOURNAL_CORRUPT | RUN_MIGRATION_REFUSED
 */
export async function takeUp({ head, lease, isNew }: AdmittedRun, occasion: Occasion, o: TakeUpOptions): Promise<TakenUp | undefined> {
  const { run, epoch } = lease
  failpoint('lease taken, run.resumed not written', run)
  const time = o.clock.now()
  const record: Entry[] = []
  for await (const entry of o.store.read(run)) record.push(entry)
  const { goesOn, drafts, taken } = nextStand(record, await o.store.inbox(run), occasion === 'asked')
  const number = (added: readonly Draft[]): Entry[] => added.map((draft, i) => ({ ...draft, seq: (record.at(-1)?.seq ?? 0) + 1 + i, time }) as Entry)
  if (!goesOn || !o.registry.has(head)) {
    const standing = drafts.length > 0 ? ({ status: 'suspended', wakeAt: undefined, waiting: (await waitsIn(record)).open } as const) : undefined
    const still = goesOn ? { entries: [] } : { entries: number(drafts), head: standing, taken }
    await o.store.append({ run, epoch, ...still, release: true })
    return undefined
  }
  const flow = o.registry.get(head)
  const carried = flow.version === head.version ? undefined : await carriedOver(record, flow, lease, o)
  const resumed: readonly Draft[] = isNew && !carried ? [] : [{ type: 'run.resumed', owner: o.owner, epoch }]
  // What was said to the earlier version is told to the new one in its place, after all that came before it.
  const added = number(carried ? [...drafts, ...carried.drafts, ...resumed] : [...resumed, ...drafts])
  const stalls = head.stalls + (isNew ? 0 : 1)
  const change = { status: 'running', version: flow.version, stalls, wakeAt: undefined, waiting: undefined } as const
  if (added.length > 0) await o.store.append({ run, epoch, entries: added, blobs: carried?.blobs, head: change, taken })
  if (!isNew) failpoint('run.resumed written, run not driven', run)
  return { head: { ...head, stalls, epoch, leaseUntil: lease.until }, flow, record: [...record, ...added], added }
}

/** What makes it a run of this version. Refused, it is let go as it was. @throws RUN_MIGRATION_REFUSED */
async function carriedOver(record: readonly Entry[], flow: AnyFlow, { run, epoch }: Lease, { store }: TakeUpOptions): Promise<CarriedOver> {
  try {
    return await carryOver(record, flow, (value) => joinValue(value, (hash) => store.blob(hash, run)))
  } catch (error) {
    await store.append({ run, epoch, entries: [], release: true })
    throw error
  }
}

/**
 * The lease of a run. That of a process of this machine that is gone need not run out first; should it live after all, its appends are refused (I2).
 * @throws RUN_BUSY
 */
export async function leaseOf({ run, owner, leaseUntil }: RunHead, o: TakeUpOptions): Promise<Lease> {
  const now = o.clock.now()
  const take = (at: number): Promise<Lease | undefined> => o.store.acquire(run, o.owner, at, now + o.leaseMs)
  const lease = (await take(now)) ?? (isGone(owner) ? await take(Math.max(now, (leaseUntil ?? now) + 1)) : undefined)
  if (lease) return lease
  throw new TuttiError('RUN_BUSY', `the run '${run}' is driven by ${owner ?? 'another process'}`, { data: { run, owner: owner ?? null } })
}

/** @throws RUN_NOT_FOUND */
export async function headOf(store: JournalStore, run: RunId): Promise<RunHead> {
  const head = await store.head(run)
  if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store`, { data: { run } })
  return head
}

/** Of a run that an engine elsewhere does not host: what is left for such a one here would not reach it. @throws RUN_NOT_FOUND | ENGINE_UNSUPPORTED */
export async function freeHeadOf(store: JournalStore, run: RunId): Promise<RunHead> {
  const head = await headOf(store, run)
  if (!isHosted(head.owner)) return head
  throw new TuttiError('ENGINE_UNSUPPORTED', `the run '${run}' is hosted by another engine, which alone can go on with it`, {
    data: { run, owner: head.owner ?? null },
    hint: 'Open an app with that engine, `tutti({ engine })`, and ask it: `(await app.get(id)).send(…)`, `.cancel()`, `.pause()`, `.resume()`.',
  })
}

export const isEnded = (head: RunHead): boolean => head.status === 'completed' || head.status === 'failed' || head.status === 'cancelled'
