import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { type Entry, memoryStore } from '../../journal/index.ts'
import { hash128, type RunId } from '../../primitives/index.ts'
import { bound, journalOf } from '../../testing/failpoint-store.ts'
import { hostedEngine, type LossPoint, MemoryHost } from '../../testing/memory-host.ts'
import { flowOf, randomWorld } from '../../testing/random-flow.ts'
import { randomProgram, seeded } from '../../testing/random-program.ts'
import { simulatedClock } from '../../testing/simulated-clock.ts'
import { testEngine } from '../../testing/test-engine.ts'
import type { AnyFlow, Flow } from '../definition.port.ts'
import { EmbeddedHandle } from '../embedded/handle.ts'
import { flow } from '../flow.ts'
import { replayRun } from '../replay.ts'
import { signal } from '../signal.ts'
import type { Host } from './engine.ts'

const Go = signal('go', z.string())

function world(flows: readonly AnyFlow[], lose?: (line: number, point: LossPoint) => boolean) {
  const store = memoryStore()
  const kept = { ...bound(store), close: async () => {} }
  const host = new MemoryHost(lose)
  const engine = hostedEngine(host, kept, flows)
  onTestFinished(() => engine.close({ graceMs: 0 }))
  const start = async <I, O>(of: Flow<I, O>, input: I): Promise<EmbeddedHandle<O>> => new EmbeddedHandle<O>(engine, await engine.start(of, input))
  return { store, host, engine, start, entries: async (run: RunId) => (await journalOf(store, run)).entries }
}

