import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Entry, type EntryOf, type JournalStore, memoryStore } from '../../journal/index.ts'
import { type Clock, hash128, type RunId } from '../../primitives/index.ts'
import { startRun } from '../../testing/driven-run.ts'
import { journalOf } from '../../testing/failpoint-store.ts'
import { flowOf, randomWorld, type World } from '../../testing/random-flow.ts'
import { randomProgram, seeded } from '../../testing/random-program.ts'
import { gate, testEngine } from '../../testing/test-engine.ts'
import { type AnyFlow, EmbeddedEngine, EmbeddedHandle, flow, type RunOutcome, replayRun, signal } from '../index.ts'
import type { ForkRequest } from './fork.ts'

/** Seeds of programs: `RUNS=2000` for a long campaign, `SEED=…` to repeat one. */
const RUNS = Number(process.env.RUNS ?? 60)
const given = { numRuns: RUNS, ...(process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) }) }
const number = fc.integer({ min: 0, max: 2 ** 30 })

/** A clock that stands still: no sleep that the record does not hold comes to its end, not even one of no time. */
const stillClock: Clock = { now: () => Date.UTC(2026, 0, 1), alarm: () => () => {} }

/** Forks a run and drives the fork to its rest. */
async function forked(
  store: JournalStore,
  from: RunId,
  code: AnyFlow,
  o: ForkRequest,
): Promise<{ outcome: RunOutcome<unknown>; entries: readonly Entry[]; run: RunId }> {
  const engine = new EmbeddedEngine({ store, flows: [code], resume: false, clock: stillClock })
  try {
    const run = await engine.fork(from, code, o)
    const outcome = await new EmbeddedHandle(engine, run).outcome()
    return { outcome, run, entries: (await journalOf(store, run)).entries }
  } finally {
    await engine.close({ graceMs: 0 })
  }
}

/** A world in which every step gives what it gave in that record, sooner or later; says which keys were asked. */
function worldOf(record: readonly Entry[], run: RunId, seed: number): { readonly world: World; readonly asked: string[] } {
  const random = seeded(seed)
  const keys = new Map(record.flatMap((entry) => ('key' in entry && entry.key ? [[hash128(`${run}|${entry.key}`), entry.key] as const] : [])))
  const values = new Map(record.flatMap((entry) => (entry.type === 'step.completed' ? [[entry.key, entry.value as string] as const] : [])))
  const asked: string[] = []
  const work: World['work'] = async (_, { idempotencyKey }) => {
    const key = keys.get(idempotencyKey) ?? 'something that the record does not hold'
    asked.push(key)
    for (let turns = Math.floor(random() * 8); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    return values.get(key) ?? 'never'
  }
  return { world: { executed: [], work }, asked }
}

/** Steps that were done at the first attempt. */
const plainSteps = (entries: readonly Entry[]): readonly EntryOf<'step.completed'>[] =>
  entries.filter((entry) => entry.type === 'step.completed').filter(({ attempt }) => attempt === undefined)

describe('a fork of a random flow with races', () => {
  it('[D2] at any step, with nothing changed, executes that step alone and gives the same output', () =>
    fc.assert(
      fc.asyncProperty(number, number, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, world, which) => {
        const store = memoryStore()
        const program = randomProgram(shape)
        const { outcome, journal } = await startRun(store, flowOf(program, randomWorld(world)), null)
        const steps = plainSteps(journal.entries)
        const at = steps[Math.floor(which * steps.length * 0.999)]?.key
        fc.pre(at !== undefined)
        const id = 'run_fork' as RunId
        const again = worldOf(journal.entries, id, world)
        const fork = await forked(store, journal.run, flowOf(program, again.world), { at, id })
        // A step that ended together with the run, or after it, is not needed again.
        expect([[at], []]).toContainEqual(again.asked)
        expect(fork.outcome).toMatchObject({ status: 'completed', output: (outcome as { output?: unknown }).output })
        const none = randomWorld(world + 1)
        expect((await replayRun(store, id, flowOf(program, none))).output).toBe((fork.outcome as { output?: unknown }).output)
        expect(none.executed).toEqual([])
      }),
      given,
    ))

  it('[D2] that a crash cut short anywhere goes on to the same output, and executes nothing but its step', () =>
    fc.assert(
      fc.asyncProperty(number, number, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, world, cut) => {
        const store = memoryStore()
        const program = randomProgram(shape)
        const { outcome, journal } = await startRun(store, flowOf(program, randomWorld(world)), null)
        const steps = plainSteps(journal.entries)
        const at = steps[Math.floor(cut * steps.length * 0.999)]?.key
        fc.pre(at !== undefined)
        const id = 'run_fork' as RunId
        const again = worldOf(journal.entries, id, world)
        const whole = await forked(store, journal.run, flowOf(program, again.world), { at, id })
        let length = 2 + Math.floor(cut * (whole.entries.length - 3))
        // A sleep that is taken over is set and over in one transaction.
        if (whole.entries[length - 1]?.type === 'timer.set') length++
        const left = memoryStore()
        await left.create({ ...(await store.head(journal.run)), ...journal, labels: {} } as never)
        const head = await store.head(id)
        await left.create({ ...head, entries: whole.entries.slice(0, length) } as never)
        const engine = new EmbeddedEngine({ store: left, flows: [flowOf(program, again.world)], resume: false, clock: stillClock })
        await engine.activate(id)
        const resumed = await new EmbeddedHandle(engine, id).outcome()
        await engine.close({ graceMs: 0 })
        expect(resumed).toMatchObject({ status: 'completed', output: (outcome as { output?: unknown }).output })
        expect([...new Set(again.asked)].filter((key) => key !== at)).toEqual([])
      }),
      { ...given, numRuns: Math.ceil(RUNS / 2) },
    ))
})

