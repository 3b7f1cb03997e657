import { describe, expect, it } from 'vitest'
import { book, compensations, failsWith, ranOut } from '../../testing/booking.ts'
import { settled } from '../../testing/simulated-clock.ts'
import { testEngine } from '../../testing/test-engine.ts'
import { flow } from '../index.ts'

describe('a fork', () => {
  const desk = (world: string[], isGood: boolean) =>
    flow('trip', async (_: null, run) => {
      await book(run, world, 'a')
      await book(run, world, 'b', { effect: 'once' })
      await run.step('c', isGood, () => {
        if (!isGood) throw new Error('no')
      })
      if (isGood) await run.sleep('long', '1d')
    })

  it('[D2] that fails undoes what it did itself, and nothing of the run it left, nor a value that a person gave', async () => {
    const world: string[] = []
    const source = desk(world, true)
    const { start, engine, handle } = testEngine([source])
    const first = await start(source, null)
    await settled()
    world.length = 0
    const taken = await engine.fork(first.id, desk(world, false), { at: 'trip/c' })
    expect(await handle(taken).outcome()).toMatchObject({ status: 'failed', error: { message: 'no' } })
    expect(world).toEqual([])
    const edited = await engine.fork(first.id, desk(world, false), { at: 'trip/a', output: 'another a' })
    expect(await handle(edited).outcome()).toMatchObject({ status: 'failed', error: { message: 'no' } })
    expect(world).toEqual([])
    const again = await engine.fork(first.id, desk(world, false), { at: 'trip/a' })
    expect(await handle(again).outcome()).toMatchObject({ status: 'failed', error: { message: 'no' } })
    expect(world).toEqual(['book a', 'undo a a!'])
  })

  it('[D2] of a run that undid its steps does them anew, also those that may happen once only: they did not last', async () => {
    const world: string[] = []
    const { engine, handle, journal } = await ranOut(desk(world, false))
    expect(compensations(journal.entries)).toHaveLength(2)
    world.length = 0
    const fork = await engine.fork(handle.id, desk(world, true), { at: 'trip/c' })
    await settled()
    expect(world).toEqual(['book a', 'book b'])
    await engine.post(fork, { id: 'c', type: 'cancel', reason: '' })
    await settled()
    expect(world).toEqual(['book a', 'book b', 'undo b b!', 'undo a a!'])
  })

  it('[D2] of a run that could not undo a step takes it over as it is', async () => {
    const world: string[] = []
    const stuck = (isGood: boolean) =>
      flow('trip', async (_: null, run) => {
        await book(run, world, 'a', { undo: failsWith('closed') })
        await run.step('b', isGood, () => {
          if (!isGood) throw new Error('no')
        })
      })
    const { engine, handle, store } = await ranOut(stuck(false))
    const fork = await engine.fork(handle.id, stuck(true), { at: 'trip/b' })
    await settled()
    expect((await store.head(fork))?.status).toBe('completed')
    expect(world).toEqual(['book a'])
  })
})
