import { describe, expect, it } from 'vitest'
import { notDone, TuttiError } from '../../errors/index.ts'
import { type Entry, isTerminal, memoryStore } from '../../journal/index.ts'
import { type BookOptions, book, compensations, failsWith, ranOut } from '../../testing/booking.ts'
import { resumeRun } from '../../testing/driven-run.ts'
import { fromEveryPrefix } from '../../testing/every-prefix.ts'
import { journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, lineOf, testEngine } from '../../testing/test-engine.ts'
import { flow, replayRun, type StepContext } from '../index.ts'

/** Two bookings at the top, two in a nested flow, three in a map, two in branches; then it fails. */
const trip = (world: string[]) => {
  const nested = flow('nested', async (_: null, run) => {
    await book(run, world, 'car')
    await book(run, world, 'hotel')
  })
  const item = flow('item', async (n: number, run) => book(run, world, `seat ${n}`))
  return flow('trip', async (_: null, run) => {
    await book(run, world, 'train')
    await run.call(nested, null)
    await run.map('seats', [1, 2, 3], item, { concurrency: 1 })
    await run.all({ left: run.call(item, 8, { name: 'left' }), right: run.call(item, 9, { name: 'right' }) })
    await run.step('insure', failsWith('refused')).catch(() => 'without')
    await run.step('pay', failsWith('no money'))
  })
}
const booked = ['train', 'car', 'hotel', 'seat 1', 'seat 2', 'seat 3', 'seat 8', 'seat 9']
const unbooked = [...booked].reverse().map((what) => `undo ${what} ${what}!`)

describe('a run that fails', () => {
  it('[R8] undoes every completed step, wherever it was, the last one first, with what was recorded of it, before the run ends', async () => {
    const world: string[] = []
    const { outcome, journal } = await ranOut(trip(world))
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_STEP_FAILED', message: 'no money', data: { message: 'no money' } } })
    expect(world.slice(booked.length)).toEqual(unbooked)
    const done = journal.entries.flatMap((entry) => (entry.type === 'step.completed' ? [`step.compensated ${entry.key}`] : []))
    expect(journal.entries.slice(-booked.length - 1).map(lineOf)).toEqual([...done.reverse(), 'run.failed'])
  })

  it('[R8] is replayed from its journal without doing or undoing anything', async () => {
    const { store, handle } = await ranOut(trip([]))
    const world: string[] = []
    await expect(replayRun(store, handle.id, trip(world))).rejects.toMatchObject({ code: 'RUN_STEP_FAILED', message: 'no money' })
    expect(world).toEqual([])
  })

  it('[R8] ends the same way from every prefix of its journal, and undoes nothing that is recorded as undone', async () => {
    const { journal } = await ranOut(trip([]))
    const world: string[] = []
    const starts: number[] = []
    const gone = await fromEveryPrefix(journal, trip(world), () => {
      starts.push(world.length)
      return {}
    })
    for (const [i, { left, outcome, journal: after }] of gone.entries()) {
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_STEP_FAILED', message: 'no money' } })
      const done = after.entries.flatMap((entry) => (entry.type === 'step.completed' ? [entry.key] : [])).reverse()
      expect(compensations(after.entries)).toEqual(done.map((key) => `step.compensated ${key}`))
      const undone = world.slice(starts[i], starts[i + 1]).filter((line) => line.startsWith('undo'))
      expect(undone).toEqual(
        done
          .slice(compensations(left).length)
          .map((key) => key.slice(key.lastIndexOf('/') + 1))
          .map((what) => `undo ${what} ${what}!`),
      )
    }
    expect(gone.length).toBeGreaterThan(24)
  })

  it('[R8] does not undo a step that failed, also when the flow caught it, and a run that completes undoes nothing', async () => {
    const world: string[] = []
    const desk = flow('desk', async (isGood: boolean, run) => {
      await book(run, world, 'a', {}, failsWith('sold out')).catch(() => 'none')
      await book(run, world, 'b')
      if (!isGood) run.fail('enough')
    })
    const { start, entries } = testEngine([desk])
    const good = await start(desk, true)
    await good.result()
    expect(world.splice(0)).toEqual(['book b'])
    expect(compensations(await entries(good.id))).toEqual([])
    await (await start(desk, false)).outcome()
    expect(world).toEqual(['book b', 'undo b b!'])
  })

  it('[R8] gives an undo a context of its own: a key that stays and is not that of the step, the attempt, the scope, a signal that has not aborted', async () => {
    const seen: { key: string; attempt: number; aborted: boolean; user: string | undefined }[] = []
    const keys: string[] = []
    const desk = flow('desk', async (_: null, run) => {
      await run.step('a', null, (_, { idempotencyKey }) => keys.push(idempotencyKey), {
        retry: { attempts: 2, backoff: 0 },
        undo: (_, input, { idempotencyKey: key, attempt, signal, scope }) => {
          expect(input).toBeNull()
          seen.push({ key, attempt, aborted: signal.aborted, user: scope.user })
          if (attempt === 1) throw new Error('not yet')
        },
      })
      await run.sleep('long', '1d')
    })
    const { start } = testEngine([desk])
    const handle = await start(desk, null, { scope: { user: 'ada' } })
    await settled()
    await handle.cancel()
    expect((await handle.outcome()).status).toBe('cancelled')
    expect(seen).toMatchObject([
      { attempt: 1, aborted: false, user: 'ada' },
      { attempt: 2, aborted: false, user: 'ada' },
    ])
    expect(seen[0]?.key).toBe(seen[1]?.key)
    expect(keys).toHaveLength(1)
    expect(keys).not.toContain(seen[0]?.key)
  })

  it('[R8] refuses an undo of a step that says that it changes nothing, and a run used inside an undo', async () => {
    const reads = flow('reads', async (_: null, run) => run.step('a', null, () => 1, { effect: 'read', undo: () => {} }))
    const misuses = flow('misuses', async (_: null, run) => {
      await run.step('a', null, () => 1, { undo: () => void run.note('from an undo') })
      run.fail('no')
    })
    const { start } = testEngine([reads, misuses])
    expect(await (await start(reads, null)).outcome()).toMatchObject({ error: { code: 'CONFIG_INVALID', message: expect.stringContaining("'a'") } })
    expect(await (await start(misuses, null)).outcome()).toMatchObject({ error: { data: { notUndone: [{ key: 'misuses/a', code: 'RUN_SCOPE_MISUSED' }] } } })
  })
})

