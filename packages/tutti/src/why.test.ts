/** Why, on runs of every kind: what it says is what happened. Time is simulated, so that each part of it is known. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent, flow, signal, tool } from './index.ts'
import { type JournalStore, memoryStore } from './journal/index.ts'
import { gateway } from './model/index.ts'
import type { AnyFlow, RunWhy } from './run/index.ts'
import { scripted, simulatedClock } from './testing/index.ts'
import { type App, appOn } from './tutti.ts'

const Go = signal('approval', z.object({ ok: z.boolean() }))
const clock = simulatedClock()
/** Work that takes so long. */
const takes = (ms: number) => () => new Promise<string>((done) => void clock.alarm(clock.now() + ms, () => done(`after ${ms}`)))

function appWith(flows: readonly AnyFlow[], store: JournalStore = memoryStore()): App {
  return appOn({ flows }, { store, clock, gateway: gateway({ env: {}, cwd: process.cwd() }) })
}

const path = ({ time }: RunWhy): readonly string[] => time.path.map(({ key }) => key)

describe('why', () => {
  test('[D8] names the slowest branch, then what rests on both', async () => {
    const both = flow('both', async (_: null, run) => {
      const parts = await run.all([run.step('quick', 1, takes(20)), run.step('slow', 2, takes(500))])
      return run.step('join', parts, takes(5))
    })
    await using app = appWith([both])
    const handle = await app.start(both, null)
    await clock.advance(600)
    await handle.result()
    const why = await app.why(handle.id)
    expect(path(why)).toEqual(['both/slow', 'both/join'])
    expect(why.time).toMatchObject({ ms: 505, workedMs: 505, waitedMs: 0, wallMs: 505 })
    expect(why.steps).toHaveLength(3)
  })

  test('[D8] tells time waited for a person from time slept, time worked and time lost to attempts that failed', async () => {
    let tried = 0
    const waits = flow('waits', async (_: null, run) => {
      await run.step('a', 1, takes(100))
      await run.wait(Go)
      await run.sleep('rest', '1h')
      return run.step('shaky', 2, () => (tried++ < 2 ? takes(10)().then(() => Promise.reject(new Error('no'))) : takes(30)()), {
        retry: { attempts: 3, backoff: 1_000 },
      })
    })
    await using app = appWith([waits])
    const handle = await app.start(waits, null)
    await clock.advance('2d')
    await handle.send(Go, { ok: true })
    await clock.advance('2h')
    await handle.result()
    const why = await app.why(handle.id)
    const { time } = why
    expect(path(why)).toEqual(['waits/a', 'waits/approval', 'waits/rest', 'waits/shaky'])
    expect(time).toMatchObject({ workedMs: 130, sleptMs: 3_600_000, waitedMs: 2 * 86_400_000 - 100 })
    expect(time.lostMs).toBeGreaterThan(520)
    expect(time.ms).toBe(time.wallMs)
    expect(time.path[3]).toMatchObject({ attempts: 3, lostMs: time.lostMs })
    expect(String(why)).toMatch(/waited for people 1 d 23 h|waited for people 2 d/)
  })

  test('[D8] leads from an agent’s answer to the model call and the tool results behind it, in a nested call too', async () => {
    const find = tool({ name: 'find', description: 'Finds.', input: z.object({ id: z.string() }), effect: 'read', execute: ({ id }) => `order ${id}` })
    const writer = agent({ name: 'writer', instructions: 'W.', tools: [find], model: scripted([{ call: 'find', input: { id: '17' } }, 'It is sent.']) })
    const inner = flow('inner', async (q: string, run) => run.call(writer, q))
    const outer = flow('outer', async (q: string, run) => run.step('shout', await run.call(inner, q), (x) => x.toUpperCase()))
    await using app = appWith([outer])
    const { id } = await app.run(outer, 'Where?')
    const why = await app.why(id, 'outer/inner/writer/turn:2')
    expect(why.steps).toMatchObject([
      { key: 'outer/inner/writer/turn:1', who: 'scripted/script', gave: '→ find({"id":"17"})' },
      { key: 'outer/inner/writer/turn:1/find', who: 'find', gave: 'order 17' },
      { key: 'outer/inner/writer/turn:2', gave: 'It is sent.' },
    ])
    expect((await app.why(id)).steps.at(-1)).toMatchObject({ key: 'outer/shout', gave: 'IT IS SENT.' })
  })

  test('[D8] of a run that failed is the chain to the step it failed in, and no other branch', async () => {
    const fails = flow('fails', async (_: null, run) => {
      const read = await run.step('read', 1, takes(10))
      return run.all([run.step('fine', read, takes(5)), run.step('broken', read, () => takes(20)().then(() => Promise.reject(new Error('no paper'))))])
    })
    await using app = appWith([fails])
    const handle = await app.start(fails, null)
    await clock.advance(100)
    await handle.outcome()
    const why = await app.why(handle.id)
    expect(why.end).toMatchObject({ status: 'failed', at: 'fails/broken', why: 'RUN_STEP_FAILED: no paper' })
    expect(why.steps.map(({ key }) => key)).toEqual(['fails/read', 'fails/broken'])
    expect(why.time).toMatchObject({ workedMs: 10, lostMs: 20 })
    expect(String(why).split('\n').slice(0, 3)).toEqual([
      'fails failed: RUN_STEP_FAILED: no paper',
      'it failed in fails/broken',
      'the failure rests on 2 steps',
    ])
  })

  test('[D8] of a run that was cancelled, or goes on, says so and what was left open', async () => {
    const waits = flow('waits', async (_: null, run) => {
      await run.step('a', 1, takes(10))
      return run.wait(Go)
    })
    await using app = appWith([waits])
    const handle = await app.start(waits, null)
    await clock.advance(50)
    expect((await app.why(handle.id)).end).toMatchObject({ status: 'unfinished', open: ['waits/approval'] })
    await handle.cancel('not needed')
    await handle.outcome()
    const why = await app.why(handle.id)
    expect(why.end).toEqual({ status: 'cancelled', why: 'not needed', at: undefined, open: ['waits/approval'] })
    expect(String(why)).toContain('waits was cancelled: not needed\nleft open: waits/approval')
  })

  test('[D8] of a fork tells what was taken over, and from which run', async () => {
    const two = flow('two', async (n: number, run) => run.step('b', await run.step('a', n, (x) => x + 1), (x) => 'long '.repeat(400) + x))
    await using app = appWith([two])
    const { id } = await app.run(two, 1)
    const fork = await app.fork(id, two, { at: 'two/b' })
    await fork.result()
    const why = await app.why(fork.id)
    expect([why.forkOf, why.steps.map(({ reused }) => reused)]).toEqual([id, [id, undefined]])
    expect(String(why)).toContain(`the output rests on 2 steps, 1 of them taken over from ${id}`)
    expect(why.steps[1]?.gave).toMatch(/^long long .*…$/)
  })
})
