import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { type JournalStore, memoryStore, sqliteStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, type Flow, flow, signal } from '../index.ts'

const Go = signal('go', z.null())
const long = 'x'.repeat(5_000)
const quick = flow('quick', async (_: null, run) => run.step('say', () => long))
const bad = flow('bad', async (_: null, run) => run.fail('no'))
const patient = flow('patient', async (_: null, run) => run.wait(Go))
const stuck = flow('stuck', async (_: null, run) => {
  await run.step('paid', () => 1)
  return run.step('for ever', () => new Promise<number>(() => {}))
})
const flows = [quick, bad, patient, stuck]

/** Closes its store, as an app does. */
function engineOver(store: JournalStore) {
  const engine = new EmbeddedEngine({ store, flows })
  onTestFinished(() => engine.close({ graceMs: 0 }))
  return {
    engine,
    start: async <O>(of: Flow<null, O>) => new EmbeddedHandle<O>(engine, await engine.start(of, null)),
    handle: (run: RunId) => new EmbeddedHandle<unknown>(engine, run),
  }
}

describe.each([
  ['memory', () => memoryStore()],
  ['sqlite', () => sqliteStore(join(mkdtempSync(join(tmpdir(), 'tutti-closed-')), 'tutti.db'))],
])('a handle of an app that was closed, over %s', (_, make) => {
  it('[R7] tells how the run ended, whether anybody had asked before or not', async () => {
    const { start, engine } = engineOver(make())
    const [asked, other, failed] = [await start(quick), await start(quick), await start(bad)]
    await asked.result()
    await engine.close()
    for (const run of [asked, other]) {
      expect(await run.outcome()).toMatchObject({ status: 'completed', output: long })
      expect(await run.result()).toMatchObject({ output: long, id: run.id })
    }
    expect(await failed.outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } })
  })

  it('[R7] asked while the app closes, tells of the end that the run still comes to', async () => {
    const { start, engine } = engineOver(make())
    const run = await start(quick)
    const closing = engine.close()
    expect(await run.outcome()).toMatchObject({ status: 'completed', output: long })
    await closing
  })

  it('[R7] tells what a run waits for, and of one that was under way that it has not failed, with what it used', async () => {
    const { start, engine } = engineOver(make())
    const [waiting, underWay] = [await start(patient), await start(stuck)]
    await waiting.outcome()
    await engine.close({ graceMs: 20 })
    expect(await waiting.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'go' }] })
    await expect(waiting.result()).rejects.toMatchObject({ code: 'ENGINE_CLOSED', message: expect.stringContaining('is waiting: it has not failed') })
    const error = {
      code: 'ENGINE_CLOSED',
      message: expect.stringContaining('was under way: it has not failed'),
      hint: expect.stringContaining('the same store'),
    }
    expect(await underWay.outcome()).toMatchObject({ status: 'failed', error })
    await expect(underWay.result()).rejects.toMatchObject(error)
  })

  it('[R7] is no hindrance to the app that goes on over the same store', async () => {
    const store = make()
    const first = engineOver(store)
    const run = await first.start(patient)
    await run.outcome()
    await first.engine.close()
    const second = engineOver(store)
    const again = second.handle(run.id)
    const result = again.result()
    expect(await run.outcome()).toMatchObject({ status: 'waiting' })
    await again.send(Go, null)
    expect((await result).output).toBe(null)
    expect(await run.outcome()).toMatchObject({ status: 'completed' })
    await second.engine.close()
  })
})

describe('a file that was removed after its app was closed', () => {
  it('[R7] is not made anew by looking back at a run', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-closed-'))
    const { start, engine } = engineOver(sqliteStore(join(folder, 'deep', 'tutti.db')))
    const run = await start(quick)
    await run.outcome()
    await engine.close()
    rmSync(folder, { recursive: true })
    expect(await run.outcome()).toMatchObject({
      status: 'failed',
      error: { code: 'ENGINE_CLOSED', message: expect.stringContaining('cannot be read any more') },
    })
    expect(existsSync(folder)).toBe(false)
  })
})

describe('a store that two apps share', () => {
  it('[R7] is closed by the last of them', async () => {
    const closes: string[] = []
    const inner = memoryStore()
    const store = { ...inner, close: async () => void closes.push('closed') }
    const [first, second] = [engineOver(store), engineOver(store)]
    await (await first.start(quick)).result()
    await (await second.start(quick)).result()
    await first.engine.close()
    expect(closes).toEqual([])
    await second.engine.close()
    expect(closes).toEqual(['closed'])
  })
})