describe('an undo that fails', () => {
  const retry = { attempts: 3, backoff: '10s', on: ['MODEL_OVERLOADED'] } as const
  /** Undoing `b` fails as `fail` says. */
  const fragile = (world: string[], fail: (attempt: number) => void) =>
    flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b', {
        retry: { ...retry, on: [...retry.on] },
        undo: (_, what, { attempt }) => {
          world.push(`undo ${what} @${attempt}`)
          fail(attempt)
        },
      })
      await book(run, world, 'c')
      run.fail('no', { why: 'of it' })
    })
  const overloaded = (attempt: number): void => {
    if (attempt < 3) throw new TuttiError('MODEL_OVERLOADED', 'later')
  }

  it('[R8] is tried again as the retry of its step says, durably: the attempts are counted across a crash, and the backoff is waited out', async () => {
    const world: string[] = []
    const desk = fragile(world, overloaded)
    const { journal, outcome } = await ranOut(desk)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no' } })
    expect(compensations(journal.entries)).toEqual([
      'step.compensated trip/c',
      'step.compensated trip/b MODEL_OVERLOADED again',
      'step.compensated trip/b @2 MODEL_OVERLOADED again',
      'step.compensated trip/b @3',
      'step.compensated trip/a',
    ])
    for (let length = journal.entries.findIndex(({ type }) => type === 'step.compensated') + 1; length < journal.entries.length; length++) {
      world.length = 0
      const last = journal.entries[length - 1] as Entry
      const clock = simulatedClock(last.time)
      const second = testEngine([desk], { clock, store: await seedJournal(journal, length) })
      await second.engine.activate(journal.run)
      const waits = last.type === 'step.compensated' && last.retryAt !== undefined
      await clock.advance('1s')
      expect(world.length === 0).toBe(waits || length === journal.entries.length - 1)
      await clock.advance('1h')
      expect(compensations(await second.entries(journal.run))).toEqual(compensations(journal.entries))
    }
  })

  it('[R8] for good is recorded, the others are undone all the same, and the error of the run names it beside its own data', async () => {
    const world: string[] = []
    const desk = fragile(world, failsWith('the airline is closed'))
    const { store, handle, journal, outcome } = await ranOut(desk)
    expect(world).toEqual(['book a', 'book b', 'book c', 'undo c c!', 'undo b @1', 'undo a a!'])
    const message = "no; could not be undone: 'trip/b' (RUN_STEP_FAILED: the airline is closed)"
    const notUndone = [{ key: 'trip/b', code: 'RUN_STEP_FAILED', message: 'the airline is closed' }]
    const error = { code: 'RUN_FAILED', message, data: { why: 'of it', notUndone }, hint: expect.stringContaining('data.notUndone') }
    expect(outcome).toMatchObject({ status: 'failed', error })
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject({ message })
    for (const { outcome: resumed } of await fromEveryPrefix(journal, desk)) expect(resumed).toMatchObject({ status: 'failed', error })
  })

  it('[R8] with notDone() is tried again where its step says so, and one that takes too long or is silent is cut off', async () => {
    const reasons: unknown[] = []
    const hang = (_: unknown, __: unknown, { signal }: StepContext): Promise<void> => {
      signal.addEventListener('abort', () => reasons.push((signal.reason as TuttiError).code))
      return new Promise(() => {})
    }
    const desk = flow('trip', async (_: null, run) => {
      await book(run, [], 'slow', { timeout: '5s', undo: hang })
      await book(run, [], 'silent', { idle: '5s', undo: hang })
      await book(run, [], 'shy', {
        retry: { attempts: 2, backoff: 0 },
        undo: () => {
          throw notDone('nothing was cancelled')
        },
      })
      run.fail('no')
    })
    const { journal, outcome } = await ranOut(desk)
    expect(compensations(journal.entries)).toEqual([
      'step.compensated trip/shy TOOL_NOT_DONE again',
      'step.compensated trip/shy @2 TOOL_NOT_DONE final',
      'step.compensated trip/silent RUN_STEP_IDLE final',
      'step.compensated trip/slow RUN_TIMEOUT final',
    ])
    expect(reasons).toEqual(['RUN_STEP_IDLE', 'RUN_TIMEOUT'])
    expect(outcome).toMatchObject({ error: { data: { notUndone: [{ key: 'trip/shy' }, { key: 'trip/silent' }, { key: 'trip/slow' }] } } })
  })
})

