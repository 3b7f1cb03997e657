import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type EntryOf, memoryStore } from '../journal/index.ts'
import { journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { settled, simulatedClock } from '../testing/simulated-clock.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { flow, replayRun, signal } from './index.ts'

const Approval = signal('approval', z.object({ ok: z.boolean(), why: z.string().default('no reason') }))
const Word = signal('word', z.string())
const received =
  (type: string) =>
  (entry: { type: string }): entry is EntryOf<'signal.received'> =>
    entry.type === type

describe('waiting for a signal', () => {
  it('[R4] a run that waits says for what, until when and with which data; the answer reaches it through its schema', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => run.wait(Approval, { timeout: '3d', onTimeout: null, data: { amount: 12 } }))
    const { start } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    expect(await handle.outcome()).toMatchObject({
      status: 'waiting',
      for: [{ signal: 'approval', key: 'desk/approval', until: new Date(clock.now() + 3 * 86_400_000), data: { amount: 12 } }],
    })
    expect(await handle.send(Approval, { ok: true })).toBe('delivered')
    expect((await handle.result()).output).toEqual({ ok: true, why: 'no reason' })
  })

  it('[R4] without an answer in time there is the value of onTimeout, or RUN_SIGNAL_TIMEOUT', async () => {
    const clock = simulatedClock()
    const kind = flow('kind', async (_: null, run) => run.wait(Approval, { timeout: '1d', onTimeout: 'nobody' }))
    const strict = flow('strict', async (_: null, run) => run.wait(Approval, { timeout: '1d' }))
    const { start, store } = testEngine([kind, strict], { clock })
    const [a, b] = [await start(kind, null), await start(strict, null)]
    await clock.advance('1d')
    expect((await a.result()).output).toBe('nobody')
    expect(await b.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_SIGNAL_TIMEOUT', data: { signal: 'approval' } } })
    expect((await replayRun(store, a.id, kind)).output).toBe('nobody')
    await expect(replayRun(store, b.id, strict)).rejects.toMatchObject({ code: 'RUN_SIGNAL_TIMEOUT' })
  })

  it('[R4] an answer that does not fit is refused by name, is in the journal with its value, and the run waits on for one that does', async () => {
    const desk = flow('desk', async (_: null, run) => run.wait(Approval))
    const { start, store, engine, lines } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.outcome()
    await engine.post(handle.id, { id: 'wrong', type: 'signal', signal: 'approval', value: { ok: 'perhaps' } })
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ key: 'desk/approval' }] })
    const refused = (await journalOf(store, handle.id)).entries.find((entry) => entry.type === 'signal.refused')
    expect(refused).toMatchObject({ key: 'desk/approval', id: 'wrong', value: { ok: 'perhaps' }, error: { code: 'RUN_INPUT_INVALID', data: [{ at: 'ok' }] } })
    expect(await store.inbox(handle.id)).toEqual([])
    await handle.send(Approval, { ok: true })
    expect((await handle.result()).output).toEqual({ ok: true, why: 'no reason' })
    expect((await replayRun(store, handle.id, desk)).output).toEqual({ ok: true, why: 'no reason' })
    expect(await lines(handle.id)).toEqual(['signal.awaited desk/approval', 'signal.refused desk/approval', 'signal.received desk/approval'])
    const events: string[] = []
    for await (const event of handle.events()) events.push(event.type)
    expect(events).toEqual(['signal.awaited', 'signal.refused', 'run.completed'])
  })

  it('[R4] one that came early and does not fit is refused once, also when the run goes on elsewhere', async () => {
    const held = gate()
    const desk = flow('desk', async (_: null, run) => {
      await run.step('first', () => held.promise)
      return run.wait(Word)
    })
    const { start, store, engine } = testEngine([desk])
    const handle = await start(desk, null)
    await engine.post(handle.id, { id: 'early', type: 'signal', signal: 'word', value: 17 })
    await settled()
    held.open()
    await handle.outcome()
    await engine.close({ graceMs: 0 })
    const other = testEngine([desk], { store })
    await other.engine.activate(handle.id)
    await other.handle(handle.id).send(Word, 'right')
    expect((await other.handle(handle.id).result()).output).toBe('right')
    expect((await other.entries(handle.id)).filter(({ type }) => type === 'signal.refused')).toHaveLength(1)
  })

  it('[R4] a signal that races its timeout is delivered once, whichever is recorded first, and replays so', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => run.wait(Word, { timeout: 1_000, onTimeout: 'too late' }))
    const { start, store, lines } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await handle.outcome()
    const sent = handle.send(Word, 'just in time').catch(() => 'finished')
    await clock.advance(1_000)
    await sent
    const { output } = await handle.result()
    const answers = (await lines(handle.id)).filter((line) => line === 'timer.fired desk/word' || line === 'signal.received desk/word')
    expect(answers).toEqual([output === 'too late' ? 'timer.fired desk/word' : 'signal.received desk/word'])
    expect((await replayRun(store, handle.id, desk)).output).toBe(output)
  })

  it('[R4] a signal that comes before anyone waits is kept, also over a crash, and answers the first wait of its name', async () => {
    const held = gate()
    const desk = flow('desk', async (_: null, run) => {
      await run.step('first', () => held.promise)
      return [await run.wait(Word), await run.wait(Word)]
    })
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    expect(await handle.send(Word, 'one')).toBe('early')
    expect(await handle.send(Word, 'two')).toBe('early')
    held.open()
    const copy = await seedJournal(await journalOf(store, handle.id))
    expect((await handle.result()).output).toEqual(['one', 'two'])
    const second = testEngine([desk], { store: copy })
    await second.engine.activate(handle.id)
    expect((await second.handle(handle.id).result()).output).toEqual(['one', 'two'])
  })

  it('[R4] a signal sent twice under one id counts once, and the second sender is told', async () => {
    const desk = flow('desk', async (_: null, run) => [await run.wait(Word), await run.wait(Word, { timeout: 10, onTimeout: 'nothing more' })])
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.outcome()
    expect(await Promise.all([handle.send(Word, 'once', { id: 'm1' }), handle.send(Word, 'once', { id: 'm1' })])).toEqual(['delivered', 'duplicate'])
    expect((await handle.result()).output).toEqual(['once', 'nothing more'])
  })

  it('[R4] many waits at once are answered by name or by key, in any order', async () => {
    const desk = flow('desk', async (_: null, run) => run.all([run.wait(Word), run.wait(Word), run.wait(Approval)]))
    const { start } = testEngine([desk])
    const handle = await start(desk, null)
    const outcome = await handle.outcome()
    expect(outcome.status === 'waiting' && outcome.for.map(({ key }) => key)).toEqual(['desk/word', 'desk/word#2', 'desk/approval'])
    await handle.send(Approval, { ok: false })
    await handle.send(Word, 'second', { key: 'desk/word#2' })
    await handle.send(Word, 'first')
    expect((await handle.result()).output).toEqual(['first', 'second', { ok: false, why: 'no reason' }])
  })

  it('[R4] a signal for one wait never answers another, also when it comes before that wait', async () => {
    const desk = flow('desk', async (_: null, run) => {
      const first = await run.wait(Word, { timeout: 50, onTimeout: 'nobody' })
      return [first, await run.wait(Word, { timeout: 50, onTimeout: 'nobody' })]
    })
    const { start, store, entries } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.outcome()
    expect(await handle.send(Word, 'for the second', { key: 'desk/word#2' })).toBe('early')
    const early = await journalOf(store, handle.id)
    expect((await handle.result()).output).toEqual(['nobody', 'for the second'])
    expect((await entries(handle.id)).filter(received('signal.received')).map(({ key, to }) => key ?? `to ${to}`)).toEqual(['to desk/word#2', 'desk/word#2'])
    const second = testEngine([desk], { store: await seedJournal(early) })
    await second.engine.activate(handle.id)
    expect((await second.handle(handle.id).result()).output).toEqual(['nobody', 'for the second'])
  })

  it('[R4] a signal is late when the one wait that it is for is over; sent again, an answer is a duplicate, and never late', async () => {
    const desk = flow('desk', async (_: null, run) => [
      await run.wait(Word),
      await run.wait(Word, { timeout: 20, onTimeout: 'nobody' }),
      await run.wait(Approval),
    ])
    const { start, store, entries } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.outcome()
    expect(await handle.send(Word, 'yes', { key: 'desk/word', id: 'm1' })).toBe('delivered')
    while ((await entries(handle.id)).every(({ type }) => type !== 'timer.fired')) await settled(1)
    expect(await handle.send(Word, 'no', { key: 'desk/word' })).toBe('late')
    expect(await handle.send(Word, 'no', { key: 'desk/word#2' })).toBe('late')
    expect(await handle.send(Word, 'yes', { key: 'desk/word', id: 'm1' })).toBe('duplicate')
    expect(await store.inbox(handle.id)).toEqual([])
    expect(await handle.send(Word, 'kept')).toBe('early')
    await handle.send(Approval, { ok: true })
    expect((await handle.result()).output).toEqual(['yes', 'nobody', { ok: true, why: 'no reason' }])
  })

  it('[R4] the sender is told the same, whichever process drives the run', async () => {
    const desk = flow('desk', async (_: null, run) => run.all([run.wait(Word), run.sleep('night', '8h')]))
    const store = memoryStore()
    const driver = testEngine([desk], { store, restMs: 60_000 })
    const { id } = await driver.start(desk, null)
    await settled()
    const stranger = testEngine([], { store })
    expect(await stranger.handle(id).send(Approval, { ok: true })).toBe('early')
    expect(await stranger.handle(id).send(Word, 'from afar', { id: 'm' })).toBe('delivered')
    expect(await stranger.handle(id).send(Word, 'from afar', { id: 'm' })).toBe('duplicate')
    await settled()
    expect(await stranger.handle(id).send(Word, 'again', { key: 'desk/word' })).toBe('late')
  })

  it('[R4] what does not fit the schema is refused to its sender, and a run that has ended takes nothing more', async () => {
    const desk = flow('desk', async (_: null, run) => run.wait(Approval))
    const { engine, start } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.outcome()
    await expect(handle.send(Approval, { ok: 'yes' } as never)).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
    await engine.post(handle.id, { id: 'raw', type: 'signal', signal: 'approval', value: 7 })
    expect((await handle.outcome()).status).toBe('waiting')
    await handle.send(Approval, { ok: true })
    await handle.result()
    await expect(handle.send(Approval, { ok: true })).rejects.toMatchObject({ code: 'RUN_FINISHED' })
  })

  it('[R4] an answer that nobody drove the run for at the time is there when it goes on', async () => {
    const desk = flow('desk', async (_: null, run) => run.wait(Word))
    const store = memoryStore()
    const first = testEngine([desk], { store })
    const handle = await first.start(desk, null)
    await handle.outcome()
    await first.engine.close()
    await store.post(handle.id, { id: 'm', type: 'signal', signal: 'word', value: 'while you slept' }, 0)
    const second = testEngine([desk], { store, resume: true })
    await second.engine.open()
    expect((await second.handle(handle.id).result()).output).toBe('while you slept')
  })
})

