/**
 * Removes all that a store holds of one tenant, or of one user of a tenant.
 *
 * Owns: the order. Does not own: how a run is removed, how keys are destroyed (`JournalStore.remove`, `shred`).
 * First what comes from now on is given another key; then the runs of before are removed; then their keys are destroyed, and what removed rows left in the file is
 * overwritten. On a crash each run is there whole, or gone whole; asked again, it goes on, and overwrites also when it finds no run.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TuttiError } from '../errors/index.ts'
import { checkOptions, is, type RunId, type Scope } from '../primitives/index.ts'
import type { Subject } from './encryption.port.ts'
import { everyRun } from './every-run.ts'
import { nextTurn } from './page.ts'
import { scopeOfSchedule } from './schedule-scope.ts'
import { hasEnded } from './status.ts'
import type { JournalStore, RunHead } from './store.port.ts'

export interface EraseOptions extends Subject {
  /** Runs that have not ended are cancelled, and removed within 5 s whether they ended or not; schedules are removed. Default: they refuse all of it. */
  force?: boolean | undefined
}

export interface Erased {
  readonly runs: readonly RunId[]
  readonly entries: number
  readonly bytes: number
  /** Data keys destroyed: what they sealed can be read nowhere any more. None where the store is not encrypted. */
  readonly keys: number
  /** Runs whose line is damaged, so that nobody knows whose they are; they are still there. */
  readonly damaged: readonly RunId[]
  /** Names of the schedules that started runs of theirs, and are no more. */
  readonly schedules: readonly string[]
}

const SLICE = 32
const PATIENCE_MS = 5_000
const LOOK_MS = 50
const MOST_NAMED = 20

/** @throws CONFIG_INVALID; RUN_NOT_FINISHED with `data.runs`: nothing is touched; JOURNAL_LOCKED: the runs are gone, but another process still reads the old log */
export async function eraseSubject(store: JournalStore, o: EraseOptions, { now }: { readonly now: () => number }): Promise<Erased> {
  // A user that is spelled wrongly would be all of a tenant.
  checkOptions<EraseOptions>('erase()', o, { tenant: is.text, user: is.text, force: is.flag })
  const { force = false, ...given } = o
  const subject = checkSubject(given)
  const open = (await chosen(store, subject)).heads.filter(({ status }) => !hasEnded(status))
  const kept = await schedulesOf(store, subject)
  if (open.length + kept.length > 0 && !force) throw notFinished(subject, open, kept)
  await store.shred(subject, 'begin')
  // First, so that they start no other runs.
  const schedules = await schedulesOf(store, subject)
  for (const name of schedules) await store.dropSchedule(name)
  await cancelAll(store, open, now)
  const { heads, damaged } = await chosen(store, subject)
  const runs: RunId[] = []
  let [entries, bytes] = [0, 0]
  for (let i = 0; i < heads.length; i += SLICE) {
    const removal = await store.remove(
      heads.slice(i, i + SLICE).map(({ run }) => run),
      { force: true },
    )
    runs.push(...removal.removed)
    entries += removal.entries
    bytes += removal.bytes
    await nextTurn()
  }
  return { runs, entries, bytes, keys: await store.shred(subject, 'end'), damaged, schedules }
}

function checkSubject({ tenant, user }: Subject): Subject {
  for (const [name, value] of Object.entries({ tenant, user }))
    if ((name === 'tenant' || value !== undefined) && (typeof value !== 'string' || value === ''))
      throw new TuttiError('CONFIG_INVALID', `an erasure was asked for with ${JSON.stringify(value)} as its ${name}`, {
        hint: "erase({ tenant: 'acme' }), or erase({ tenant: 'acme', user: 'ada' })",
      })
  return { tenant, user }
}

/** A damaged line is of nobody's; so all are looked at, whatever their tenant. */
async function chosen(store: JournalStore, { tenant, user }: Subject): Promise<{ heads: RunHead[]; damaged: RunId[] }> {
  const heads: RunHead[] = []
  const damaged: RunId[] = []
  for await (const head of everyRun(store)) {
    if (head.damaged) damaged.push(head.run)
    else if (isOf({ tenant, user }, head.scope)) heads.push(head)
  }
  return { heads, damaged }
}

async function schedulesOf(store: JournalStore, subject: Subject): Promise<string[]> {
  const states = await store.schedules()
  const unread = states.find((state) => state.damaged)
  if (unread) {
    throw new TuttiError('JOURNAL_CORRUPT', `the schedule '${unread.name}' cannot be read, so nobody knows whose it is`, {
      data: { schedule: unread.name },
      hint: `Drop it first: npx tutti schedule remove ${unread.name}`,
    })
  }
  return states.filter(({ spec }) => isOf(subject, scopeOfSchedule(spec))).map(({ name }) => name)
}

const isOf = ({ tenant, user }: Subject, scope: Scope): boolean => scope.tenant === tenant && (user === undefined || scope.user === user)

/** Whoever drives them ends what is under way; of those that do not end in time, the next entry is refused. */
async function cancelAll(store: JournalStore, open: readonly RunHead[], now: () => number): Promise<void> {
  const cancel = (run: RunId): Promise<unknown> => store.post(run, { id: 'erase', type: 'cancel', reason: 'its data is erased' }, now()).catch(() => {})
  await Promise.all(open.map(({ run }) => cancel(run)))
  let driven = open.filter(({ leaseUntil = 0 }) => leaseUntil > now())
  const begun = performance.now()
  while (driven.length > 0 && performance.now() - begun < PATIENCE_MS) {
    await sleep(LOOK_MS)
    const heads = await Promise.all(driven.map(({ run }) => store.head(run)))
    driven = heads.filter((head) => head !== undefined && !hasEnded(head.status)) as RunHead[]
  }
}

function notFinished({ tenant, user }: Subject, open: readonly RunHead[], schedules: readonly string[]): TuttiError {
  const whose = user === undefined ? `the tenant '${tenant}'` : `the user '${user}' of '${tenant}'`
  const runs = open.map(({ run }) => run)
  const why = [
    ...(runs.length > 0 ? [`${runs.length} of the runs of ${whose} have not ended: ${named(runs)}`] : []),
    ...(schedules.length > 0 ? [`runs of ${whose} are started by schedule: ${named(schedules)}`] : []),
  ]
  return new TuttiError('RUN_NOT_FINISHED', `nothing was erased: ${why.join('; ')}`, {
    data: { runs, schedules },
    hint: 'Wait for the runs or cancel them, remove the schedules; or force it: both is done then.',
  })
}

const named = (all: readonly string[]): string => `${all.slice(0, MOST_NAMED).join(', ')}${all.length > MOST_NAMED ? ', …' : ''}`
