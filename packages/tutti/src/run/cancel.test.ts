import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTerminal, memoryStore } from '../journal/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { type Journal, journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { executedAgain, flowOf, randomWorld } from '../testing/random-flow.ts'
import { randomProgram } from '../testing/random-program.ts'
import { settled, simulatedClock } from '../testing/simulated-clock.ts'
import { gate, lineOf, testEngine } from '../testing/test-engine.ts'
import { type AnyFlow, flow, replayRun } from './index.ts'

const fraction = fc.integer({ min: 0, max: 999 }).map((n) => n / 1_000)
/** What can be undone and is recorded as done, and what is recorded as undone. */
function doneIn({ entries }: Journal): string[] {
  const begun = new Set(entries.flatMap((entry) => (entry.type === 'step.started' && entry.undo ? [entry.key] : [])))
  return entries.flatMap((entry) => (entry.type === 'step.completed' && begun.has(entry.key) ? [entry.key] : []))
}
const undoneIn = ({ entries }: Journal): string[] => entries.flatMap((entry) => (entry.type === 'step.compensated' && !entry.error ? [entry.key] : []))
const codeOf = (error: { code: string }): string => error.code
/** Resumes a journal from each of its prefixes that hold `key`, and answers how each run ended. */
async function endsFrom(journal: Journal, desk: AnyFlow, holds: (line: string) => boolean): Promise<string[]> {
  const first = journal.entries.findIndex((entry) => holds(lineOf(entry))) + 1
  const ends: string[] = []
  for (let length = first; length < journal.entries.length; length++) {
    const { outcome } = await resumeRun(await seedJournal(journal, length), desk, journal.run, { clock: simulatedClock(journal.entries[length - 1]?.time) })
    ends.push(outcome.status === 'failed' ? outcome.error.code : outcome.status)
  }
  return ends
}

