import { describe, expect, it } from 'vitest'
import { notDone } from '../../errors/index.ts'
import type { Clock } from '../../primitives/index.ts'
import { type BookOptions, book, failsWith, ranOut } from '../../testing/booking.ts'
import { resumeRun } from '../../testing/driven-run.ts'
import { fromEveryPrefix } from '../../testing/every-prefix.ts'
import { journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, lineOf, testEngine } from '../../testing/test-engine.ts'
import { flow, replayRun, type StepContext } from '../index.ts'

/** A clock on which no time has to pass for an alarm to go off. */
const hasty = (): Clock => ({
  now: () => Date.now(),
  alarm: (_, fire) => {
    const soon = setTimeout(fire, 20)
    return () => clearTimeout(soon)
  },
})

describe('a step that is under way when its run comes to its end', () => {
  /** `a` is booked; `b` is at work when `c` fails; `work` is what `b` does. */
  const cutOff = (world: string[], work: (ctx: StepContext) => unknown, o: BookOptions = {}) =>
    flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      const b = book(run, world, 'b', o, work)
      const c = run.step('c', async () => {
        await settled(2)
        throw new Error('no')
      })
      await run.all([b, c])
    })
  const unknown = { data: { notUndone: [{ key: 'trip/b', code: 'RUN_UNDO_UNKNOWN', message: expect.stringContaining("'trip/b' was under way") }] } }

  it('[R8] and completes all the same is waited for and undone first', async () => {
    const world: string[] = []
    const held = gate()
    const { start } = testEngine([cutOff(world, () => held.promise)])
    const handle = await start(
      cutOff(world, () => held.promise),
      null,
    )
    await settled()
    expect(world).toEqual(['book a'])
    held.open()
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { message: 'no' } })
    expect(world).toEqual(['book a', 'book b', 'undo b b!', 'undo a a!'])
  })

  it('[R8] and stops because it was told to is not undone on a guess but named, unless it says that nothing happened', async () => {
    const untilTold = (say: (reason: unknown) => unknown) => (ctx: StepContext) =>
      new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(say(ctx.signal.reason))))
    const world: string[] = []
    for (const say of [(reason: unknown) => reason, () => new DOMException('stopped', 'AbortError')]) {
      const desk = cutOff(world, untilTold(say))
      const { outcome, store, handle } = await ranOut(desk)
      expect(outcome).toMatchObject({ status: 'failed', error: unknown })
      await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject(unknown)
    }
    const { outcome } = await ranOut(
      cutOff(
        world,
        untilTold(() => notDone('nothing was sent')),
      ),
    )
    expect(outcome).toMatchObject({ status: 'failed', error: { message: 'no', data: { message: 'no' } } })
    expect(world).toEqual(['book a', 'undo a a!', 'book a', 'undo a a!', 'book a', 'undo a a!'])
  })

  it('[R7] and never stops is named after a while, and what it brings later changes nothing', async () => {
    const world: string[] = []
    const held = gate()
    const desk = cutOff(world, () => held.promise)
    const { outcome, entries, handle, store, journal } = await ranOut(desk)
    expect(outcome).toMatchObject({ status: 'failed', error: unknown })
    expect(world).toEqual(['book a', 'undo a a!'])
    held.open()
    await settled()
    expect(await entries(handle.id)).toEqual(journal.entries)
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject(unknown)
  })

  it('[R8] in a process that is killed is not done again to be undone, but named', async () => {
    const world: string[] = []
    const desk = cutOff(world, () => new Promise(() => {}))
    const first = testEngine([desk])
    const handle = await first.start(desk, null)
    await settled()
    const cut = await journalOf(first.store, handle.id)
    world.length = 0
    const { outcome, journal } = await resumeRun(
      await seedJournal(cut),
      cutOff(world, () => {}),
      handle.id,
    )
    expect(outcome).toMatchObject({ status: 'failed', error: unknown })
    expect(world).toEqual(['undo a a!'])
    expect(journal.entries.map(lineOf).slice(-4)).toEqual([
      'step.failed trip/b @1 ATTEMPT_LOST again',
      'step.compensated trip/b RUN_UNDO_UNKNOWN final',
      'step.compensated trip/a',
      'run.failed',
    ])
    for (const again of await fromEveryPrefix(
      journal,
      cutOff(world, () => new Promise(() => {})),
      () => ({ clock: hasty() }),
    ))
      expect(again.outcome).toMatchObject({ error: unknown })
  })

  it('[I8] and may happen once only is named while it is in doubt; nobody undoes it, and nobody waits for a person', async () => {
    const world: string[] = []
    const once = { effect: 'once' } as const
    const doubted = cutOff(world, failsWith('a broken line'), once)
    const { outcome, journal } = await ranOut(doubted)
    expect(outcome).toMatchObject({ status: 'failed', error: unknown })
    expect(world).toEqual(['book a', 'undo a a!'])
    for (const again of await fromEveryPrefix(journal, doubted)) expect(again.outcome).toMatchObject({ error: unknown })
  })

  it('[R8] and whose tool knows that it happened is undone, also after a crash, once its time is over', async () => {
    const world: string[] = []
    const clock = simulatedClock()
    const desk = flow('trip', async (_: null, run) => {
      await run['~core'].ask<string>({
        name: 'charge',
        kind: 'code',
        effect: 'once',
        fingerprint: 'f',
        timeoutMs: 60_000,
        plan: () => ({ execute: () => new Promise(() => {}) }),
        reconcile: () => {
          world.push(`asked after ${clock.now() - resumedAt} ms`)
          return { done: true, value: 'charge 17' }
        },
        undo: { execute: (value) => void world.push(`undo ${value}`) },
      })
    })
    const first = testEngine([desk])
    const handle = await first.start(desk, null)
    await settled()
    const store = await seedJournal(await journalOf(first.store, handle.id))
    await store.post(handle.id, { id: 'c', type: 'cancel', reason: 'never mind' }, 0)
    const resumedAt = clock.now()
    const second = testEngine([desk], { store, clock })
    await second.engine.activate(handle.id)
    await clock.advance('2m')
    expect(await second.handle(handle.id).outcome()).toMatchObject({ status: 'cancelled', error: { message: 'never mind' } })
    expect(world).toEqual(['asked after 60000 ms', 'undo charge 17'])
  })
})