describe('a run that is ended from outside', () => {
  const waits = (world: string[]) =>
    flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b')
      await run.sleep('long', '1d')
    })

  it('[R8] undoes when it is cancelled, and when its deadline passes', async () => {
    const world: string[] = []
    const clock = simulatedClock()
    const { start } = testEngine([waits(world)], { clock })
    const cancelled = await start(waits(world), null)
    await clock.advance('1m')
    await cancelled.cancel('never mind')
    expect(await cancelled.outcome()).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED', message: 'never mind' } })
    expect(world.splice(0)).toEqual(['book a', 'book b', 'undo b b!', 'undo a a!'])
    const late = await start(waits(world), null, { deadline: '1h' })
    await clock.advance('1h')
    expect(await late.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_DEADLINE_EXCEEDED' } })
    expect(world).toEqual(['book a', 'book b', 'undo b b!', 'undo a a!'])
  })

  it('[R8] when it is cancelled names in its error what could not be undone', async () => {
    const desk = flow('trip', async (_: null, run) => {
      await book(run, [], 'a', { undo: failsWith('closed') })
      await run.sleep('long', '1d')
    })
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.cancel('never mind')
    const error = {
      code: 'RUN_CANCELLED',
      message: "never mind; could not be undone: 'trip/a' (RUN_STEP_FAILED: closed)",
      data: { notUndone: [{ key: 'trip/a' }] },
    }
    expect(await handle.outcome()).toMatchObject({ status: 'cancelled', error })
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject(error)
  })

  it('[R8] and is cancelled once more while it undoes, goes on undoing and ends as it would have', async () => {
    const world: string[] = []
    const held = gate()
    const desk = flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b', { undo: () => held.promise })
      run.fail('no')
    })
    const { start, store, entries } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.cancel('too late')
    await settled()
    held.open()
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } })
    expect((await entries(handle.id)).map(lineOf).slice(-4)).toEqual(['run.cancelling', 'step.compensated trip/b', 'step.compensated trip/a', 'run.failed'])
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject({ code: 'RUN_FAILED' })
    for (const { outcome } of await fromEveryPrefix(await journalOf(store, handle.id), desk)) expect(outcome).toMatchObject({ error: { code: 'RUN_FAILED' } })
  })

  it('[R7] an app that closes lets what is being undone finish or cuts it off, and the next one goes on where it stopped', async () => {
    const world: string[] = []
    const reasons: unknown[] = []
    const desk = (undo: BookOptions['undo']) =>
      flow('trip', async (_: null, run) => {
        await book(run, world, 'a')
        await book(run, world, 'b', { undo })
        await book(run, world, 'c')
        run.fail('no')
      })
    const hangs = desk((_, __, { signal }) => {
      signal.addEventListener('abort', () => reasons.push((signal.reason as TuttiError).code))
      return new Promise(() => {})
    })
    const store = memoryStore()
    const first = testEngine([hangs], { store })
    const { id } = await first.start(hangs, null)
    await settled()
    await first.engine.close({ graceMs: 10 })
    expect([reasons, first.engine.standing(id)]).toEqual([['RUN_CANCELLED'], undefined])
    expect((await first.entries(id)).map(lineOf).slice(-2)).toEqual(['step.compensated trip/c', 'run.suspended'])
    world.length = 0
    const { outcome } = await resumeRun(
      store,
      desk((_, what) => void world.push(`undo ${what}`)),
      id,
    )
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no' } })
    expect(world).toEqual(['undo b', 'undo a a!'])
  })

  it('[R7] and is paused while it undoes stands still once the undo under way is recorded, also in its backoff, until a person says that it goes on', async () => {
    const world: string[] = []
    const held = gate()
    const clock = simulatedClock()
    const desk = flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b', {
        retry: { attempts: 2, backoff: '10s' },
        undo: (_, what, { attempt }) => {
          if (attempt === 1) throw new Error('not yet')
          world.push(`undo ${what}`)
        },
      })
      await book(run, world, 'c', { undo: () => held.promise })
      run.fail('no')
    })
    const { start, engine, entries } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await settled()
    await handle.pause('let me look')
    await settled()
    expect(compensations(await entries(handle.id))).toEqual([])
    held.open()
    expect(await handle.outcome()).toMatchObject({ status: 'paused', reason: 'let me look' })
    expect((await entries(handle.id)).map(lineOf).slice(-2)).toEqual(['step.compensated trip/c', 'run.suspended'])
    await handle.resume()
    await settled()
    await handle.pause('once more')
    expect(await handle.outcome()).toMatchObject({ status: 'paused', reason: 'once more' })
    expect((await entries(handle.id)).map(lineOf).slice(-2)).toEqual(['step.compensated trip/b RUN_STEP_FAILED again', 'run.suspended'])
    await clock.advance('1h')
    expect(world).toEqual(['book a', 'book b', 'book c'])
    await handle.resume()
    await clock.advance('1h')
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no' } })
    expect(world).toEqual(['book a', 'book b', 'book c', 'undo b', 'undo a a!'])
    expect(engine.closed).toBe(false)
  })

  it('[R7] and is paused, and then cancelled while the undo under way still holds it up, goes on undoing', async () => {
    const world: string[] = []
    const [stuck, held] = [gate(), gate()]
    const desk = flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b', { undo: () => held.promise })
      const never = run.step('never', () => stuck.promise).catch(() => {})
      await settled(0)
      run.fail('no')
      await never
    })
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.pause('let me look')
    held.open()
    await settled()
    await handle.cancel('enough')
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no' } })
    expect(world).toEqual(['book a', 'book b', 'undo a a!'])
    stuck.open()
  })

  it('[R6] two engines that undo one run: the one whose lease was taken records nothing more and undoes nothing more', async () => {
    const gates: ReturnType<typeof gate<void>>[] = []
    const world: string[] = []
    const desk = flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b', {
        undo: () => {
          const own = gate<void>()
          gates.push(own)
          return own.promise
        },
      })
      run.fail('no')
    })
    const store = memoryStore()
    const clock = simulatedClock()
    const first = testEngine([desk], { store, clock, leaseMs: 60_000 })
    const handle = await first.start(desk, null)
    await settled()
    const second = testEngine([desk], { store, clock: simulatedClock(clock.now() + 61_000) })
    await second.engine.activate(handle.id)
    await settled()
    gates[0]?.open()
    await settled()
    expect(compensations(await second.entries(handle.id))).toEqual([])
    gates[1]?.open()
    await second.handle(handle.id).outcome()
    expect(compensations(await second.entries(handle.id))).toEqual(['step.compensated trip/b', 'step.compensated trip/a'])
    expect(world).toEqual(['book a', 'book b', 'undo a a!'])
    expect((await second.entries(handle.id)).filter(isTerminal)).toHaveLength(1)
  })
})