const types = (entries: readonly Entry[]): string => entries.map(({ type }) => type).join(' ')
const countOf = (entries: readonly Entry[], type: Entry['type']): number => entries.filter((entry) => entry.type === type).length
/** Reaches nothing. */
const none: Host = { open: async () => {}, submit: async () => {}, tell: async () => {}, close: async () => {} }
const turns = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('a run that an engine elsewhere hosts', () => {
  it('[S4] failure 15: wherever its attempts are lost, what is in the log stands, nothing of it is done again, and the journal is the log, complete and in order', async () => {
    let lost = 0
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seeded(seed)
        const work = randomWorld(seed)
        const again: string[] = []
        const recorded = new Set<string>()
        let losses = 0
        const played = flowOf(randomProgram(seed), {
          ...work,
          work: (step, ctx) => {
            if (recorded.has(ctx.idempotencyKey)) again.push(ctx.idempotencyKey)
            return work.work(step, ctx)
          },
        })
        const { store, host, start } = world([played], () => random() < 0.15 && losses++ < 4)
        const handle = await start(played, null)
        const note = (): void => {
          for (const { entries } of host.groups(handle.id))
            for (const entry of entries)
              if (entry.type === 'step.completed' || (entry.type === 'step.failed' && entry.final)) recorded.add(hash128(`${handle.id}|${entry.key}`))
        }
        const noting = setInterval(note, 0)
        const outcome = await handle.outcome()
        clearInterval(noting)
        lost += host.losses
        const journal = await journalOf(store, handle.id)
        const [started] = journal.entries
        const log = [started, ...host.groups(handle.id).flatMap(({ entries }) => entries)]
        expect(journal.entries).toEqual(log)
        expect(journal.entries.map(({ seq }) => seq)).toEqual(journal.entries.map((_, i) => i + 1))
        expect(again).toEqual([])
        if (outcome.status === 'completed') expect((await replayRun(store, handle.id, played, new Map())).output).toEqual(outcome.output)
        else expect(outcome.status).toBe('failed')
      }),
      { numRuns: 60 },
    )
    expect(lost).toBeGreaterThan(20)
  })

  const asking = (undone: string[] = []): Flow<number, string> =>
    flow('asking', async (n: number, run) => {
      await run.step('book', n, (x) => x, { undo: () => void undone.push('book') })
      const first = await run.wait(Go)
      const second = await run.wait(Go, { timeout: '20s', onTimeout: 'late' })
      return `${first}, ${second}`
    })

  it('[S4] a signal reaches a run that was lost while it rested, once, whether it was sent before, during or after the rest began', async () => {
    for (const delay of [0, 150, 240, 250, 260, 400]) {
      const of = asking()
      const { host, start, entries } = world([of])
      const handle = await start(of, 1)
      await turns(delay)
      await handle.send(Go, 'a', { id: 'a' })
      if (delay === 400) host.loseAll()
      await handle.send(Go, 'a', { id: 'a' })
      await handle.send(Go, 'b', { id: 'b' })
      expect((await handle.result()).output).toBe('a, b')
      const received = (await entries(handle.id)).flatMap((entry) => (entry.type === 'signal.received' && entry.key ? [entry.id] : []))
      expect(received).toEqual(['a', 'b'])
    }
  })

  it('[S4] [R11] a cancelled run undoes what it did though every attempt is lost once at each line of the log, and undoes it once', async () => {
    for (let at = 0; at < 6; at++) {
      const undone: string[] = []
      const of = asking(undone)
      let lost = false
      const lose = (line: number, point: LossPoint): boolean => {
        if (lost || line !== at || point === 'before') return false
        lost = true
        return true
      }
      const { start, entries } = world([of], lose)
      const handle = await start(of, 1)
      await turns(20)
      await handle.cancel('no more')
      const outcome = await handle.outcome()
      expect(outcome.status).toBe('cancelled')
      expect(undone).toEqual(['book'])
      expect(countOf(await entries(handle.id), 'step.compensated')).toBe(1)
    }
  })

  it('[S4] [R9] a paused run stands still through a loss, takes no signal, and goes on when a person says so', async () => {
    const of = asking()
    const { host, start } = world([of])
    const handle = await start(of, 1)
    await handle.pause('lunch')
    while ((await handle.outcome()).status !== 'paused') await turns(5)
    host.loseAll()
    await handle.send(Go, 'a')
    await handle.send(Go, 'b')
    await turns(50)
    expect((await handle.outcome()).status).toBe('paused')
    await handle.resume()
    expect((await handle.result()).output).toBe('a, b')
  })

  it('[S4] a run whose attempts add nothing is suspended after five of them, and says so', async () => {
    const of = flow('stuck', async (_: null, run) => {
      await run.step('first', () => 1)
      return run.step('never', () => new Promise<string>(() => {}))
    })
    const { host, start, entries } = world([of])
    const handle = await start(of, null)
    while (host.groups(handle.id).length === 0) await turns(5)
    const ending = handle.outcome()
    while (!(await entries(handle.id)).some(({ type }) => type === 'run.suspended')) {
      host.loseAll()
      await turns(30)
    }
    expect(await ending).toMatchObject({ status: 'failed', error: { code: 'RUN_CRASH_LOOP' } })
  })

  it('[S4] [R8] a version that declares how carries a run over in the place of the old one', async () => {
    const of = (version: string, add: string): Flow<null, string> =>
      flow('desk', { version, ...(version === '2' ? { migrations: { '1': true } } : {}) }, async (_: null, run) => {
        const one = await run.step('look', 'x', (x) => x)
        return `${one}${add} ${await run.wait(Go)}`
      })
    const store = { ...bound(memoryStore()), close: async () => {} }
    const host = new MemoryHost()
    const before = hostedEngine(host, store, [of('1', '')])
    const run = await before.start(of('1', ''), null)
    await turns(50)
    await before.close({ graceMs: 0 })
    const after = hostedEngine(host, store, [of('2', '!')])
    onTestFinished(() => after.close({ graceMs: 0 }))
    const handle = new EmbeddedHandle<string>(after, run)
    await handle.send(Go, 'a')
    expect((await handle.result()).output).toBe('x! a')
    expect((await store.head(run))?.version).toBe('2')
  })

  it('[S4] [R5] a fork takes over what the record still answers', async () => {
    const done: string[] = []
    const of = flow('two', async (n: number, run) => {
      const a = await run.step('a', n, (x) => x * done.push('a'))
      return run.step('b', a, (x) => x + done.push('b'))
    })
    const { engine, start } = world([of])
    const handle = await start(of, 1)
    await handle.result()
    const forked = new EmbeddedHandle<number>(engine, await engine.fork(handle.id, of, { at: 'two/b' }))
    await forked.result()
    expect(done).toEqual(['a', 'b', 'b'])
  })

  it('[S4] a result too large for the log lies in the store, and its hash in the log', async () => {
    const of = flow('large', async (_: null, run) => (await run.step('much', () => 'x'.repeat(3_000_000))).length)
    const { host, start } = world([of], (line, point) => line === 0 && point === 'before' && Math.random() < 0.5)
    const handle = await start(of, null)
    expect((await handle.result()).output).toBe(3_000_000)
    expect(JSON.stringify(host.groups(handle.id)).length).toBeLessThan(10_000)
  })

  it('[S4] a run that looks into its inbox at the moment in which it would rest rests after that', async () => {
    const memory = memoryStore()
    let changed = (_: RunId): void => {}
    const inbox: typeof memory.inbox = async (run) => {
      await turns(250)
      return memory.inbox(run)
    }
    const watch: typeof memory.watch = (watcher) => {
      changed = watcher
      return memory.watch(watcher)
    }
    const engine = hostedEngine(new MemoryHost(), { ...bound(memory), inbox, watch, close: async () => {} }, [asking()])
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const run = await engine.start(asking(), 1)
    await turns(150)
    changed(run)
    await expect.poll(async () => (await memory.head(run))?.status, { timeout: 5_000 }).toBe('waiting')
  })

  it('[S4] results of many branches that end at once are never one message too large for the log: what does not fit lies in the store', async () => {
    const of = flow('wide', async (_: null, run) => {
      const parts = await run.map('part', [...Array(40).keys()], (n: number) => `${n}`.repeat(900_000).slice(0, 900_000), { concurrency: 40 })
      return parts.reduce((sum, part) => sum + part.length, 0)
    })
    const { host, start } = world([of])
    const handle = await start(of, null)
    expect((await handle.result()).output).toBe(40 * 900_000)
    expect(Math.max(...host.groups(handle.id).map((group) => JSON.stringify(group).length))).toBeLessThan(1_300_000)
  })

  it('[S4] a store that cannot be written to for a while holds up nothing but the end', async () => {
    const memory = memoryStore()
    let down = true
    const append: typeof memory.append = (commit) => (down ? Promise.reject(new Error('the store is down')) : memory.append(commit))
    const store = { ...bound(memory), append, close: async () => {} }
    const host = new MemoryHost()
    const of = flow('steps', async (_: null, run) => {
      for (let i = 0; i < 20; i++) await run.step('one', i, (x) => x)
      return 'done'
    })
    const engine = hostedEngine(host, store, [of])
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const run = await engine.start(of, null)
    while (host.groups(run).at(-1)?.over !== 'ended') await turns(5)
    expect((await store.head(run))?.status).toBe('running')
    down = false
    const handle = new EmbeddedHandle<string>(engine, run)
    expect((await handle.result()).output).toBe('done')
    expect(countOf((await journalOf(store, run)).entries, 'step.completed')).toBe(20)
  })

  it('[S4] a value is shown before the store has it, and can be read', async () => {
    const memory = memoryStore()
    const append: typeof memory.append = async (commit) => {
      await turns(100)
      return memory.append(commit)
    }
    const of = flow('large', async (_: null, run) => run.step('much', () => 'x'.repeat(5_000)))
    const engine = hostedEngine(new MemoryHost(), { ...bound(memory), append, close: async () => {} }, [of])
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const handle = new EmbeddedHandle<string>(engine, await engine.start(of, null))
    const outputs: unknown[] = []
    for await (const event of handle.events()) if (event.type === 'run.completed') outputs.push(event.output)
    expect(outputs).toEqual(['x'.repeat(5_000)])
  })

  it('[S4] [R1] what a client wrote to the store and did not live to tell the engine is found by a worker: a run that was begun, and a message', async () => {
    const { store, host } = world([])
    const clock = simulatedClock(Date.now())
    const kept = { ...bound(store), close: async () => {} }
    const client = hostedEngine(none, kept, [asking()], clock)
    const run = await client.start(asking(), 1)
    await client.close({ graceMs: 0 })
    const worker = hostedEngine(host, kept, [asking()], clock)
    onTestFinished(() => worker.close({ graceMs: 0 }))
    await worker.open()
    await clock.advance('9s')
    expect(host.groups(run)).toEqual([])
    await clock.advance('2s')
    const handle = new EmbeddedHandle<string>(worker, run)
    while ((await store.head(run))?.status !== 'waiting') await turns(10)
    await store.post(run, { id: 'left', type: 'signal', signal: 'go', value: 'a' }, clock.now())
    await store.post(run, { id: 'too', type: 'signal', signal: 'go', value: 'b' }, clock.now())
    await clock.advance('25s')
    expect((await handle.result()).output).toBe('a, b')
  })

  it('[S4] an attempt takes the values that its log holds from there, and asks the store for none of them', async () => {
    const memory = memoryStore()
    const asked: string[] = []
    const blob: typeof memory.blob = (hash, run) => {
      asked.push(hash)
      return memory.blob(hash, run)
    }
    const of = flow('texts', async (_: null, run) => {
      const parts = await run.map('part', [...Array(20).keys()], (n: number) => `${n}`.padEnd(5_000, 'x'))
      const word = await run.wait(Go)
      return `${word} ${parts.reduce((sum, part) => sum + part.length, 0)}`
    })
    const host = new MemoryHost()
    const engine = hostedEngine(host, { ...bound(memory), blob, close: async () => {} }, [of])
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const handle = new EmbeddedHandle<string>(engine, await engine.start(of, null))
    while ((await memory.head(handle.id))?.status !== 'waiting') await turns(10)
    host.loseAll()
    await handle.send(Go, 'on')
    expect((await handle.result()).output).toBe('on 100000')
    expect(asked).toEqual([])
  })

  it('[S4] the time a run was at work counts up to its end, also when something that it began and left is still under way', async () => {
    const of = flow('quickest', async (_: null, run) => Promise.race([run.step('quick', () => turns(60)), run.step('slow', () => turns(1_000))]))
    const { start } = world([of])
    const { usage } = await (await start(of, null)).result()
    expect(usage.activeMs).toBeGreaterThanOrEqual(55)
  })

  it('[S4] an attempt that is not the last one any more is not heard, and its copy does not reach the journal', async () => {
    const { store, host, engine, entries } = world([asking()])
    const run = await engine.start(asking(), 1)
    await turns(50)
    const before = types(await entries(run))
    const lease = await store.acquire(run, `hosted/${run}`, Date.now(), Date.now() + 1e6)
    expect(lease).toBeDefined()
    await new EmbeddedHandle(engine, run).send(Go, 'a')
    await turns(60)
    expect(types(await entries(run)).startsWith(before)).toBe(true)
    await new EmbeddedHandle(engine, run).send(Go, 'b')
    expect((await new EmbeddedHandle<string>(engine, run).result()).output).toBe('a, b')
    expect(types(await entries(run))).toContain('run.completed')
    expect(host.groups(run).at(-1)?.over).toBe('ended')
  })

  it('[S4] what is sent to it through the embedded engine is refused, and nothing is left behind', async () => {
    const { store, start } = world([asking()])
    const handle = await start(asking(), 1)
    await handle.outcome()
    const embedded = testEngine([asking()], { store })
    await expect(embedded.handle(handle.id).send(Go, 'a')).rejects.toMatchObject({ code: 'ENGINE_UNSUPPORTED' })
    await expect(embedded.engine.activate(handle.id)).rejects.toMatchObject({ code: 'ENGINE_UNSUPPORTED' })
    expect(await store.inbox(handle.id)).toEqual([])
  })
})