describe('sleeping', () => {
  it('[R3] a sleep lasts as long as it says by the time of the run, and costs two entries', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => {
      const before = run.now().getTime()
      await run.sleep('nap', '2h')
      return run.now().getTime() - before
    })
    const { start, lines } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await clock.advance('119m')
    expect(await lines(handle.id)).toEqual(['timer.set desk/nap'])
    await clock.advance('1m')
    expect((await handle.result()).output).toBe(7_200_000)
    expect(await lines(handle.id)).toEqual(['timer.set desk/nap', 'timer.fired desk/nap'])
  })

  it('[R3] a sleep outlives its process: it ends when it was to end, or at once when that has passed', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => run.sleep('nap', '10d'))
    const { start, store } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await clock.advance('1s')
    const journal = await journalOf(store, handle.id)
    const nine = simulatedClock(clock.now() + 9 * 86_400_000)
    const second = testEngine([desk], { store: await seedJournal(journal), clock: nine })
    await second.engine.activate(handle.id)
    await nine.advance('23h')
    expect(await second.lines(handle.id)).toEqual(['timer.set desk/nap'])
    await nine.advance('1h')
    expect((await second.handle(handle.id).outcome()).status).toBe('completed')
    const third = testEngine([desk], { store: await seedJournal(journal), clock: simulatedClock(clock.now() + 20 * 86_400_000) })
    await third.engine.activate(handle.id)
    await settled()
    expect((await third.handle(handle.id).outcome()).status).toBe('completed')
  })

  it('[R3] a clock that jumps back or forth during a sleep neither repeats nor forgets it', async () => {
    const clock = simulatedClock()
    const desk = flow('desk', async (_: null, run) => run.sleep('nap', '1h').then(() => run.step('after', () => 'awake')))
    const { start, store } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await clock.advance('1s')
    const back = simulatedClock(clock.now() - 86_400_000)
    const second = testEngine([desk], { store: await seedJournal(await journalOf(store, handle.id)), clock: back })
    await second.engine.activate(handle.id)
    await back.advance('2d')
    expect((await second.handle(handle.id).result()).output).toBe('awake')
    expect((await second.lines(handle.id)).filter((line) => line.startsWith('timer.fired'))).toHaveLength(1)
  })
})
