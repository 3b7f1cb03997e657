import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { settled } from '../testing/simulated-clock.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { type Flow, flow, type Run, replayRun, signal } from './index.ts'

const failing = flow('failing', async (_: null, run) => run.step('fail', () => Promise.reject(new Error('by design'))))
const Never = signal('never', z.null())

/** A flow that begins `sibling` beside a branch that fails; what became of the sibling by then. */
const beside = (sibling: (run: Run) => PromiseLike<unknown>): Flow<null, string> =>
  flow('desk', async (_: null, run) => {
    const begun = sibling(run)
    let fate = 'under way'
    begun.then(
      () => (fate = 'done'),
      (error: { code: string }) => (fate = error.code),
    )
    await run.all({ sibling: begun, failing: run.call(failing, null) }).catch(() => {})
    await run.step('after', () => 1)
    return fate
  })

describe('all', () => {
  it('[C3] branches by name or in a list give their results in the same shape', async () => {
    const desk = flow('desk', async (_: null, run) => [
      await run.all({ a: run.step('a', () => 1), b: Promise.resolve('plain') }),
      await run.all([run.step('c', () => 2), run.step('d', () => 3)]),
      await run.all([]),
    ])
    const handle = await testEngine([desk]).start(desk, null)
    expect((await handle.result()).output).toEqual([{ a: 1, b: 'plain' }, [2, 3], []])
  })

  it('[C3] when one branch fails the signal of its siblings aborts, and they get no further', async () => {
    const seen: string[] = []
    const held = gate()
    const slow = flow('slow', async (_: null, run) => {
      await run.step('first', (ctx) => {
        ctx.signal.addEventListener('abort', () => seen.push((ctx.signal.reason as { code: string }).code))
        return held.promise
      })
      await run.step('second', () => seen.push('second'))
    })
    const desk = beside((run) => run.call(slow, null))
    const handle = await testEngine([desk]).start(desk, null)
    expect((await handle.result()).output).toBe('RUN_CANCELLED')
    held.open()
    await settled()
    expect(seen).toEqual(['RUN_CANCELLED'])
  })

  it('[R7] the late result of a cancelled branch changes nothing, live or on replay', async () => {
    const held = gate<string>()
    const desk = flow('desk', async (_: null, run) => {
      let late = 'not seen'
      const slow = run.step('slow', () => held.promise)
      slow.then((value) => (late = value)).catch((error: { code: string }) => (late = error.code))
      await run.all([slow, run.call(failing, null)]).catch(() => {})
      await run.step('open', () => held.open('too late'))
      await run.step('settle', () => settled())
      return late
    })
    const { start, store, lines } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.result()).output).toBe('RUN_CANCELLED')
    expect(await lines(handle.id)).toContain('step.completed desk/slow')
    expect((await replayRun(store, handle.id, desk)).output).toBe('RUN_CANCELLED')
  })

  it.each<[string, (run: Run) => PromiseLike<unknown>]>([
    ['a wait', (run) => run.wait(Never)],
    ['a sleep', (run) => run.sleep('long', '1h')],
    ['a map of steps', (run) => run.map('m', [1, 2, 3], () => new Promise(() => {}), { concurrency: 1 })],
    [
      'a map of flows',
      (run) =>
        run.map(
          'm',
          [1, 2, 3],
          flow('item', async (_: number, inner) => inner.sleep('long', '1h')),
        ),
    ],
    ['branches of its own', (run) => run.all([run.wait(Never), run.sleep('long', '1h')])],
  ])('[C3] %s beside a failing branch is cancelled with it', async (_, sibling) => {
    const { start, store } = testEngine([])
    const desk = beside(sibling)
    const handle = await start(desk, null)
    expect((await handle.result()).output).toBe('RUN_CANCELLED')
    expect((await replayRun(store, handle.id, desk)).output).toBe('RUN_CANCELLED')
  })

  it('[C3] a signal that comes after a wait was cancelled answers the next wait, not the dead one', async () => {
    const Note = signal('note', z.string())
    const desk = flow('desk', async (_: null, run) => {
      await run.all([run.wait(Note), run.call(failing, null)]).catch(() => {})
      return run.wait(Note)
    })
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.outcome()).status).toBe('waiting')
    await handle.send(Note, 'for the living')
    expect((await handle.result()).output).toBe('for the living')
  })

  it('[C3] a map that was cancelled begins no further item', async () => {
    const begun: number[] = []
    const sibling = (run: Run): PromiseLike<unknown> => run.map('m', [1, 2, 3], (n) => new Promise(() => begun.push(n)), { concurrency: 1, onError: 'collect' })
    const desk = beside(sibling)
    const handle = await testEngine([desk]).start(desk, null)
    await handle.result()
    await settled()
    expect(begun).toEqual([1])
  })
})
