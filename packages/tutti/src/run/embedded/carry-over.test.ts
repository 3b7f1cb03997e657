import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Entry, exportRun, importRun, type JournalStore, memoryStore } from '../../journal/index.ts'
import { hash128, type RunId } from '../../primitives/index.ts'
import { resumeRun, startRun } from '../../testing/driven-run.ts'
import { journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { executedAgain, flowOf, type World } from '../../testing/random-flow.ts'
import { ATTEMPTS, type Change, changed, randomProgram, seeded } from '../../testing/random-program.ts'
import { simulatedClock } from '../../testing/simulated-clock.ts'
import { testEngine } from '../../testing/test-engine.ts'
import { type AnyFlow, diffRuns, type FlowOptions, flow, type Migration, type Run, replayRun, signal, whyOf } from '../index.ts'

const RUNS = Number(process.env.RUNS ?? 60)
const number = fc.integer({ min: 0, max: 2 ** 30 })
const Go = signal('go', z.string())

type Body = (input: never, run: Run) => unknown
const version = (v: string, body: Body, migrations?: Record<string, Migration | true>, o: FlowOptions & { input?: z.ZodType } = {}): AnyFlow =>
  flow('report', { version: v, ...(migrations ? { migrations } : {}), ...o } as FlowOptions, body as never) as unknown as AnyFlow

/** A run of `code` that was left when it waited, with what its journal held then. */
async function left(code: AnyFlow, input: unknown = 1): Promise<{ store: JournalStore; run: RunId }> {
  const store = memoryStore()
  const { outcome, journal } = await startRun(store, code, input)
  expect(outcome).toMatchObject({ status: 'waiting' })
  return { store, run: journal.run }
}
const typesOf = (entries: readonly Entry[]): readonly string[] => entries.map(({ type }) => type)

describe('a run of an earlier version', () => {
  const done: string[] = []
  const say = <T>(name: string, value: T): (() => T) => {
    return () => {
      done.push(name)
      return value
    }
  }
  const v1 = version('1', async (n: number, run) => {
    const a = await run.step('a', n, say('a', 'A'))
    const b = await run.step('b', a, say('b', 'B'))
    const went = await run.wait(Go, { timeout: '3d', onTimeout: 'nobody' })
    return [a, b, went]
  })
  const v2 = (migration: Migration | true = { rename: { 'report/b': 'report/better' } }): AnyFlow =>
    version(
      '2',
      async (n: number, run) => {
        const a = await run.step('a', n, say('a', 'A'))
        const b = await run.step('better', a, say('better', 'B2'))
        await run.step('new', b, say('new', 'N'))
        const went = await run.wait(Go, { timeout: '3d', onTimeout: 'nobody' })
        return [a, b, went]
      },
      { '1': migration },
    )

  it('[R5][I9] goes on with the version that declares how: what is asked the same, under its new name, is taken over, the rest is done', async () => {
    const { store, run } = await left(v1)
    done.length = 0
    const { engine, handle } = testEngine([v2()], { store })
    await engine.activate(run)
    await handle(run).send(Go, 'yes')
    expect(await handle(run).outcome()).toMatchObject({ output: ['A', 'B', 'yes'] })
    expect(done).toEqual(['new'])
    expect(await store.head(run)).toMatchObject({ version: '2', status: 'completed' })
    const { entries } = await journalOf(store, run)
    expect(entries.find(({ type }) => type === 'run.patched')).toMatchObject({ from: '1', to: '2', rename: { 'report/b': 'report/better' } })
    expect(entries.filter((entry) => 'reused' in entry && entry.reused).map((entry) => (entry as { key?: string }).key)).toEqual(['report/a', 'report/better'])
  })

  it('[R5] is taken up at start-up, and when it is woken, without being asked for', async () => {
    const { store, run } = await left(v1)
    const { handle, engine } = testEngine([v2()], { store, resume: true })
    await engine.open()
    await handle(run).send(Go, 'yes')
    expect(await handle(run).outcome()).toMatchObject({ output: ['A', 'B', 'yes'] })
  })

  it('[R5][I9] stays with its own version where that is here too, and is refused where nobody declares how', async () => {
    const { store, run } = await left(v1)
    const none = testEngine([version('2', () => 0)], { store })
    await expect(none.engine.activate(run)).rejects.toMatchObject({ code: 'RUN_VERSION_MISMATCH' })
    const { engine, handle } = testEngine([v1, v2()], { store })
    await engine.activate(run)
    await handle(run).send(Go, 'yes')
    expect(await handle(run).outcome()).toMatchObject({ status: 'completed' })
    expect(await store.head(run)).toMatchObject({ version: '1' })
  })

  it('[R5][I9] is refused by the old code once it was carried over', async () => {
    const { store, run } = await left(v1)
    await resumeRun(store, v2(), run)
    const { engine } = testEngine([v1], { store })
    await expect(engine.activate(run)).rejects.toMatchObject({ code: 'RUN_VERSION_MISMATCH', data: { recorded: '2' } })
  })

  it('[R5][D1][D2] replays, is compared, forked, exported and imported as any other', async () => {
    const { store, run } = await left(v1)
    await resumeRun(store, v2(), run)
    const { engine, handle } = testEngine([v2()], { store })
    await engine.post(run, { id: 'x', type: 'signal', signal: 'go', value: 'yes' })
    await handle(run).result()
    done.length = 0
    expect(await replayRun(store, run, v2())).toMatchObject({ output: ['A', 'B', 'yes'] })
    const { entries } = await journalOf(store, run)
    const other = await startRun(store, v2(), 1)
    expect(diffRuns(entries, (await journalOf(store, other.journal.run)).entries).steps.map(({ key }) => key)).toEqual([
      'report/a',
      'report/better',
      'report/new',
      'report/go',
    ])
    expect(whyOf(entries).steps.map(({ key }) => key)).toContain('report/better')
    done.length = 0
    const fork = await engine.fork(run, v2(), { at: 'report/new' })
    expect(await handle(fork).outcome()).toMatchObject({ status: 'waiting' })
    expect(done).toEqual(['new'])
    const moved = memoryStore()
    await importRun(moved, exportRun(store, run))
    expect(await replayRun(moved, run, v2())).toMatchObject({ output: ['A', 'B', 'yes'] })
    expect(done).toEqual(['new'])
  })

  it('[R5] is carried over a second time, with the names of both changes, and keeps what neither asked again', async () => {
    const { store, run } = await left(v1)
    const v3 = (migrations: Record<string, Migration | true>): AnyFlow =>
      version(
        '3',
        async (n: number, run) => [await run.step('best', 'A', say('best', '?')), await run.step('a', n, say('a', '?')), await run.wait(Go)],
        migrations,
      )
    const both = v3({ '1': { rename: { 'report/b': 'report/better' } }, '2': { rename: { 'report/better': 'report/best' } } })
    const straight = memoryStore()
    await importRun(straight, exportRun(store, run))
    done.length = 0
    for (const each of [straight, store]) {
      if (each === store) await resumeRun(store, v2(), run)
      done.length = 0
      const { engine, handle } = testEngine([both], { store: each })
      await engine.activate(run)
      await handle(run).send(Go, 'yes')
      expect(await handle(run).outcome()).toMatchObject({ output: ['B', 'A', 'yes'] })
      expect(done).toEqual([])
      expect(await replayRun(each, run, both)).toMatchObject({ output: ['B', 'A', 'yes'] })
    }
  })

  it('[R5] is refused, and left as it was, where its migration throws, its input does not fit, or it is a fork', async () => {
    const { store, run } = await left(v1)
    const before = await journalOf(store, run)
    const refused = [
      v2({
        input: () => {
          throw new Error('no idea')
        },
      }),
      version('2', () => 0, { '1': { input: () => 'text' } }, { input: z.number() }),
      version('2', () => 0, { '1': true }, { input: z.string() }),
    ]
    for (const code of refused) {
      const { engine } = testEngine([code], { store })
      await expect(engine.activate(run)).rejects.toMatchObject({ code: 'RUN_MIGRATION_REFUSED', data: { from: '1', to: '2' } })
      expect(await journalOf(store, run)).toEqual(before)
    }
    const { engine, handle } = testEngine([v1], { store })
    const fork = await engine.fork(run, v1, { at: 'report/b' })
    await handle(fork).outcome()
    await engine.close({ graceMs: 0 })
    await expect(testEngine([v2()], { store }).engine.activate(fork)).rejects.toMatchObject({
      code: 'RUN_MIGRATION_REFUSED',
      hint: expect.stringContaining(run),
    })
    expect(await handle(run).outcome()).toBeDefined()
  })

  it('[R5] is given the input that its migration makes, also a large one', async () => {
    const { store, run } = await left(v1)
    const code = version('2', async (input: { n: number; text: string }, run) => [input.n, input.text.length, await run.wait(Go)], {
      '1': { input: (n: number) => ({ n, text: 'x'.repeat(5_000) }) },
    })
    const { engine, handle } = testEngine([code], { store })
    await engine.activate(run)
    await handle(run).send(Go, 'yes')
    expect(await handle(run).outcome()).toMatchObject({ output: [1, 5_000, 'yes'] })
    expect(await replayRun(store, run, code)).toMatchObject({ output: [1, 5_000, 'yes'] })
  })

  it('[R5] a migration that could not work is refused where it is declared', () => {
    const wrong: Record<string, unknown>[] = [
      { '2': true },
      { '1': 'as it is' },
      { '1': { rename: { b: 'report/c' } } },
      { '1': { rename: { 'report/b': 'c' } } },
    ]
    for (const migrations of wrong)
      expect(() => version('2', () => 0, migrations as never)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.any(String) }))
  })
})