describe('a step whose undo is gone', () => {
  /** Books `a`; in the code of the day after without an undo, or something else altogether. */
  const desk = (world: string[], o: { undo?: false; other?: true } = {}) =>
    flow('trip', async (_: null, run) => {
      if (o.other) await run.step('other', () => 1)
      await book(run, world, 'a', o.undo === false ? { undo: undefined } : {})
      await run.sleep('long', '1d')
    })
  const missing = { data: { notUndone: [{ key: 'trip/a', code: 'RUN_UNDO_MISSING' }] } }
  /** A run that has booked `a`, as its process left it. */
  async function begun() {
    const { start, store } = testEngine([desk([])])
    const { id } = await start(desk([]), null)
    await settled()
    return { id, store: await seedJournal(await journalOf(store, id)) }
  }

  it('[R8] because the code of now has none, is named when the run is cancelled', async () => {
    const { id, store } = await begun()
    await store.post(id, { id: 'c', type: 'cancel', reason: 'never mind' }, 0)
    const { outcome } = await resumeRun(store, desk([], { undo: false }), id)
    expect(outcome).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED', ...missing } })
    await expect(replayRun(store, id, desk([]))).rejects.toMatchObject(missing)
  })

  it('[R8][R5] because the code of now diverges and the run is cancelled after that, is named; it could not be driven to its undo', async () => {
    const { id, store } = await begun()
    const other = desk([], { other: true })
    expect((await resumeRun(store, other, id)).outcome).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    await store.post(id, { id: 'c', type: 'cancel', reason: 'never mind' }, 0)
    const { outcome, journal } = await resumeRun(store, other, id)
    expect(outcome).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED', ...missing } })
    expect(journal.entries.map(lineOf).slice(-2)).toEqual(['step.compensated trip/a RUN_UNDO_MISSING final', 'run.cancelled'])
  })
})
