/** Conformance of engines: other code, other clocks, messages at the wrong moment, readers elsewhere. */
import { setTimeout as later } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Entry, memoryStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, type RunEvent, replayRun } from '../run/index.ts'
import type { EngineTest } from './engine-crew.ts'
import { BULK_CHARS, engineFlows, twists, WORDS } from './engine-flows.ts'
import { lineOf } from './test-engine.ts'
import { dreamWorld, executionsIn } from './world.ts'

const DAY_MS = 86_400_000
const BULK = Number(process.env.BULK ?? 600)

/** Failure 4. */
export async function fencing({ crew, place, named }: EngineTest): Promise<void> {
  const run = named('slow')
  const first = crew.begin({ begin: [{ id: run, input: 0 }], stops: true, leaseMs: 600 }, 0)
  const done = (): readonly { key: string; pid: number }[] => executionsIn(crew.log).filter((execution) => execution.run === run)
  while (done().length < 2) await later(10)
  // It stops itself a moment later.
  await later(150)
  const restore = place.cutOff?.(0)
  const second = crew.begin({ leaseMs: 600 }, 1)
  await second.until('ready')
  const head = await crew.untilEnded(run)
  expect(head.status).toBe('completed')
  const [entries, before] = [await crew.entries(run), done()]
  expect(new Set(before.slice(0, 2).map(({ pid }) => pid))).toEqual(new Set([first.child.pid]))
  expect(new Set(before.slice(2).map(({ pid }) => pid))).toEqual(new Set([second.child.pid]))
  // Of what the first one did nothing was recorded but its step `a`: `b` was done again, once.
  expect(before.map(({ key }) => key)).toHaveLength(5)
  restore?.()
  first.child.kill('SIGCONT')
  await later(700)
  expect(done()).toEqual(before)
  expect(await crew.entries(run)).toEqual(entries)
  expect(first.child.exitCode, 'it lives').toBeNull()
  if (place.clock === 'worker') await first.until('fenced JOURNAL_FENCED')
}

/** Failure 6. */
export async function divergence({ crew, named }: EngineTest): Promise<void> {
  const runs = twists.map((twist) => named(`bend-${twist}`))
  const before = crew.begin({ begin: runs.map((id) => ({ id, input: 0 })) })
  await Promise.all(runs.map((run) => crew.untilWaiting(run)))
  await before.stop()
  const done = executionsIn(crew.log)
  const wrong = crew.begin({ twisted: true })
  await wrong.until('ready')
  for (const run of runs) await crew.say(run, 'on')
  await Promise.all(runs.map((run) => crew.until(run, ({ status }) => status === 'suspended')))
  for (const [i, run] of runs.entries()) {
    const stopped = (await crew.entries(run)).findLast(({ type }) => type === 'run.suspended')
    expect(stopped, twists[i]).toMatchObject({ why: 'diverged', error: { code: 'JOURNAL_DIVERGED' } })
  }
  expect(executionsIn(crew.log)).toEqual(done)
  await wrong.stop()
  crew.begin({ goOn: runs })
  expect((await Promise.all(runs.map((run) => crew.untilEnded(run)))).map(({ status }) => status)).toEqual(runs.map(() => 'completed'))
  expect(executionsIn(crew.log)).toHaveLength(done.length + runs.length)
}

/** Failure 7. */
export async function signals({ crew, named, seed }: EngineTest): Promise<void> {
  const [twice, early, racing, same] = ['asks', 'asks', 'asks', 'aged'].map(named) as [string, string, string, string]
  const worker = crew.begin({ begin: [twice, early, racing, same].map((id) => ({ id, input: 0 })) })
  await worker.until(`begun ${early}`)
  // The second at once: it is not for this test to race the time of the second wait.
  const both = crew.say(early, 'one').then(() => crew.say(early, 'two'))
  await Promise.all([both, crew.untilWaiting(twice), crew.untilWaiting(racing), crew.untilWaiting(same)])
  const signal = { id: 'one', type: 'signal', signal: 'go', value: 'one' } as const
  expect(await crew.client.post(twice as RunId, signal)).toBe('delivered')
  expect(await crew.client.post(twice as RunId, signal)).toBe('duplicate')
  await crew.say(racing, 'one')
  // On a slow machine its time may run out before anybody sees that it waits again.
  await crew.until(racing, ({ waiting = [], status }) => status === 'completed' || (status === 'waiting' && waiting[0]?.key !== 'asks/go'))
  await later(850 + ((seed * 7) % 300))
  await crew.say(racing, 'two')
  await Promise.all([twice, early, racing].map((run) => crew.untilEnded(run)))
  const outputOf = async (run: string): Promise<unknown> => (await crew.handle(run).result()).output
  expect(await outputOf(twice)).toBe('one, too late')
  expect(await outputOf(early)).toBe('one, two')
  expect(['one, two', 'one, too late']).toContain(await outputOf(racing))
  for (const run of [twice, early, racing]) {
    const answers = (await crew.entries(run)).filter((entry) => entry.type === 'signal.received' || entry.type === 'timer.fired')
    expect(answers.map((entry) => 'key' in entry && entry.key).filter(Boolean), run).toHaveLength(2)
  }
  const again = crew.begin({ begin: [{ id: same, input: 0 }] }, 1)
  await again.until(`begun ${same}`)
  await again.stop()
  const other = crew.begin({ begin: [{ id: same, input: 1 }] }, 1)
  await other.until(`refused ${same} RUN_ID_TAKEN`)
  expect((await crew.entries(same)).filter(({ type }) => type === 'run.started')).toHaveLength(1)
  expect(executionsIn(crew.log).filter(({ run }) => run === same)).toHaveLength(1)
  await crew.say(same, 'on')
  await crew.untilEnded(same)
}

