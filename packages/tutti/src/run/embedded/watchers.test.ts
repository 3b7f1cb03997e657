import { describe, expect, it, onTestFinished } from 'vitest'
import { type JournalStore, memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { bound } from '../../testing/failpoint-store.ts'
import { hostedEngine, MemoryHost } from '../../testing/memory-host.ts'
import { flow } from '../flow.ts'
import { EmbeddedEngine } from './engine.ts'
import { EmbeddedHandle } from './handle.ts'

const turns = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const never = flow('never', (_: null, run) => run.step('wait', () => new Promise<null>(() => {})))

/** A store whose news come when the test says so, and that counts what it is asked. */
function newsStore() {
  const asked = { head: 0, inbox: 0, due: 0, read: 0, schedules: 0 }
  const store = bound(memoryStore())
  let tell: Parameters<JournalStore['watch']>[0] = () => {}
  const counting = <A extends unknown[], R>(name: keyof typeof asked, ask: (...args: A) => R) => {
    return (...args: A): R => {
      asked[name]++
      return ask(...args)
    }
  }
  const counted: JournalStore = {
    ...store,
    head: counting('head', store.head),
    inbox: counting('inbox', store.inbox),
    due: counting('due', store.due),
    read: counting('read', store.read),
    schedules: counting('schedules', store.schedules),
    watch: (changed) => {
      tell = changed
      return () => {}
    },
  }
  return { store: counted, asked, tell: (...news: Parameters<typeof tell>) => tell(...news) }
}

const engines = {
  embedded: (store: JournalStore) => new EmbeddedEngine({ store, flows: [never], leaseMs: 3_600_000 }),
  hosted: (store: JournalStore) => hostedEngine(new MemoryHost(), store, [never]),
}

describe.each(['embedded', 'hosted'] as const)('news of other processes, %s', (kind) => {
  it('[S5] a run elsewhere that merely got further is looked at by whoever follows its entries, and by nobody else', async () => {
    const { store, asked, tell } = newsStore()
    const engine = engines[kind](store)
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const followed = new EmbeddedHandle(engine, await engine.start(never, null))
    const awaited = new EmbeddedHandle(engine, await engine.start(never, null))
    void awaited.outcome().catch(() => {})
    const events = followed.events()[Symbol.asyncIterator]()
    void events.next().then(() => events.next())
    await turns(150)

    const before = { ...asked }
    for (let i = 0; i < 50; i++) tell(awaited.id, 'progress')
    await turns(20)
    expect(asked).toEqual(before)
    tell(followed.id, 'progress')
    await turns(20)
    expect(asked.read).toBeGreaterThan(before.read)
    expect(asked.inbox).toBe(before.inbox)
  })

  it('[S5] what becomes of one run pokes no other, and much news is one look and one more', async () => {
    const { store, asked, tell } = newsStore()
    const engine = engines[kind](store)
    onTestFinished(() => engine.close({ graceMs: 0 }))
    const runs = await Promise.all(Array.from({ length: 20 }, () => engine.start(never, null)))
    await turns(150)
    const before = { ...asked }
    for (let i = 0; i < 100; i++) tell(`elsewhere${i}` as RunId)
    tell(runs[0])
    await turns(20)
    expect(asked.inbox - before.inbox).toBeLessThanOrEqual(1)
    expect(asked.due - before.due).toBeLessThanOrEqual(3)
    expect(asked.schedules - before.schedules).toBeLessThanOrEqual(3)
  })
})
