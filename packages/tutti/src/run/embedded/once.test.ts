import { describe, expect, it } from 'vitest'
import { TuttiError } from '../../errors/index.ts'
import { type Commit, memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { type Journal, journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, testEngine } from '../../testing/test-engine.ts'
import { type EffectSpec, flow } from '../index.ts'

type Spec = Partial<EffectSpec<unknown>> & { readonly execute: (attempt: number) => unknown }
/** A flow of one payment, that may be made once only. */
const desk = ({ execute, ...spec }: Spec) =>
  flow('desk', async (_: null, run) =>
    run['~core'].ask<unknown>({
      name: 'pay',
      kind: 'tool',
      effect: 'once',
      fingerprint: 'f',
      plan: (attempt) => ({ execute: async () => ({ value: await execute(attempt) }) }),
      ...spec,
    }),
  )
const throws = (): never => {
  throw new Error('the line went dead')
}
const resolve = (verdict: 'done' | 'not-done', value?: string) => ({
  id: `resolve-${verdict}`,
  type: 'resolve' as const,
  key: 'desk/pay',
  verdict,
  ...(value === undefined ? {} : { value }),
})

/** A journal of a process that ended while the payment was under way. */
async function lost(): Promise<Journal> {
  const held = gate()
  const begun = gate()
  const dying = desk({
    execute: () => {
      begun.open()
      return held.promise
    },
  })
  const { start, store } = testEngine([dying])
  const handle = await start(dying, null)
  await begun.promise
  return journalOf(store, handle.id)
}

describe('an effect that may happen once', () => {
  it('[R2] one that threw is in doubt, is not tried again, and waits for a person', async () => {
    let made = 0
    const pay = desk({ execute: () => ++made && throws(), retry: () => ({ afterMs: 0 }) })
    const { start, lines } = testEngine([pay])
    const handle = await start(pay, null)
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.resolve', key: 'desk/pay' }] })
    expect(await lines(handle.id)).toEqual(['step.started desk/pay @1', 'step.doubted desk/pay @1 RUN_STEP_FAILED'])
    expect(made).toBe(1)
  })

  it('[R2] a person says that it was done, and with which result', async () => {
    const pay = desk({ execute: throws })
    const { engine, start, lines } = testEngine([pay])
    const handle = await start(pay, null)
    await handle.outcome()
    await engine.post(handle.id, resolve('done', 'receipt 7'))
    expect((await handle.result()).output).toBe('receipt 7')
    expect(await lines(handle.id)).toEqual(['step.started desk/pay @1', 'step.doubted desk/pay @1 RUN_STEP_FAILED', 'step.resolved desk/pay @1 person done'])
  })

  it('[R2] what a person says it gave has to fit: a slip leaves the doubt, also over a restart, and whoever looks next is told', async () => {
    const misfit = (value: unknown) => (value === 'receipt 7' ? undefined : `${String(value)} is no receipt`)
    const pay = desk({ execute: throws, misfit })
    const first = testEngine([pay])
    const handle = await first.start(pay, null)
    await handle.outcome()
    await first.engine.post(handle.id, resolve('done', '7'))
    const open = {
      status: 'waiting',
      for: [{ signal: 'tutti.resolve', data: { message: 'the line went dead; somebody said that it was done, but 7 is no receipt' } }],
    }
    await expect.poll(() => handle.outcome()).toMatchObject(open)
    const journal = await journalOf(first.store, handle.id)
    const second = testEngine([pay], { store: await seedJournal(journal) })
    await second.engine.activate(handle.id)
    expect(await second.handle(handle.id).outcome()).toMatchObject(open)
    await second.engine.post(handle.id, { ...resolve('done', 'receipt 7'), id: 'again' })
    expect((await second.handle(handle.id).result()).output).toBe('receipt 7')
  })

  it('[R2] a verdict on one attempt, given twice, says nothing of the next one', async () => {
    let made = 0
    const pay = desk({ execute: () => ++made && throws() })
    const { engine, start, store } = testEngine([pay])
    const handle = await start(pay, null)
    await handle.outcome()
    for (const id of ['a', 'b']) await engine.post(handle.id, { ...resolve('not-done'), id, attempt: 1 })
    await settled()
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.resolve', data: { attempt: 2 } }] })
    expect(made).toBe(2)
    expect(await store.inbox(handle.id)).toEqual([])
  })

  it('[R2] a person says that it was not done, and it is tried again', async () => {
    const pay = desk({ execute: (attempt) => (attempt === 1 ? throws() : `paid at attempt ${attempt}`) })
    const { engine, start, lines } = testEngine([pay])
    const handle = await start(pay, null)
    await handle.outcome()
    await engine.post(handle.id, resolve('not-done'))
    expect((await handle.result()).output).toBe('paid at attempt 2')
    expect((await lines(handle.id)).slice(2)).toEqual(['step.resolved desk/pay @1 person not-done', 'step.started desk/pay @2', 'step.completed desk/pay @2'])
  })

  it.each([
    ['done', { done: true, value: 'receipt 8' } as const, 'receipt 8', ['step.resolved desk/pay @1 hook done']],
    ['not done', { done: false } as const, 'paid again', ['step.resolved desk/pay @1 hook not-done', 'step.started desk/pay @2', 'step.completed desk/pay @2']],
  ])('[R2] after a crash the tool itself knows that it was %s', async (_, verdict, output, lines) => {
    const journal = await lost()
    const asked: string[] = []
    const pay = desk({ execute: () => 'paid again', reconcile: (key) => (asked.push(key) ? verdict : 'unknown') })
    const second = testEngine([pay], { store: await seedJournal(journal) })
    await second.engine.activate(journal.run)
    expect((await second.handle(journal.run).result()).output).toBe(output)
    expect(asked).toHaveLength(1)
    expect((await second.lines(journal.run)).slice(1)).toEqual(['step.doubted desk/pay @1 ATTEMPT_LOST', ...lines])
  })

  it('[R2] after a crash, when the tool does not know either, nothing is repeated on a guess', async () => {
    const journal = await lost()
    let made = 0
    const pay = desk({ execute: () => ++made, reconcile: () => 'unknown' })
    const second = testEngine([pay], { store: await seedJournal(journal) })
    await second.engine.activate(journal.run)
    expect((await second.handle(journal.run).outcome()).status).toBe('waiting')
    expect(made).toBe(0)
  })

  it('[R2] a reconcile hook that fails knows nothing, and the doubt stays', async () => {
    const pay = desk({ execute: throws, reconcile: () => Promise.reject(new Error('the bank is closed')) })
    const { start } = testEngine([pay])
    expect(await (await start(pay, null)).outcome()).toMatchObject({
      status: 'waiting',
      for: [{ data: { message: expect.stringMatching(/; its reconcile failed: the bank is closed$/) } }],
    })
  })

  it('[R2] what fails again and again, and did not happen each time as its tool knows, has failed: it is not tried for ever', async () => {
    let made = 0
    const pay = desk({ execute: () => ++made && throws(), reconcile: () => ({ done: false }) })
    const { start, lines } = testEngine([pay])
    const handle = await start(pay, null)
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_STEP_FAILED' } })
    expect(made).toBe(3)
    expect((await lines(handle.id)).slice(-3)).toEqual([
      'step.doubted desk/pay @3 RUN_STEP_FAILED',
      'step.resolved desk/pay @3 hook not-done',
      'step.failed desk/pay @3 RUN_STEP_FAILED final',
    ])
  })

  it('[R2] a hook that says that it was done, with what no journal holds, fails the step with its name', async () => {
    const pay = desk({ execute: throws, reconcile: () => ({ done: true, value: () => 1 }) })
    const { start } = testEngine([pay])
    expect(await (await start(pay, null)).outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_NOT_RECORDABLE', data: { key: 'desk/pay' } } })
  })

  it('[R2] a doubt outlives the process: it is asked about once more, and said once', async () => {
    const pay = desk({ execute: throws })
    const { start, store } = testEngine([pay])
    const handle = await start(pay, null)
    await handle.outcome()
    const second = testEngine([pay], { store: await seedJournal(await journalOf(store, handle.id)) })
    await second.engine.activate(handle.id)
    expect((await second.handle(handle.id).outcome()).status).toBe('waiting')
    expect((await second.lines(handle.id)).filter((line) => line.startsWith('step.doubted'))).toHaveLength(1)
    await second.engine.post(handle.id as RunId, resolve('done', 'later'))
    expect((await second.handle(handle.id).result()).output).toBe('later')
  })

  it('[R2] the answer of a person reaches a doubt that nobody drives at the time', async () => {
    const store = memoryStore()
    const clock = simulatedClock()
    const slow = gate<'unknown'>()
    const pay = desk({ execute: throws, reconcile: () => slow.promise })
    const first = testEngine([pay], { store, clock, restMs: 0 })
    const handle = await first.start(pay, null)
    slow.open('unknown')
    await handle.outcome()
    await clock.advance('5s')
    while ((await store.head(handle.id))?.owner !== undefined) await settled(1)
    const head = await store.head(handle.id)
    expect(head).toMatchObject({ status: 'waiting', waiting: [{ signal: 'tutti.resolve', key: 'desk/pay' }] })
    expect(head).not.toHaveProperty('owner')
    await first.engine.post(handle.id, resolve('done', 'from afar'))
    expect((await handle.result()).output).toBe('from afar')
  })

  it('[R2] the verdict and the message that brought it are one transaction', async () => {
    const pay = desk({ execute: throws })
    const store = memoryStore()
    const commits: { entries: number; taken: number }[] = []
    const append = (commit: Commit): Promise<string | undefined> => {
      commits.push({ entries: commit.entries.length, taken: commit.taken?.length ?? 0 })
      return store.append(commit)
    }
    const watched = { ...store, append }
    const { engine, start } = testEngine([pay], { store: watched })
    const handle = await start(pay, null)
    await handle.outcome()
    commits.length = 0
    await engine.post(handle.id, resolve('done', 'x'))
    await handle.result()
    expect(commits[0]).toEqual({ entries: 1, taken: 1 })
  })

  it('[R2] a tool that says it certainly did nothing may be tried again, or fails plainly', async () => {
    const notDone = (attempt: number): unknown => {
      if (attempt === 1) throw new TuttiError('TOOL_NOT_DONE', 'the queue was full')
      return 'paid'
    }
    const again = desk({ execute: notDone, retry: (_, attempt) => (attempt < 2 ? { afterMs: 0 } : undefined) })
    const { start, lines } = testEngine([again])
    const handle = await start(again, null)
    expect((await handle.result()).output).toBe('paid')
    expect(await lines(handle.id)).toEqual([
      'step.started desk/pay @1',
      'step.failed desk/pay @1 TOOL_NOT_DONE again',
      'step.started desk/pay @2',
      'step.completed desk/pay @2',
    ])
    const plain = desk({ execute: notDone })
    expect(await (await testEngine([plain]).start(plain, null)).outcome()).toMatchObject({ status: 'failed', error: { code: 'TOOL_NOT_DONE' } })
  })

  it('[R2] a timeout is a doubt too', async () => {
    const clock = simulatedClock()
    const pay = desk({ execute: () => new Promise(() => {}), timeoutMs: 1_000 })
    const { start, lines } = testEngine([pay], { clock })
    const handle = await start(pay, null)
    await clock.advance('1s')
    expect((await handle.outcome()).status).toBe('waiting')
    expect((await lines(handle.id)).at(-1)).toBe('step.doubted desk/pay @1 RUN_TIMEOUT')
  })

  it('[R2] a tool is asked about a lost call only when that call must be over: its timeout after the run was taken over', async () => {
    const journal = await lost()
    const asked: number[] = []
    const clock = simulatedClock(journal.entries.at(-1)?.time)
    const begun = clock.now()
    const pay = desk({
      execute: () => 'paid',
      timeoutMs: 30_000,
      reconcile: () => (asked.push(clock.now() - begun) ? ({ done: true, value: 'receipt' } as const) : 'unknown'),
    })
    const second = testEngine([pay], { store: await seedJournal(journal), clock })
    await second.engine.activate(journal.run)
    await clock.advance('29s')
    expect(asked).toEqual([])
    await clock.advance('2s')
    expect(asked).toEqual([30_000])
    expect((await second.handle(journal.run).result()).output).toBe('receipt')
  })
})
