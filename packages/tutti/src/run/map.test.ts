import { describe, expect, it } from 'vitest'
import { resumeRun } from '../testing/driven-run.ts'
import { journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { settled } from '../testing/simulated-clock.ts'
import { ended, gate, testEngine } from '../testing/test-engine.ts'
import { flow, replayRun } from './index.ts'

describe('map', () => {
  it('[R1] a killed map resumes at the first unrecorded item', async () => {
    const executed: number[] = []
    const each = flow('each', async (n: number, run) => run.step('work', n, (x) => executed.push(x) && x * 10))
    const desk = flow('desk', async (items: number[], run) => run.map('m', items, each, { concurrency: 2 }))
    const { start, store } = testEngine([desk])
    const { id } = await ended(start(desk, [1, 2, 3, 4, 5]))
    const journal = await journalOf(store, id)
    executed.length = 0
    const resumed = await resumeRun(await seedJournal(journal, 4), desk, id)
    expect(resumed.outcome).toMatchObject({ status: 'completed', output: [10, 20, 30, 40, 50] })
    expect(executed).toEqual([4, 5])
  })

  it('[C3] no more items are under way at once than the map allows, and results keep the order of the items', async () => {
    let under = 0
    let most = 0
    const work = async (n: number): Promise<number> => {
      most = Math.max(most, ++under)
      await settled(6 - n)
      under--
      return n
    }
    const desk = flow('desk', async (items: number[], run) => run.map('m', items, work, { concurrency: 2 }))
    const handle = await testEngine([desk]).start(desk, [1, 2, 3, 4, 5])
    expect((await handle.result()).output).toEqual([1, 2, 3, 4, 5])
    expect(most).toBe(2)
  })

  it('[C3] collect keeps what became of each item, whichever failed', async () => {
    const half = (n: number): number => {
      if (n % 2 === 1) throw new Error(`${n} is odd`)
      return n / 2
    }
    const desk = flow('desk', async (items: number[], run) =>
      (await run.map('m', items, half, { onError: 'collect' })).map((one) =>
        one.ok ? [one.index, one.output] : [one.index, one.input, one.error.code, one.error.message],
      ),
    )
    const { start, store } = testEngine([desk])
    const handle = await start(desk, [4, 5, 6])
    const expected = [
      [0, 2],
      [1, 5, 'RUN_STEP_FAILED', '5 is odd'],
      [2, 3],
    ]
    expect((await handle.result()).output).toEqual(expected)
    expect((await replayRun(store, handle.id, desk)).output).toEqual(expected)
  })

  it('[C3] the first item to fail cancels those under way and begins no more', async () => {
    const begun: number[] = []
    const aborted: number[] = []
    const held = gate()
    const work = async (n: number, { signal }: { signal: AbortSignal }): Promise<number> => {
      begun.push(n)
      if (n === 2) throw new Error('two')
      signal.addEventListener('abort', () => aborted.push(n))
      await held.promise
      return n
    }
    const desk = flow('desk', async (items: number[], run) => run.map('m', items, work, { concurrency: 2 }))
    const handle = await testEngine([desk]).start(desk, [1, 2, 3, 4])
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_STEP_FAILED', message: 'two' } })
    expect(begun).toEqual([1, 2])
    expect(aborted).toEqual([1])
    held.open()
  })

  it('[C3] an asynchronous source is read once; what it gave is recorded', async () => {
    let reads = 0
    const desk = flow('desk', async (_: null, run) => {
      async function* source(): AsyncGenerator<number> {
        reads++
        yield* [3, 4]
      }
      return run.map('m', source(), (n) => n + 1)
    })
    const { start, store, lines } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.result()).output).toEqual([4, 5])
    expect(await lines(handle.id)).toEqual(['step.completed desk/m:items', 'step.completed desk/m:0', 'step.completed desk/m:1'])
    expect((await replayRun(store, handle.id, desk)).output).toEqual([4, 5])
    expect(reads).toBe(1)
  })

  it('[C3] a map of nothing is an empty list, and a concurrency below 1 is refused', async () => {
    const desk = flow('desk', async (concurrency: number, run) => run.map('m', [] as number[], (n) => n, { concurrency }))
    const { start } = testEngine([desk])
    expect((await (await start(desk, 1)).result()).output).toEqual([])
    expect(await (await start(desk, 0)).outcome()).toMatchObject({ error: { code: 'CONFIG_INVALID' } })
  })

  it('[C3] an item that cannot be recorded fails the map, also when its turn comes late', async () => {
    const desk = flow('desk', async (_: null, run) => run.map('m', [1, () => 2, 3] as number[], (n) => n, { concurrency: 1 }))
    const handle = await testEngine([desk]).start(desk, null)
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_NOT_RECORDABLE' } })
  })

  it('[R5] items and steps never share a key, whatever the step is called', async () => {
    const desk = flow('desk', async (_: null, run) => {
      const begun = run.step('m:0', () => 'step')
      return [await run.map('m', [7], (n) => n), await begun, await run.map('m', [8], (n) => n)]
    })
    const { start, store, entries } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.result()).output).toEqual([[7], 'step', [8]])
    const keys = (await entries(handle.id)).flatMap((entry) => (entry.type === 'step.completed' ? [entry.key] : []))
    expect(new Set(keys).size).toBe(3)
    expect((await replayRun(store, handle.id, desk)).output).toEqual([[7], 'step', [8]])
  })
})