describe('what a run that is carried over waits for', () => {
  it('[R5] is waited for until the time it was to end, and not longer', async () => {
    const clock = simulatedClock()
    const store = memoryStore()
    const body: Body = async (_: never, run) => [await run.wait(Go, { timeout: '3d', onTimeout: 'nobody' }), await run.sleep('nap', '1d'), run.now().getTime()]
    const { journal } = await startRun(store, version('1', body), 1, { clock })
    const start = clock.now()
    await clock.advance('2d')
    const { engine, handle } = testEngine([version('2', body, { '1': true })], { store, clock, restMs: 1e9 })
    await engine.activate(journal.run)
    expect(await handle(journal.run).outcome()).toMatchObject({ status: 'waiting', for: [{ until: new Date(start + 3 * 86_400_000) }] })
    await clock.advance('2d')
    expect(await handle(journal.run).result()).toMatchObject({ output: ['nobody', undefined, start + 4 * 86_400_000] })
  })

  it('[R5] and that came early is kept, and what a person answered stands though the timeout is another now', async () => {
    const Late = signal('late', z.string())
    const v1 = version('1', async (_: never, run) => [
      await run.wait(Go, { timeout: '3d', onTimeout: '' }),
      await run.wait(signal('other', z.string())),
      await run.wait(Late),
    ])
    const { store, run } = await left(v1)
    const one = testEngine([v1], { store })
    await one.handle(run).send(Go, 'yes')
    await one.handle(run).send(Late, 'early')
    await one.handle(run).outcome()
    await one.engine.close({ graceMs: 0 })
    const { engine, handle } = testEngine(
      [version('2', async (_: never, run) => [await run.wait(Go, { timeout: '9d', onTimeout: '' }), await run.wait(Late)], { '1': true })],
      { store },
    )
    await engine.activate(run)
    expect(await handle(run).outcome()).toMatchObject({ output: ['yes', 'early'] })
  })

  it('[R5] a run that was being cancelled is cancelled, after what it had done was taken over', async () => {
    const { store, run } = await left(version('1', async (_: never, run) => [await run.step('a', 1, () => 'a'), await run.wait(Go)]))
    await store.post(run, { id: 'c', type: 'cancel', reason: 'enough' }, 0)
    const seen: unknown[] = []
    const code = version(
      '2',
      async (_: never, run) => {
        seen.push(await run.step('a', 1, () => 'again'))
        return run.wait(Go)
      },
      { '1': true },
    )
    expect((await resumeRun(store, code, run)).outcome).toMatchObject({ status: 'cancelled' })
    expect(seen).toEqual(['a'])
  })
})