/** A run of `code` to its end, and what a fork of it with `changed` (default: the same code) comes to. */
async function forkOf(code: AnyFlow, o: ForkRequest, changed: AnyFlow = code): Promise<RunOutcome<unknown>> {
  const { start, engine, handle } = testEngine()
  const first = await start(code, 1 as never)
  await first.result()
  return handle(await engine.fork(first.id, changed, o)).outcome()
}

describe('a step without an input', () => {
  const done: string[] = []
  const code = (o: { inserted?: boolean } = {}): AnyFlow =>
    flow('desk', async (n: number, run) => {
      const a = await run.step('a', n, (x) => x)
      const early = await run.step('early', () => done.push('early') && `early ${n}`)
      const b = await run.step('b', n, (x) => x)
      if (o.inserted) await run.step('inserted', n, (x) => x)
      const late = await run.step('late', () => done.push('late') && `late ${a} ${b}`)
      return [early, late]
    })

  it('[D2] is done again in a fork that edits what came before it, and only then', async () => {
    done.length = 0
    expect(await forkOf(code(), { at: 'desk/b', output: 7 })).toMatchObject({ output: ['early 1', 'late 1 7'] })
    expect(done).toEqual(['early', 'late', 'late'])
    done.length = 0
    expect(await forkOf(code(), { at: 'desk/a', output: 7 })).toMatchObject({ output: ['early 1', 'late 7 1'] })
    expect(done).toEqual(['early', 'late', 'early', 'late'])
  })

  it('[D2] stands where the step before it was done again and gave the same, and where its output was edited to what it was', async () => {
    done.length = 0
    for (const o of [{ at: 'desk/b' }, { at: 'desk/a', output: 1 }, { at: 'desk/late', output: 'edited' }]) await forkOf(code(), o)
    expect(done).toEqual(['early', 'late', 'early', 'late', 'early', 'late'])
  })

  it('[D2] is done again where the run has another input, or new code did something before it that the run did not', async () => {
    done.length = 0
    expect(await forkOf(code(), { at: 'desk/b', input: 2 })).toMatchObject({ output: ['early 2', 'late 2 2'] })
    await forkOf(code(), { at: 'desk/b' }, code({ inserted: true }))
    expect(done).toEqual(['early', 'late', 'early', 'late', 'early', 'late', 'late'])
  })
})

describe('an effect that may happen once only', () => {
  const done: string[] = []
  const once = { effect: 'once' } as const
  const code = (name: string, o: { withInput?: boolean } = {}): AnyFlow =>
    flow('desk', async (n: number, run) => {
      const a = await run.step('a', n, (x) => x)
      if (o.withInput) return run.step(name, 'order', () => `${name} ${done.push(name)}`, once)
      return run.step(name, () => `${name} ${a} ${done.push(name)}`, once)
    })

  it('[D2][I8] and has no input is taken over while nothing before it is other, and refused when something is', async () => {
    done.length = 0
    expect(await forkOf(code('pay'), { at: 'desk/a' })).toMatchObject({ output: 'pay 1 1' })
    expect(await forkOf(code('pay'), { at: 'desk/a', output: 9 })).toMatchObject({ error: { code: 'RUN_FORK_ONCE', data: { key: 'desk/pay' } } })
    expect(done).toEqual(['pay', 'pay'])
  })

  it('[D2][I8] is refused under another name with the same input, unless it is told to happen again', async () => {
    done.length = 0
    const [pay, charge] = [code('pay', { withInput: true }), code('charge', { withInput: true })]
    expect(await forkOf(pay, { at: 'desk/a' }, charge)).toMatchObject({ error: { code: 'RUN_FORK_ONCE', message: expect.stringContaining("'desk/pay'") } })
    expect(done).toEqual(['pay'])
    expect(await forkOf(pay, { at: 'desk/a', once: 'again' }, charge)).toMatchObject({ output: 'charge 3' })
  })
})

describe('who comes first in a fork', () => {
  it('[D2][I4] is who came first in the run, however long the step takes that is done again', async () => {
    const hold = [gate(), gate()]
    hold[0]?.open()
    const seen: string[] = []
    const race = flow('race', async (_: number, run) => {
      const slow = run.step('slow', 1, () => (hold.shift() as ReturnType<typeof gate>).promise.then(() => 'slow'))
      const quick = run.sleep('nap', 5).then(() => run.step('quick', 2, () => 'quick'))
      const first = await Promise.race([slow, quick])
      seen.push(first)
      return [first, await slow, await quick]
    })
    const { start, engine, handle, lines } = testEngine()
    const first = await start(race, 1)
    expect((await first.result()).output).toEqual(['slow', 'slow', 'quick'])
    const waits = hold[0]
    const fork = await engine.fork(first.id, race, { at: 'race/slow' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await lines(fork)).toEqual([])
    waits?.open()
    expect(await handle(fork).outcome()).toMatchObject({ output: ['slow', 'slow', 'quick'] })
    expect(seen).toEqual(['slow', 'slow'])
  })

  it('[D2] never waits for a person: what is known is handed out while a signal is open', async () => {
    const Go = signal('go', z.string())
    const both = flow('both', async (_: number, run) => {
      const went = run.wait(Go)
      const a = await run.step('a', 1, () => 'a')
      run.emit('a', a)
      return [await went, a]
    })
    const { start, engine, handle, lines } = testEngine()
    const first = await start(both, 1)
    await first.send(Go, 'yes')
    await first.result()
    const fork = await engine.fork(first.id, both, { at: 'both/go' })
    expect(await handle(fork).outcome()).toMatchObject({ status: 'waiting', for: [{ key: 'both/go' }] })
    expect(await lines(fork)).toContain('step.completed both/a')
  })
})