describe('cancelling a run', () => {
  it('[R7] cancelling is an outcome like any other: signals abort, waits and steps reject, what was recorded stays', async () => {
    const seen: string[] = []
    const held = gate()
    const desk = flow('desk', async (_: null, run) => {
      await run.step('done', () => 'kept')
      const sleeping = run.sleep('long', '1d').catch((error) => seen.push(`sleep ${codeOf(error)}`))
      await run
        .step('work', ({ signal }) => {
          signal.addEventListener('abort', () => seen.push(`signal ${(signal.reason as { code: string }).code}`))
          return held.promise
        })
        .catch((error) => seen.push(`step ${codeOf(error)}`))
      await sleeping
      await run.step('more', () => seen.push('more')).catch((error) => seen.push(`more ${codeOf(error)}`))
      return run.signal.aborted
    })
    const { start, store, lines } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.cancel('the customer hung up')
    const outcome = await handle.outcome()
    held.open()
    expect(outcome).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED', message: 'the customer hung up' } })
    expect(new Set(seen)).toEqual(new Set(['sleep RUN_CANCELLED', 'signal RUN_CANCELLED', 'step RUN_CANCELLED', 'more RUN_CANCELLED']))
    expect(await lines(handle.id)).toEqual(['step.completed desk/done', 'timer.set desk/long'])
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject({ code: 'RUN_CANCELLED', message: 'the customer hung up' })
  })

  it('[R7] a cancelled run resumes as cancelled wherever the process ended after it was recorded', async () => {
    const desk = flow('desk', async (_: null, run) => {
      await run.step('a', () => 1)
      await run.sleep('long', '1d').catch(() => {})
      await run.step('b', () => 2).catch(() => {})
      return 'a value that does not count'
    })
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    await settled()
    await handle.cancel()
    expect((await handle.outcome()).status).toBe('cancelled')
    const ends = await endsFrom(await journalOf(store, handle.id), desk, (line) => line === 'run.cancelling')
    expect(ends).toEqual(['cancelled'])
  })

  it('[R7] cancelling at any boundary of any run ends it once, repeats nothing, and replays so', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), fc.double({ min: 0, max: 1, noNaN: true }), async (shape, cut) => {
        const program = randomProgram(shape)
        const { journal } = await startRun(memoryStore(), flowOf(program, randomWorld(shape)), null)
        const length = 1 + Math.floor(cut * (journal.entries.length - 2))
        const store = await seedJournal(journal, length)
        await store.post(journal.run, { id: 'c', type: 'cancel', reason: 'no longer needed' }, 0)
        const world = randomWorld(shape + 1)
        const { outcome, journal: after } = await resumeRun(store, flowOf(program, world), journal.run)
        expect(['cancelled', 'completed']).toContain(outcome.status)
        expect(after.entries.filter(isTerminal)).toHaveLength(1)
        expect(executedAgain(world, journal, length)).toEqual([])
        const replayed = randomWorld(shape + 2)
        const result = replayRun(store, journal.run, flowOf(program, replayed))
        if (outcome.status === 'completed') expect((await result).output).toBe(outcome.output)
        else await expect(result).rejects.toMatchObject({ code: 'RUN_CANCELLED', message: 'no longer needed' })
        expect(replayed.executed).toEqual([])
      }),
      { numRuns: 60 },
    ))

  it('[R8] a run that is cancelled anywhere undoes what it recorded as done, the last first, over a crash in the middle of it, and nothing twice', async () => {
    let undone = 0
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), fraction, fraction, async (shape, cut, crash) => {
        const program = randomProgram(shape)
        const { journal } = await startRun(memoryStore(), flowOf(program, randomWorld(shape), { undone: [] }), null)
        const store = await seedJournal(journal, 1 + Math.floor(cut * (journal.entries.length - 2)))
        await store.post(journal.run, { id: 'c', type: 'cancel', reason: 'no longer needed' }, 0)
        const [first, second]: [string[], string[]] = [[], []]
        const { outcome, journal: whole } = await resumeRun(store, flowOf(program, randomWorld(shape + 1), { undone: first }), journal.run)
        if (outcome.status !== 'cancelled') return
        expect(undoneIn(whole)).toEqual(doneIn(whole).reverse())
        expect(first).toHaveLength(undoneIn(whole).length)
        undone += first.length
        const from = whole.entries.findIndex(({ type }) => type === 'run.cancelling') + 1
        const length = from + Math.floor(crash * (whole.entries.length - 1 - from))
        const left = await seedJournal(whole, length)
        const again = await resumeRun(left, flowOf(program, randomWorld(shape + 2), { undone: second }), journal.run)
        expect(again.outcome.status).toBe('cancelled')
        expect(undoneIn(again.journal)).toEqual(doneIn(again.journal).reverse())
        expect(second).toHaveLength(undoneIn(again.journal).length - undoneIn({ ...whole, entries: whole.entries.slice(0, length) }).length)
      }),
      { numRuns: 60 },
    )
    expect(undone).toBeGreaterThan(0)
  })

  it('[R7] cancelling reaches a run that nobody drives, and a run that has ended refuses it', async () => {
    const desk = flow('desk', async (_: null, run) => run.sleep('long', '30d'))
    const store = memoryStore()
    const first = testEngine([desk], { store })
    const handle = await first.start(desk, null)
    await handle.outcome()
    await first.engine.close()
    const second = testEngine([desk], { store })
    await second.handle(handle.id).cancel()
    expect((await second.handle(handle.id).outcome()).status).toBe('cancelled')
    await expect(second.handle(handle.id).cancel()).rejects.toMatchObject({ code: 'RUN_FINISHED' })
  })

  it('[R7] cancelling a run that has just ended changes nothing', async () => {
    const desk = flow('desk', async (_: null, run) => run.step('a', () => 1))
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    const cancelled = handle.cancel().then(
      () => 'taken',
      (error) => codeOf(error),
    )
    expect(['completed', 'cancelled']).toContain((await handle.outcome()).status)
    expect(['taken', 'RUN_FINISHED']).toContain(await cancelled)
  })
})

