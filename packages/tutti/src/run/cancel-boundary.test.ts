/** A cancel that arrives at each boundary of a run, and a crash or a failing store after it: each place once, none by chance. */
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Commit, type Entry, type EntryOf, type InboxMessage, isTerminal, type JournalStore, memoryStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { type BookOptions, book } from '../testing/booking.ts'
import { resumeRun } from '../testing/driven-run.ts'
import { bound, type Fate, failpointStore, journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { settled } from '../testing/simulated-clock.ts'
import { EmbeddedEngine, EmbeddedHandle, type Flow, flow, type RunOutcome, replayRun, signal } from './index.ts'

const Go = signal('go', z.null())
const REASON = 'never mind'
const quick: BookOptions = { retry: { attempts: 3, backoff: 1, max: 2 } }
/** Work that takes a few turns, told to stop or not. */
const slow = (turns: number) => (): Promise<void> => settled(turns)

/** Steps, a map, a nested flow, branches, a sleep, a wait and a step that may happen once; then it fails, and undoes. One undo needs two attempts. */
function trip(world: string[]): Flow<null, void> {
  const item = flow('item', async (n: number, run) => book(run, world, `seat ${n}`, quick, slow(n)))
  const nested = flow('nested', async (_: null, run) => {
    await run.sleep('nap', 1)
    await book(run, world, 'car', {
      ...quick,
      undo: (_, what, { attempt }) => {
        if (attempt === 1) throw new Error('not yet')
        world.push(`undo ${what}`)
      },
    })
  })
  return flow('trip', async (_: null, run) => {
    await book(run, world, 'train')
    const late = run.step('late', slow(60)).catch(() => {})
    await run.map('seats', [1, 2, 3], item, { concurrency: 2 })
    await run.call(nested, null)
    await run.all([book(run, world, 'left', quick, slow(3)), book(run, world, 'right', quick, slow(1))])
    await run.wait(Go)
    await late
    await book(run, world, 'charge', { effect: 'once' }, slow(2))
    await run.step('check', slow(1))
    run.fail('no')
  })
}

/** How often each thing was booked and undone: `[booked, undone]`. */
function balance(world: readonly string[]): ReadonlyMap<string, readonly [number, number]> {
  const counts = new Map<string, [number, number]>()
  for (const line of world) {
    const [, verb, what = ''] = /^(book|undo) (\w+(?: \d)?)/.exec(line) ?? []
    const count = counts.get(what) ?? [0, 0]
    counts.set(what, count)
    count[verb === 'book' ? 0 : 1]++
  }
  return counts
}
/** The keys of what was booked, and of what was undone, in their order; attempts that were tried again left out. */
const bookedIn = (entries: readonly Entry[]): string[] => entries.flatMap((entry) => (isDone(entry) && isBooking(entry.key) ? [entry.key] : []))
const undoneIn = (entries: readonly Entry[]): string[] => entries.flatMap((entry) => (entry.type === 'step.compensated' && !entry.error ? [entry.key] : []))
const isDone = (entry: Entry): entry is EntryOf<'step.completed' | 'step.resolved'> =>
  entry.type === 'step.completed' || (entry.type === 'step.resolved' && entry.verdict === 'done')
const isBooking = (key: string): boolean => /(train|seat \d|car|left|right|charge)$/.test(key)
const wordOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

interface Lived {
  readonly run: RunId
  readonly outcome: RunOutcome<unknown>
  readonly entries: readonly Entry[]
  readonly world: readonly string[]
}
/** A store that never answers keeps its engine from closing for a while: all at once. */
const engines: EmbeddedEngine[] = []
afterEach(() => Promise.all(engines.splice(0).map((engine) => engine.close({ graceMs: 0 }))))

type Tell = (entry: Entry, cancel: () => void) => void

/** Drives the trip to its end, and answers what it waits for; `tell` hears of each entry once it is durable. */
async function lives(store: JournalStore, tell: Tell = () => {}, o: { resumed?: RunId; world?: string[]; earlier?: readonly string[] } = {}): Promise<Lived> {
  const { resumed, world = [], earlier = [] } = o
  const append = async (commit: Commit): Promise<string | undefined> => {
    const instead = await store.append(commit)
    for (const entry of commit.entries) tell(entry, () => void post(commit.run, { id: 'c', type: 'cancel', reason: REASON }))
    return instead
  }
  const engine = new EmbeddedEngine({ store: { ...bound(store), append, close: async () => {} }, flows: [trip(world)], resume: false })
  engines.push(engine)
  const post = (run: RunId, message: InboxMessage): Promise<unknown> => engine.post(run, message).catch(() => {})
  const run = resumed ?? (await engine.start(trip(world), null))
  if (resumed) await engine.activate(run)
  for (;;) {
    const outcome = await new EmbeddedHandle(engine, run).outcome()
    if (outcome.status !== 'waiting') return { run, outcome, entries: (await journalOf(store, run)).entries, world }
    for (const { signal, key } of outcome.for) {
      const happened = [...earlier, ...world].includes('book charge')
      if (signal === 'go') await post(run, { id: 'go', type: 'signal', signal, value: null })
      else await post(run, { id: `v ${key}`, type: 'resolve', key, ...(happened ? { verdict: 'done', value: 'charge!' } : { verdict: 'not-done' }) })
    }
    await settled(1)
  }
}

describe('a run that is cancelled', () => {
  it('[R7][R8] at any boundary ends once, with everything undone that was done, the last first; what comes late changes nothing; it replays so', async () => {
    const whole = await lives(memoryStore())
    expect(whole.outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no' } })
    const types = new Set(whole.entries.map(({ type }) => type))
    for (const type of ['timer.fired', 'signal.received', 'step.started', 'step.compensated'] as const) expect(types).toContain(type)
    const begins = whole.entries.findIndex(({ type }) => type === 'step.compensated')
    const statuses: string[] = []
    for (let seq = 2; seq < whole.entries.length; seq++) {
      const store = memoryStore()
      const { run, outcome, entries, world } = await lives(store, (entry, cancel) => entry.seq === seq && cancel())
      statuses.push(outcome.status)
      expect(entries.filter(isTerminal)).toHaveLength(1)
      expect(undoneIn(entries)).toEqual(bookedIn(entries).reverse())
      for (const [what, [booked, undone]] of balance(world)) expect([what, booked, undone]).toEqual([what, 1, 1])
      await settled(80)
      expect((await journalOf(store, run)).entries).toEqual(entries)
      const again: string[] = []
      const thrown = await replayRun(store, run, trip(again)).catch((error) => error)
      expect({ ...thrown.toJSON(), again }).toEqual({ ...('error' in outcome ? outcome.error.toJSON() : {}), again: [] })
    }
    const early = statuses.slice(0, begins - 6)
    expect(early).toEqual(early.map(() => 'cancelled'))
    expect(new Set(statuses.slice(begins))).toEqual(new Set(['failed']))
  })

  it('[R7][R8] and whose process is killed at any entry after that, ends the same way; nothing that is recorded as undone is undone again', async () => {
    const store = memoryStore()
    const whole = await lives(store, (entry, cancel) => entry.type === 'signal.received' && cancel())
    expect(whole.outcome.status).toBe('cancelled')
    const journal = await journalOf(store, whole.run)
    const from = journal.entries.findIndex(({ type }) => type === 'run.cancelling') + 1
    expect(journal.entries.length - from).toBeGreaterThan(6)
    for (let length = from; length < journal.entries.length; length++) {
      const world: string[] = []
      const { outcome, journal: after } = await resumeRun(await seedJournal(journal, length), trip(world), journal.run)
      expect(outcome).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED', message: expect.stringMatching(/^never mind/) } })
      expect(undoneIn(after.entries)).toEqual(bookedIn(after.entries).reverse())
      const before = new Set(undoneIn(journal.entries.slice(0, length)).map(wordOf))
      expect([...balance(world)].filter(([what, [booked, undone]]) => before.has(what) || booked > 0 || undone > 1)).toEqual([])
    }
  })
})

describe('a run that undoes', () => {
  /** The trip over a store that fails at one entry, for ever; then over what that left. */
  async function over(fate: Fate, seq: number): Promise<{ left: readonly Entry[]; second: Lived }> {
    const inner = memoryStore()
    const store = failpointStore(inner, ({ entries }) => (entries.some((entry) => entry.seq === seq) ? fate : 'write'))
    const world: string[] = []
    let run: RunId | undefined
    const living = lives({ ...bound(store), create: (made) => store.create(made).finally(() => (run = made.run)) }, undefined, { world })
    const first = await Promise.race([living, settled(120)])
    if (first) expect(first.outcome).toMatchObject({ error: { code: 'JOURNAL_UNWRITABLE' } })
    const journal = await journalOf(inner, run as RunId)
    return { left: journal.entries, second: await lives(await seedJournal(journal), undefined, { resumed: journal.run, earlier: world }) }
  }

  it.each(['vanish', 'refuse'] as const)(
    '[R1][R8] comes to the same end when the store says %s to any entry, and undoes nothing again that is recorded as undone',
    async (fate) => {
      const whole = await lives(memoryStore())
      for (let seq = 2; seq <= whole.entries.length; seq++) {
        const { left, second } = await over(fate, seq)
        expect(second.outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no' } })
        expect(second.entries.slice(0, left.length)).toEqual(left)
        expect(undoneIn(second.entries)).toEqual(bookedIn(second.entries).reverse())
        expect(new Set(bookedIn(second.entries).map(wordOf))).toEqual(new Set(bookedIn(whole.entries).map(wordOf)))
        const before = new Set(undoneIn(left).map(wordOf))
        expect([...balance(second.world)].filter(([what, [, undone]]) => before.has(what) || undone > 1)).toEqual([])
      }
    },
  )
})