/** Failure 8. */
export async function cancelling({ crew, named }: EngineTest): Promise<void> {
  const runs = Array.from({ length: 7 }, () => named('books'))
  const begin = runs.map((id) => ({ id, input: 3 }))
  const worker = crew.begin({ begin, leaseMs: 1_000 })
  const cancel = async (run: string, at: number): Promise<void> => {
    await crew.until(run, ({ lastSeq }) => lastSeq > at)
    await crew.post(run, { id: 'cancel', type: 'cancel', reason: 'no more' })
  }
  const cancelled = Promise.all(runs.map((run, at) => cancel(run, at)))
  cancelled.catch(() => {})
  while (!(await crew.entries(runs[1] as string)).some(({ type }) => type === 'run.cancelling')) await later(5)
  worker.child.kill('SIGKILL')
  crew.begin({ begin, leaseMs: 1_000 })
  await cancelled
  await Promise.all(runs.map((run) => crew.untilEnded(run)))
  for (const run of runs) checkCancelled(run, await crew.entries(run))
}

/** What was booked is undone, each once and the last first. What was asked before the run heard that it is to stop may begin: one effect a branch. */
function checkCancelled(run: string, entries: readonly Entry[]): void {
  const text = entries.map(lineOf).join('\n')
  const keysOf = (type: Entry['type']): readonly unknown[] =>
    entries.flatMap((entry) => (entry.type === type && 'key' in entry && !('error' in entry) ? [entry.key] : []))
  const cancelledAt = entries.findIndex(({ type }) => type === 'run.cancelling')
  expect(entries.at(-1)?.type, `${run}\n${text}`).toBe('run.cancelled')
  expect(keysOf('step.compensated'), text).toEqual(keysOf('step.completed').toReversed())
  const begunAfter = entries.slice(cancelledAt).flatMap((entry) => (entry.type === 'step.started' && entry.attempt === 1 ? [entry.key] : []))
  expect(begunAfter.length, text).toBeLessThanOrEqual(1)
}

/** Failure 9. */
export async function clockJumps({ crew, place, named }: EngineTest): Promise<void> {
  const [long, short] = [named('sleeps'), named('sleeps')]
  const worker = crew.begin({
    begin: [
      { id: long, input: 40 },
      { id: short, input: 0 },
    ],
  })
  await crew.untilEnded(short)
  const rests = (): Promise<unknown> => crew.until(long, ({ status }) => status === 'waiting' || status === 'running')
  await rests()
  // Longer than a timer of Node can wait: it does not fire at once.
  await later(400)
  expect(executionsIn(crew.log).filter(({ run }) => run === long)).toEqual([])
  await worker.stop()
  if (place.clock === 'engine') {
    crew.begin({ aheadMs: -DAY_MS })
    await crew.post(long, { id: 'c', type: 'cancel', reason: 'long enough' })
    expect((await crew.untilEnded(long)).status).toBe('cancelled')
    return
  }
  const back = crew.begin({ aheadMs: -DAY_MS })
  await back.until('ready')
  await later(300)
  expect(executionsIn(crew.log).filter(({ run }) => run === long)).toEqual([])
  await back.stop()
  crew.begin({ aheadMs: 41 * DAY_MS })
  expect((await crew.untilEnded(long)).status).toBe('completed')
}

/** Failure 10. */
export async function ageing({ crew, named }: EngineTest): Promise<void> {
  const run = named('aged')
  const old = crew.begin({ begin: [{ id: run, input: 0 }] })
  await crew.untilWaiting(run)
  await old.stop()
  const other = crew.begin({ version: '2' })
  await other.until('ready')
  await crew.say(run, 'on')
  await later(800)
  expect((await crew.head(run))?.version).toBe('1')
  expect((await crew.entries(run)).some(({ type }) => type === 'signal.received' || type === 'run.completed')).toBe(false)
  await other.stop()
  const carrying = crew.begin({ version: '2', carries: true })
  await carrying.until('ready')
  // An engine elsewhere that knew no worker for it is told again.
  await crew.say(run, 'on')
  const head = await crew.untilEnded(run)
  expect([head.status, head.version]).toEqual(['completed', '2'])
  expect((await crew.handle(run).result()).output).toMatch(/ on .* by 2$/)
  expect(executionsIn(crew.log).filter((execution) => execution.run === run)).toHaveLength(2)
}