describe('a deadline', () => {
  it('[B6] the deadline of a run aborts everything below it, at one instant, and the run fails with what it had reached', async () => {
    const clock = simulatedClock()
    const seen: string[] = []
    const held = gate()
    const inner = flow('inner', async (_: null, run) => {
      seen.push(`until ${(run.deadline?.getTime() ?? 0) - clock.now()}`)
      await run.step('work', ({ signal }) => {
        signal.addEventListener('abort', () => seen.push(codeOf(signal.reason as never)))
        return held.promise
      })
    })
    const desk = flow('desk', async (_: null, run) => {
      await run.step('draft', () => 'half a text')
      await run.call(inner, null)
    })
    const { start, store } = testEngine([desk], { clock })
    const handle = await start(desk, null, { deadline: '30s' })
    await clock.advance('30s')
    held.open()
    expect(await handle.outcome()).toMatchObject({ status: 'failed', partial: 'half a text', error: { code: 'RUN_DEADLINE_EXCEEDED' } })
    expect(seen).toEqual(['until 30000', 'RUN_DEADLINE_EXCEEDED'])
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject({ code: 'RUN_DEADLINE_EXCEEDED' })
  })

  it('[B6] the deadline of a run holds over a crash, and over a flow that catches it', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => {
      await run.step('a', () => 1)
      return run.sleep('long', '1d').catch(codeOf)
    })
    const { start, store } = testEngine([desk], { clock })
    const handle = await start(desk, null, { deadline: '1h' })
    await clock.advance('1h')
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_DEADLINE_EXCEEDED' } })
    const journal = await journalOf(store, handle.id)
    expect(await endsFrom(journal, desk, (line) => line === 'timer.fired ~deadline')).toEqual(['RUN_DEADLINE_EXCEEDED'])
    await expect(replayRun(store, handle.id, desk)).rejects.toMatchObject({ code: 'RUN_DEADLINE_EXCEEDED' })
    const late = simulatedClock(clock.now() + 7_200_000)
    const second = testEngine([desk], { store: await seedJournal(journal, 2), clock: late })
    await second.engine.activate(handle.id)
    await late.advance(1)
    expect(await second.handle(handle.id).outcome()).toMatchObject({ error: { code: 'RUN_DEADLINE_EXCEEDED' } })
  })

  it("[B6] the deadline of a call is that call's alone: the flow goes on, and the earlier of two deadlines counts", async () => {
    const clock = simulatedClock()
    const slow = flow('slow', { deadline: '1m' }, async (_: null, run) => run.sleep('long', '1d').then(() => 'done'))
    const desk = flow('desk', async (_: null, run) => {
      const begun = run.now().getTime()
      const why = await run.call(slow, null).catch(codeOf)
      const own = await run.call(slow, null, { deadline: '10s' }).catch(codeOf)
      return [why, own, run.now().getTime() - begun, await run.step('after', () => 'goes on')]
    })
    const { start, store } = testEngine([desk], { clock })
    const handle = await start(desk, null, { deadline: '1h' })
    await clock.advance('2m')
    const output = ['RUN_DEADLINE_EXCEEDED', 'RUN_DEADLINE_EXCEEDED', 70_000, 'goes on']
    expect((await handle.result()).output).toEqual(output)
    expect((await replayRun(store, handle.id, desk)).output).toEqual(output)
  })

  it('[B6] the deadline of a call that came to its end in time is forgotten, also after a crash', async () => {
    const clock = simulatedClock()
    const quick = flow('quick', async (_: null, run) => run.step('x', () => 1))
    const desk = flow('desk', async (_: null, run) => {
      await run.call(quick, null, { deadline: '1m' })
      await run.sleep('long', '1h')
    })
    const { start, store, lines } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await clock.advance('1s')
    const journal = await journalOf(store, handle.id)
    const second = testEngine([desk], { store: await seedJournal(journal), clock })
    await second.engine.activate(handle.id)
    await clock.advance('1h')
    for (const of of [await lines(handle.id), await second.lines(handle.id)])
      expect(of.filter((line) => line.startsWith('timer.fired'))).toEqual(['timer.fired desk/long'])
  })

  it("[B6] the deadline of a map item is that item's alone", async () => {
    const clock = simulatedClock()
    const item = flow('item', { deadline: '10s' }, async (ms: number, run) => run.sleep('work', ms).then(() => ms))
    const desk = flow('desk', async (items: number[], run) =>
      (await run.map('m', items, item, { onError: 'collect' })).map((one) => (one.ok ? one.output : one.error.code)),
    )
    const handle = await testEngine([desk], { clock }).start(desk, [1_000, 60_000, 2_000])
    await clock.advance('2m')
    expect((await handle.result()).output).toEqual([1_000, 'RUN_DEADLINE_EXCEEDED', 2_000])
  })
})
