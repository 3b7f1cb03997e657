import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { newRun, started } from '../../testing/sample-run.ts'
import { testEngine } from '../../testing/test-engine.ts'
import { flow } from '../flow.ts'

const idle = flow('desk', async (_: unknown, run) => run.step('work', async () => 'done'))

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
