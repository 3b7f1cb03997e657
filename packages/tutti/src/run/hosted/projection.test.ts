/** What is in the log is in the store before a run is said to have ended, whenever it is added and however its attempt ends. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Commit, type Entry, type JournalStore, memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { bound, failpointStore, seedJournal } from '../../testing/failpoint-store.ts'
import { hostedEngine, MemoryHost } from '../../testing/memory-host.ts'
import { EmbeddedHandle } from '../embedded/handle.ts'
import { flow } from '../flow.ts'
import { Beat } from './beat.ts'
import type { Group } from './group.port.ts'
import { Projection } from './projection.ts'

const run = 'run_projected' as RunId
const first: readonly Entry[] = [{ seq: 1, time: 1, type: 'run.started', flow: 'told', version: '1', input: null } as Entry]
const asked: Group = {
  entries: [{ seq: 2, time: 2, type: 'step.started', key: 'told/a', kind: 'step', attempt: 1, at: 'told.ts:1', fingerprint: 'f' } as unknown as Entry],
}
const ended: Group = { entries: [{ seq: 3, time: 3, type: 'run.completed', output: null } as Entry], head: { status: 'completed' }, over: 'ended' }

async function projected(of: (store: JournalStore) => JournalStore): Promise<{ store: JournalStore; projection: Projection }> {
  const store = await seedJournal({ run, entries: first, blobs: new Map() })
  const projection = new Projection(of(store), run, { first, beat: new Beat(), written: () => {}, lost: () => {} })
  onTestFinished(() => projection.close())
  return { store, projection }
}

describe('the copy of a log that everyone reads', () => {
  it('[S4] the end of a run is in the store however soon it follows what was just written', async () => {
    for (let microtasks = 0; microtasks < 16; microtasks++) {
      let added: () => void = () => {}
      const follows = new Promise<void>((resolve) => {
        added = resolve
      })
      const add = async (projection: () => Projection): Promise<void> => {
        for (let i = 0; i < microtasks; i++) await undefined
        projection().add(ended)
        added()
      }
      const { store, projection } = await projected((kept) => ({
        ...bound(kept),
        append: async (commit: Commit) => {
          const instead = await kept.append(commit)
          if (commit.entries.at(-1)?.seq === 2) void add(() => projection)
          return instead
        },
      }))
      projection.add(asked)
      await follows
      await projection.flushed()
      expect(await store.head(run), `added ${microtasks} microtasks after the write`).toMatchObject({ status: 'completed', lastSeq: 3 })
    }
  })

  it('[S4] an attempt that is given up before its end is in the store does not say that it is there', async () => {
    const { projection } = await projected((store) => failpointStore(store, () => 'refuse'))
    projection.add(asked)
    const flushed = projection.flushed()
    projection.close()
    projection.add(ended)
    await expect(flushed).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
    await expect(projection.flushed()).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
  })

  it('[S4] a run that ended while the store could not be written to is complete there once another process is open, though its own was closed before', async () => {
    let full = true
    const kept = memoryStore()
    const store = {
      ...bound(kept),
      close: async () => {},
      append: (commit: Commit) => (full ? failpointStore(kept, () => 'refuse').append(commit) : kept.append(commit)),
    }
    const host = new MemoryHost()
    const told = flow('told', async (_: null, run) => run.step('a', 1, (n) => n))
    const before = hostedEngine(host, store, [told])
    const id = await before.start(told, null)
    while (!host.groups(id).some(({ over }) => over === 'ended')) await new Promise((resolve) => setTimeout(resolve, 5))
    await before.close({ graceMs: 20 })
    // Its attempt has come to nothing.
    await new Promise((resolve) => setTimeout(resolve, 120))
    full = false
    const after = hostedEngine(host, store, [told])
    onTestFinished(() => after.close({ graceMs: 0 }))
    await after.open()
    expect((await new EmbeddedHandle<number>(after, id).result()).output).toBe(1)
    expect(await kept.head(id)).toMatchObject({ status: 'completed' })
  })
})