describe('an effect of a run that is carried over', () => {
  const paid: unknown[] = []
  const pay = (run: Run, name: string, input: unknown): Promise<string> => run.step(name, input, (x) => `receipt ${paid.push(x)}`, { effect: 'once' })
  const first = version('1', async (n: number, run) => [await pay(run, 'charge', n), await run.wait(Go)])
  const goOn = async (body: Body, migration: Migration | true = true): Promise<{ outcome: unknown; entries: readonly Entry[] }> => {
    paid.length = 0
    const { store, run } = await left(first)
    const code = version('2', body, { '1': migration })
    await store.post(run, { id: 's', type: 'signal', signal: 'go', value: 'yes' }, 0)
    const { outcome, journal } = await resumeRun(store, code, run)
    return { outcome, entries: journal.entries }
  }

  it('[R5][I8] that may happen once only never happens again: under its name, under a declared one, at another place', async () => {
    expect((await goOn(async (n: number, run) => [await pay(run, 'charge', n), await run.wait(Go)])).outcome).toMatchObject({ output: ['receipt 1', 'yes'] })
    expect(
      (await goOn(async (n: number, run) => [await pay(run, 'bill', n), await run.wait(Go)], { rename: { 'report/charge': 'report/bill' } })).outcome,
    ).toMatchObject({
      output: ['receipt 1', 'yes'],
    })
    const inner = flow('inner', (n: number, run) => pay(run, 'charge', n))
    expect((await goOn(async (n: number, run) => [await run.call(inner, n), await run.wait(Go)])).outcome).toMatchObject({ output: ['receipt 1', 'yes'] })
    expect(paid).toHaveLength(1)
  })

  it('[R5][I8] is refused, by code, with another input, and under a name that nobody declared', async () => {
    for (const body of [(n: number, run: Run) => pay(run, 'charge', n + 1), (n: number, run: Run) => pay(run, 'bill', n)])
      expect((await goOn(body as Body)).outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FORK_ONCE' } })
    expect(paid).toHaveLength(1)
  })

  it('[R5] another one with the same input may happen, where the migration says that the old one keeps its name', async () => {
    const body: Body = async (n: number, run) => [await pay(run, 'tip', n), await pay(run, 'charge', n)]
    expect((await goOn(body, { rename: { 'report/charge': 'report/charge' } })).outcome).toMatchObject({ output: ['receipt 2', 'receipt 1'] })
  })

  it('[R5] that happened and is never asked for again is noted', async () => {
    const { entries } = await goOn(async (_: number, run) => run.wait(Go))
    const note = entries.find(({ type }) => type === 'note')
    expect(note).toMatchObject({ key: 'report/charge', text: expect.stringContaining('version 2, which never asked for it') })
    expect(typesOf(entries).at(-1)).toBe('run.completed')
  })

  it('[R5][I8] that was cut off is in doubt still, until a person says what became of it', async () => {
    const store = memoryStore()
    const unsure = (run: Run, name: string): Promise<string> => run.step(name, 1, () => Promise.reject(new Error('cut')), { effect: 'once' })
    const { journal } = await startRun(
      store,
      version('1', (_: never, run) => unsure(run, 'charge')),
      1,
    )
    const code = version('2', (_: never, run) => unsure(run, 'bill'), { '1': { rename: { 'report/charge': 'report/bill' } } })
    for (let i = 0; i < 2; i++) {
      const { outcome } = await resumeRun(store, code, journal.run)
      expect(outcome).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.resolve', key: 'report/bill' }] })
    }
    await store.post(journal.run, { id: 'v', type: 'resolve', key: 'report/bill', verdict: 'done', value: 'by hand' }, 0)
    expect((await resumeRun(store, code, journal.run)).outcome).toMatchObject({ output: 'by hand' })
    expect(await replayRun(store, journal.run, code)).toMatchObject({ output: 'by hand' })
  })

  it('[R5] that may be repeated is, with the same key under its new name, and with another where its input is another', async () => {
    const keys: string[] = []
    const send =
      (name: string, input: number): Body =>
      (_: never, run) =>
        run.step(name, input, (_, ctx) => keys.push(ctx.idempotencyKey) && `sent ${ctx.attempt}`, { effect: 'idempotent' })
    for (const [body, same] of [
      [send('post', 1), true],
      [send('post', 2), false],
    ] as const) {
      keys.length = 0
      const { journal } = await startRun(memoryStore(), version('1', send('send', 1)), 1)
      const begun = journal.entries.findIndex(({ type }) => type === 'step.started') + 1
      const store = await seedJournal(journal, begun)
      const { outcome } = await resumeRun(store, version('2', body, { '1': { rename: { 'report/send': 'report/post' } } }), journal.run)
      expect(outcome).toMatchObject({ output: 'sent 2' })
      expect(keys[0] === keys[1]).toBe(same)
    }
  })
})

/** A step gives the same wherever it stands, and what fails for good fails at every attempt, however many there were. */
function sameWorld(seed: number): World & { executed: string[] } {
  const random = seeded(seed)
  const executed: string[] = []
  const work: World['work'] = async ({ name, input, throws }, ctx) => {
    executed.push(ctx.idempotencyKey)
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    if (throws >= ATTEMPTS || ctx.attempt <= throws) throw new Error('by design')
    return hash128(`${name}|${input}`).slice(0, 6)
  }
  return { executed, work }
}

describe('random flows carried over', () => {
  it.each(['insert', 'remove', 'input', 'rename'] as const)(
    '[R5] %s: from wherever it stopped the run comes to what the new version gives, nothing that is asked the same executes again, and it replays',
    (change: Change) =>
      fc.assert(
        fc.asyncProperty(number, number, fc.double({ min: 0, max: 1, noNaN: true }), async (shape, world, cut) => {
          const o = { ordered: false }
          const program = randomProgram(shape, { races: false })
          const other = changed(program, change, world)
          fc.pre(other !== undefined)
          const id = 'run_one' as RunId
          const first = await startRun(memoryStore(), flowOf(program, sameWorld(world), o), null, { start: { id } })
          const length = 1 + Math.floor(cut * (first.journal.entries.length - 2))
          const store = await seedJournal(first.journal, length)
          const second = sameWorld(world + 1)
          const code = flowOf(other, second, { ...o, version: '2', migrations: { '1': true } })
          const middle = await resumeRun(store, code, id)
          const fresh = await startRun(memoryStore(), flowOf(other, sameWorld(world + 2), o), null, { start: { id } })
          expect(middle.outcome).toMatchObject({ status: 'completed' })
          expect((middle.outcome as { output?: unknown }).output).toBe((fresh.outcome as { output?: unknown }).output)
          if (change === 'insert') expect(executedAgain(second, first.journal, length).filter((key) => !key.includes('inserted'))).toEqual([])
          const third = sameWorld(world + 3)
          expect((await replayRun(store, id, flowOf(other, third, o))).output).toBe((middle.outcome as { output?: unknown }).output)
          expect(third.executed).toEqual([])
          for (const at of [length + 1, Math.floor((length + middle.journal.entries.length) / 2)]) {
            const again = await seedJournal(middle.journal, Math.max(at, length + 3))
            await again.append({ run: id, epoch: (await again.acquire(id, 'me', 0, 1))?.epoch ?? 0, entries: [], head: { version: '2' }, release: true })
            expect((await resumeRun(again, flowOf(other, sameWorld(world + 4), { ...o, version: '2' }), id)).outcome).toMatchObject({
              output: (middle.outcome as { output?: unknown }).output,
            })
          }
        }),
        { numRuns: Math.ceil(RUNS / 3) },
      ),
  )
})
