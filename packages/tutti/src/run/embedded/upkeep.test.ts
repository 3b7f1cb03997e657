import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { newRun, started } from '../../testing/sample-run.ts'
import { testEngine } from '../../testing/test-engine.ts'
import { flow } from '../flow.ts'
import { signal } from '../signal.ts'

const idle = flow('desk', async (_: unknown, run) => run.step('work', async () => 'done'))

describe('what comes from elsewhere', () => {
  const Go = signal('go', z.string())
  const waiting = flow('waiting', async (_: unknown, run) => {
    await run.step('arrive', async () => 'here')
    return run.wait(Go)
  })

  it('[R4] of many runs those that were sent something look for it, and no others; a new one that was sent nothing does not look', async () => {
    const plain = memoryStore()
    const asked: RunId[] = []
    const store: typeof plain = {
      ...plain,
      inbox: (run) => {
        asked.push(run)
        return plain.inbox(run)
      },
    }
    const { start, handle } = testEngine([waiting], { store })
    const runs = await Promise.all(Array.from({ length: 60 }, async () => (await start(waiting, null)).id as RunId))
    await Promise.all(runs.map((run) => expect.poll(async () => (await store.head(run))?.lastSeq).toBeGreaterThan(1)))
    expect(asked).toEqual([])
    const [first, last] = [runs[0], runs[59]] as [RunId, RunId]
    await store.post(first, { type: 'signal', id: 'a', signal: 'go', value: 'one' }, Date.now())
    await store.post(last, { type: 'signal', id: 'b', signal: 'go', value: 'two' }, Date.now())
    expect(await Promise.all([first, last].map(async (run) => (await handle(run).result()).output))).toEqual(['one', 'two'])
    expect(new Set(asked)).toEqual(new Set([first, last]))
  })

  it('[R4] new runs that were sent nothing do not look either, though the store has changed since they were made', async () => {
    const plain = memoryStore()
    const asked: RunId[] = []
    let changed = (): void => {}
    const store: typeof plain = {
      ...plain,
      watch: (tell) => {
        changed = tell
        return plain.watch(tell)
      },
      create: async (made) => {
        const created = await plain.create(made)
        changed()
        return created
      },
      inbox: (run) => {
        asked.push(run)
        return plain.inbox(run)
      },
    }
    const { start } = testEngine([waiting], { store })
    const runs = await Promise.all(Array.from({ length: 60 }, async () => (await start(waiting, null)).id as RunId))
    await Promise.all(runs.map((run) => expect.poll(async () => (await store.head(run))?.lastSeq).toBeGreaterThan(1)))
    // While they are few, each is asked for by itself.
    expect(asked.length).toBeLessThan(15)
  })

  it('[R4] what is sent between the making of a run and its beginning is taken', async () => {
    const plain = memoryStore()
    const store: typeof plain = {
      ...plain,
      create: async (made) => {
        const created = await plain.create(made)
        await plain.post(made.run, { type: 'signal', id: 'early', signal: 'go', value: 'early' }, Date.now())
        return created
      },
    }
    const { start } = testEngine([waiting], { store })
    expect((await (await start(waiting, null)).result()).output).toBe('early')
  })
})

describe('runs that nobody drives', () => {
  it('[R5] runs pinned to code that is gone keep none of the others waiting, however many there are', async () => {
    const store = memoryStore()
    for (let i = 0; i < 250; i++) await store.create(newRun(`run_old${i}` as RunId, { lease: undefined, version: '0' }))
    const run = 'run_new' as RunId
    await store.create(newRun(run, { lease: undefined, entries: [started(run)] }))
    const { handle, engine } = testEngine([idle], { store, resume: true })
    await engine.open()
    expect(await handle(run).outcome()).toMatchObject({ status: 'completed', output: 'done' })
    expect((await store.head('run_old0' as RunId))?.status).toBe('running')
  })

  it('[R1] what a killed process of this machine drove is taken up at once, however many others are driven', async () => {
    const store = memoryStore()
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    const orphan = 'run_orphan' as RunId
    const until = Date.now() + 60_000
    await store.create(newRun(orphan, { lease: { owner: `${hostname()}:${pid}:x`, until }, entries: [started(orphan)] }))
    for (let i = 0; i < 450; i++) await store.create(newRun(`run_other${i}` as RunId, { lease: { owner: 'elsewhere:1:x', until } }))
    const { handle, engine } = testEngine([idle], { store, resume: true })
    await engine.open()
    expect(await handle(orphan).outcome()).toMatchObject({ status: 'completed' })
  })
})