/** Failure 11. */
export async function streaming({ crew, named }: EngineTest): Promise<void> {
  const run = named('says')
  const isShown = crew.client.store.parts !== undefined
  const begin = [{ id: run, input: 0 }]
  const worker = crew.begin({ begin, leaseMs: 800 })
  await worker.until(`begun ${run}`)
  const events: RunEvent[] = []
  const reading = (async () => {
    for await (const event of crew.handle(run).events()) events.push(event)
  })()
  const telling = (async () => {
    let text = ''
    for await (const piece of crew.handle(run).text()) text += piece
    return text
  })()
  const shown = (): string => events.map((event) => (event.type === 'text.delta' ? event.text : event.type === 'text.reset' ? '|' : '')).join('')
  while (isShown ? shown().length < 10 : !executionsIn(crew.log).some((execution) => execution.run === run)) await later(10)
  worker.child.kill('SIGKILL')
  crew.begin({ begin, leaseMs: 800 })
  await reading
  const numbers = events.flatMap((event) => (event.type.startsWith('text') ? [] : [event.seq]))
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  expect(events.filter(({ type }) => type === 'step.completed' || type === 'run.completed')).toHaveLength(2)
  expect(events.at(-1)?.type).toBe('run.completed')
  if (!isShown) return void (await telling)
  const whole = WORDS.join('')
  const [before, ...rest] = shown().split('|') as [string, ...string[]]
  expect(whole.startsWith(before) && before.length > 0, before).toBe(true)
  expect(rest).toEqual([whole])
  expect(await telling).toBe(whole)
}

/** Failure 13: twice as much takes about twice as long. */
export async function wholeSize({ crew, named }: EngineTest): Promise<void> {
  const taken: { readonly steps: number; readonly ms: number; readonly bytes: number }[] = []
  for (const steps of [BULK / 4, BULK]) {
    const run = named('bulk')
    const first = crew.begin({ begin: [{ id: run, input: steps }] })
    await crew.untilWaiting(run)
    first.child.kill('SIGKILL')
    await first.over
    await crew.say(run, 'on')
    const next = crew.begin()
    await next.until('ready')
    const begun = performance.now()
    await crew.untilEnded(run)
    const ms = performance.now() - begun
    expect((await crew.handle(run).result()).output).toBe(`on ${steps * BULK_CHARS}`)
    await next.stop()
    taken.push({ steps, ms, bytes: Number(next.said.find((line) => line.startsWith('memory'))?.split(' ')[1]) })
  }
  const [small, large] = taken as [(typeof taken)[0], (typeof taken)[0]]
  process.stdout.write(
    `failure 13: ${taken.map(({ steps, ms, bytes }) => `${steps} steps of ${BULK_CHARS} characters resumed in ${Math.round(ms)} ms, ${Math.round(bytes / 1e6)} MB`).join('; ')}\n`,
  )
  // Four times as much; room for a loaded machine.
  expect(large.ms).toBeLessThan(small.ms * 4 * 2.5 + 2_000)
  expect(large.bytes - small.bytes).toBeLessThan((large.steps - small.steps) * BULK_CHARS * 8 + 60e6)
}

/** Failure 14. */
export async function sameJournal({ crew, named, seed }: EngineTest): Promise<void> {
  const begin = [...twists.map((twist) => named(`bend-${twist}`)), named('aged'), named('slow'), named('books')].map((id) => ({ id, input: 3 }))
  const worker = crew.begin({ begin })
  const flows = engineFlows({ world: dreamWorld(), seed })
  const quiet = new EmbeddedEngine({ store: memoryStore(), flows, resume: false })
  for (const { id, input } of begin) {
    const flow = flows.findLast(({ name }) => id.startsWith(`${name}-`)) as (typeof flows)[0]
    await quiet.start(flow, input, { id })
    const waits = !id.startsWith('slow-')
    if (waits) await crew.untilWaiting(id)
    if (waits) await crew.say(id, 'on')
    await crew.untilEnded(id)
    const beside = new EmbeddedHandle<string>(quiet, id as RunId)
    if (waits) await beside.outcome()
    if (waits) await quiet.post(id as RunId, { id: 'on', type: 'signal', signal: 'go', value: 'on' })
    const expected = await beside.result()
    expect((await crew.handle(id).result()).output).toBe(expected.output)
    const lines = async (entries: AsyncIterable<Entry>): Promise<readonly string[]> => {
      const all: string[] = []
      for await (const entry of entries) if (!['run.suspended', 'run.resumed'].includes(entry.type)) all.push(lineOf(entry))
      return all
    }
    expect(await lines(crew.client.store.read(id as RunId))).toEqual(await lines(quiet.store.read(id as RunId)))
    expect((await replayRun(crew.client.store, id as RunId, flow, new Map())).output).toBe(expected.output)
  }
  await quiet.close({ graceMs: 0 })
  await worker.stop()
}
