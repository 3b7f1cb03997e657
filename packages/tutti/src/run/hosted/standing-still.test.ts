/** Where a hosted run stands: still, once its code has changed, and never where it stood before. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { type Entry, memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { bound, journalOf } from '../../testing/failpoint-store.ts'
import { hostedEngine, MemoryHost } from '../../testing/memory-host.ts'
import { simulatedClock } from '../../testing/simulated-clock.ts'
import type { Flow } from '../definition.port.ts'
import { EmbeddedHandle } from '../embedded/handle.ts'
import { flow } from '../flow.ts'
import { signal } from '../signal.ts'
import { Beat } from './beat.ts'
import type { Host, HostedEngine } from './engine.ts'
import { Projection } from './projection.ts'

const Go = signal('go', z.string())
const turns = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
/** Reaches nothing. */
const none: Host = { open: async () => {}, submit: async () => {}, tell: async () => {}, close: async () => {} }

const desk = (first: string): Flow<null, string> =>
  flow('desk', async (_: null, run) => {
    const one = await run.step(first, 'x', (x) => x)
    return `${one} ${await run.wait(Go)}`
  })

describe('a hosted run whose code has changed', () => {
  it('[S4] [R6] other code that asks something else is stopped by name, and with the right code the run goes on from where it stood', async () => {
    const store = { ...bound(memoryStore()), close: async () => {} }
    const host = new MemoryHost()
    const before = hostedEngine(host, store, [desk('look')])
    const run = await before.start(desk('look'), null)
    await turns(50)
    await before.close({ graceMs: 0 })
    const wrong = hostedEngine(host, store, [desk('search')])
    await new EmbeddedHandle(wrong, run).send(Go, 'a')
    const stopped = await new EmbeddedHandle(wrong, run).outcome()
    expect(stopped).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED' } })
    await wrong.close({ graceMs: 0 })
    const right = hostedEngine(host, store, [desk('look')])
    onTestFinished(() => right.close({ graceMs: 0 }))
    const handle = new EmbeddedHandle<string>(right, run)
    await handle.resume()
    expect((await handle.result()).output).toBe('x a')
  })

  it('[S4] [R6] a diverged run stands until a person says so again: neither that it was asked to go on before, nor a loss, nor a message left for it moves it to the right code', async () => {
    const clock = simulatedClock(Date.now())
    const store = { ...bound(memoryStore()), close: async () => {} }
    const host = new MemoryHost()
    const opened = (of: Flow<null, string>): HostedEngine => hostedEngine(host, store, [of], clock)
    const before = opened(desk('look'))
    const run = await before.start(desk('look'), null)
    while ((await store.head(run))?.status !== 'waiting') await turns(10)
    await before.close({ graceMs: 0 })
    const wrong = opened(desk('search'))
    const handle = new EmbeddedHandle(wrong, run)
    await handle.send(Go, 'a')
    expect(await handle.outcome()).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    await handle.resume()
    expect(await handle.outcome()).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    const stood = await store.head(run)
    expect(stood?.status).toBe('suspended')
    await wrong.close({ graceMs: 0 })
    const statuses = new Set<unknown>()
    const append: typeof store.append = async (commit) => {
      if (commit.head?.status) statuses.add(commit.head.status)
      return store.append(commit)
    }
    const right = hostedEngine(host, { ...store, append }, [desk('look')], clock)
    onTestFinished(() => right.close({ graceMs: 0 }))
    await right.open()
    const lines = host.groups(run).length
    for (let i = 0; i < 12; i++) await clock.advance('10s')
    await turns(200)
    expect([...statuses]).toEqual([])
    expect(host.groups(run)).toHaveLength(lines)
    await new EmbeddedHandle(right, run).send(Go, 'b')
    await turns(200)
    expect(await store.head(run)).toMatchObject({ status: 'suspended', lastSeq: stood?.lastSeq })
    const again = new EmbeddedHandle<string>(right, run)
    await again.resume()
    expect((await again.result()).output).toBe('x a')
  })

  it('[S4] [R6] whoever asks a run that stands still to go on hears how it went on, not where it stood, though no worker is there yet', async () => {
    const desk = (first: string): Flow<null, string> => flow('desk', async (_: null, run) => `${await run.step(first, 'x', (x) => x)} ${await run.wait(Go)}`)
    const clock = simulatedClock(Date.now())
    const store = { ...bound(memoryStore()), close: async () => {} }
    const host = new MemoryHost()
    const client = hostedEngine({ ...none, submit: (run) => host.submit(run), tell: (run, what) => host.tell(run, what) }, store, [], clock)
    onTestFinished(() => client.close({ graceMs: 0 }))
    for (const first of ['look', 'search']) {
      const worker = hostedEngine(host, store, [desk(first)], clock)
      if (first === 'look') await worker.start(desk('look'), null, { id: 'r' })
      else await new EmbeddedHandle(worker, 'r' as RunId).send(Go, 'a')
      const status = first === 'look' ? 'waiting' : 'suspended'
      while ((await store.head('r' as RunId))?.status !== status) await turns(10)
      await worker.close({ graceMs: 0 })
    }
    const handle = new EmbeddedHandle<string>(client, 'r' as RunId)
    expect(await handle.outcome()).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    const asking = handle.resume()
    for (let i = 0; i < 12; i++) await turns(5).then(() => clock.advance('1s'))
    await asking
    const outcome = handle.outcome()
    expect(await Promise.race([outcome, turns(50)])).toBeUndefined()
    const right = hostedEngine(host, store, [desk('look')], clock)
    onTestFinished(() => right.close({ graceMs: 0 }))
    await right.open()
    for (let i = 0; i < 5; i++) await turns(20).then(() => clock.advance('1s'))
    expect(await outcome).toMatchObject({ status: 'completed', output: 'x a' })
  })

  it('[S4] [R4] whoever asks a run to go on for which something is there hears what came of that, and one for which nothing is there waits as before', async () => {
    const asks = flow('asks', async (_: null, run) => `${await run.wait(Go)}, ${await run.wait(Go)}`)
    const store = { ...bound(memoryStore()), close: async () => {} }
    const host = new MemoryHost()
    const worker = hostedEngine(host, store, [asks])
    onTestFinished(() => worker.close({ graceMs: 0 }))
    const run = await worker.start(asks, null)
    while ((await store.head(run))?.status !== 'waiting') await turns(10)
    const slow: Host = { ...none, submit: (of) => host.submit(of), tell: (of, what) => turns(100).then(() => host.tell(of, what)) }
    const client = hostedEngine(slow, store, [])
    onTestFinished(() => client.close({ graceMs: 0 }))
    const handle = new EmbeddedHandle<string>(client, run)
    await handle.resume()
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ key: 'asks/go' }] })
    // Left by another process.
    await store.post(run, { id: 'a', type: 'signal', signal: 'go', value: 'a' }, Date.now())
    const asking = handle.resume()
    while (!client.standing(run)) await turns(1)
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ key: 'asks/go#2' }] })
    await asking
  })

  it('[S4] a log that is read back bit by bit never says of a run that it rests where it rested before', async () => {
    const of = flow('asking', async (_: null, run) => `${await run.wait(Go)}, ${await run.wait(Go)}`)
    const store = { ...bound(memoryStore()), close: async () => {} }
    const host = new MemoryHost()
    const engine = hostedEngine(host, store, [of])
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const handle = new EmbeddedHandle(engine, await engine.start(of, null))
    const atRest = async (key: string): Promise<void> => {
      while ((await store.head(handle.id))?.waiting?.[0]?.key !== key) await turns(10)
    }
    await atRest('asking/go')
    await handle.send(Go, 'a')
    await atRest('asking/go#2')
    const said: unknown[] = []
    const append: typeof store.append = async (commit) => {
      if (commit.head) said.push(commit.head.waiting?.[0]?.key)
      return store.append(commit)
    }
    const [first] = (await journalOf(store, handle.id)).entries as [Entry]
    const ground = { first: [first], beat: new Beat(), written: () => {}, lost: () => {} }
    const projection = new Projection({ ...bound(store), append }, handle.id, ground)
    const groups = host.groups(handle.id)
    expect(groups.filter(({ rest }) => rest)).toHaveLength(2)
    for (const group of groups) {
      projection.add(group)
      await projection.flushed()
    }
    projection.close()
    expect(said).toEqual(['asking/go#2'])
  })
})
