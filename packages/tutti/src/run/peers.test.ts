/** What goes wrong with others, silently: each in the very scenario in which it does. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { failpointStore, journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { settled, simulatedClock } from '../testing/simulated-clock.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { flow, type Run, signal } from './index.ts'

const Approve = signal('approve', z.boolean())
const charge = (log: string[], run: Run, name: string): Promise<string> =>
  run.step(name, null, () => {
    log.push(name)
    return name
  })

describe('what goes wrong elsewhere does not go wrong here', () => {
  it('[R1] a killed unit of several effects goes on where it stopped: its first effect does not happen twice', async () => {
    const log: string[] = []
    const node = flow('node', async (_: null, run) => `${await charge(log, run, 'first')}${await charge(log, run, 'second')}`)
    const desk = flow('desk', async (_: null, run) => run.call(node, null))
    const { journal } = await startRun(memoryStore(), desk, null)
    log.length = 0
    const { outcome } = await resumeRun(await seedJournal(journal, 2), desk, journal.run)
    expect(outcome).toMatchObject({ output: 'firstsecond' })
    expect(log).toEqual(['second'])
  })

  it('[R1] when nine items of a fan-out had finished before the kill, only the tenth runs again', async () => {
    const log: number[] = []
    const desk = flow('desk', async (items: number[], run) => run.map('m', items, (n) => log.push(n)))
    const { journal } = await startRun(memoryStore(), desk, [...Array(10).keys()])
    log.length = 0
    await resumeRun(await seedJournal(journal, 10), desk, journal.run)
    expect(log).toEqual([9])
  })

  it('[R1] under a store that cannot be written no work goes on unrecorded', async () => {
    const log: string[] = []
    const desk = flow('desk', async (_: null, run) => {
      for (const name of ['a', 'b', 'c', 'd']) await charge(log, run, name)
    })
    const { start } = testEngine([desk], { store: failpointStore(memoryStore(), () => 'refuse') })
    expect(await (await start(desk, null)).outcome()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_UNWRITABLE' } })
    expect(log).toEqual(['a'])
  })

  it('[R5] an argument that changed between two processes is not answered with the stale result', async () => {
    const ask = (city: string) =>
      flow('desk', async (_: null, run) => run.step('weather', city, (of) => `sun in ${of}`).then((w) => run.step('after', () => w)))
    const { journal } = await startRun(memoryStore(), ask('Rome'), null)
    const { outcome } = await resumeRun(await seedJournal(journal, 2), ask('Oslo'), journal.run)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED' } })
  })

  it('[R5] a step that was renamed between two processes is not skipped, and the run does not report success', async () => {
    const log: string[] = []
    const desk = (second: string) =>
      flow('desk', async (_: null, run) => `${await charge(log, run, 'draft')}${await charge(log, run, second)}${await run.wait(Approve)}`)
    const first = testEngine([desk('review')])
    const { id } = await first.start(desk('review'), null)
    await first.handle(id).outcome()
    const { outcome } = await resumeRun(await seedJournal(await journalOf(first.store, id)), desk('legal-review'), id)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED', data: { recorded: 'desk/review', asked: 'desk/legal-review' } } })
    expect(log).toEqual(['draft', 'review'])
  })

  it('[R6] of three writers at once none loses what it wrote', async () => {
    const store = memoryStore()
    const clock = simulatedClock()
    const notes = flow('notes', async (_: null, run) => [await run.wait(Approve), await run.wait(Approve), await run.wait(Approve)])
    const engines = Array.from({ length: 3 }, () => testEngine([notes], { store, clock, leaseMs: 90 }))
    const handle = await (engines[0] as (typeof engines)[number]).start(notes, null)
    await handle.outcome()
    await Promise.all(engines.map(({ handle: of }, n) => of(handle.id).send(Approve, n !== 1)))
    const { output } = (await handle.result()) as { output: boolean[] }
    expect(output.toSorted()).toEqual([false, true, true])
  })

  it('[R8] the count of attempts does not begin again in the next process', async () => {
    const attempts: number[] = []
    const desk = flow('desk', async (_: null, run) =>
      run.step(
        'flaky',
        null,
        (_, { attempt }) => {
          attempts.push(attempt)
          throw new Error('always')
        },
        { retry: { attempts: 3, backoff: 1 } },
      ),
    )
    const { journal } = await startRun(memoryStore(), desk, null)
    expect(attempts).toEqual([1, 2, 3])
    for (let length = 1; length < 4; length++) {
      attempts.length = 0
      await resumeRun(await seedJournal(journal, length), desk, journal.run)
      expect(attempts).toEqual([1, 2, 3].slice(length - 1))
    }
  })

  it('[R4] what stands before a question to a person does not run again for each question', async () => {
    const log: string[] = []
    const desk = flow('desk', async (_: null, run) => {
      await charge(log, run, 'reserve')
      const a = await run.wait(Approve)
      await charge(log, run, 'charge')
      return a && (await run.wait(Approve))
    })
    const { start } = testEngine([desk], { restMs: 0, resume: true, leaseMs: 60 })
    const handle = await start(desk, null)
    for (const _ of [1, 2]) {
      while ((await handle.outcome()).status !== 'waiting') await settled(1)
      await handle.send(Approve, true)
      await settled()
    }
    expect((await handle.result()).output).toBe(true)
    expect(log).toEqual(['reserve', 'charge'])
  })

  it('[C3] a join after a branch that was skipped goes on below it', async () => {
    const desk = flow('desk', async (needed: boolean, run) => {
      const { left, right } = await run.all({
        left: run.step('left', () => 'left'),
        right: needed ? run.step('right', () => 'right') : Promise.resolve('skipped'),
      })
      return run.step('join', [left, right], (both) => both.join('+'))
    })
    const { start } = testEngine([desk])
    expect((await (await start(desk, false)).result()).output).toBe('left+skipped')
    expect((await (await start(desk, true)).result()).output).toBe('left+right')
  })

  it('[B1] eight delegations at once let nine calls through a limit of nine, not sixteen', async () => {
    let calls = 0
    const once = { microUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
    const delegate = flow('delegate', async (_: number, run) => {
      for (let i = 0; i < 2; i++)
        await run['~core'].ask({
          name: 'call',
          kind: 'model',
          effect: 'idempotent',
          fingerprint: 'f',
          plan: () => ({
            hold: once,
            execute: async () => {
              await settled(2)
              return { value: ++calls, settle: once }
            },
          }),
        })
    })
    const desk = flow(
      'desk',
      { budget: { modelCalls: 9 } },
      async (_: null, run) => (await run.map('m', [...Array(8).keys()], delegate, { onError: 'collect' })).filter(({ ok }) => !ok).length,
    )
    const handle = await testEngine([desk]).start(desk, null)
    const { usage } = await handle.result()
    expect(calls).toBe(9)
    expect(usage.modelCalls).toBe(9)
  })

  it('[R1] a run is not lost when its process is killed before its first step is recorded', async () => {
    const held = gate()
    const desk = flow('desk', async (_: null, run) => run.step('a', () => held.promise).then(() => 'done'))
    const { start, store } = testEngine([desk])
    const { id } = await start(desk, null)
    const left = await seedJournal(await journalOf(store, id))
    held.open()
    expect((await resumeRun(left, desk, id)).outcome).toMatchObject({ status: 'completed', output: 'done' })
  })
})
