/**
 * The programs of the plan of record, run as they stand. What they take from outside is put there: `tutti` opens an app in memory whose model is
 * scripted, and what a program only declares (`declare const stripe`) is a global.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type AppOptions, agent, type Flow, type ModelLike, type RunHandle, type RunId, type StartOptions, tool } from 'tutti'
import { cassette, type Scripted, scripted, type TestApp, testing } from 'tutti/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { z } from 'zod'

const stage = vi.hoisted(() => ({ open: (_: AppOptions): unknown => undefined }))

vi.mock('tutti', async (original) => {
  const real = await original<typeof import('tutti')>()
  return { ...real, tutti: (o: AppOptions) => stage.open(o) }
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})

interface Played {
  readonly app: TestApp
  /** What the program printed, line by line. */
  readonly printed: readonly unknown[][]
}
type Started = { readonly id: RunId; readonly flow: Flow<unknown, unknown> }

/** Runs a program to its end, while time passes; then each of its runs again, from its journal alone. */
async function play(program: () => Promise<unknown>, model: ModelLike, over: Partial<TestApp> = {}): Promise<Played> {
  const runs: Started[] = []
  let app: TestApp | undefined
  stage.open = (o) => {
    app = testing({ ...o, model })
    return { ...app, ...quietStarts(app, runs), ...over }
  }
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const playing = program().then(() => true)
  while (!(await Promise.race([playing, setTimeout(5, false)]))) await app?.clock.advance('10m')
  await replayAll(app as TestApp, runs)
  return { app: app as TestApp, printed: log.mock.calls }
}

async function replayAll(app: TestApp, runs: readonly Started[]): Promise<void> {
  await using later = testing({ flows: [], model: scripted([]), after: app })
  for (const { id, flow } of runs) await later.replay(id, flow)
  expect(later.calls).toEqual([])
}

/** The programs also show what a compiler refuses, and do not wait for what comes of it: nobody hears of those failures. */
function quietStarts(app: TestApp, runs: Started[]): Pick<TestApp, 'start' | 'run'> {
  const heard = <T>(promise: Promise<T>): Promise<T> => {
    promise.catch(() => {})
    return promise
  }
  const start = async (flow: Flow<unknown, unknown>, input: unknown, o?: StartOptions): Promise<RunHandle<unknown>> => {
    const handle = await app.start(flow, input, o)
    runs.push({ id: handle.id, flow })
    const send = handle.send.bind(handle)
    return Object.assign(handle, { send: (...sent: Parameters<typeof send>) => heard(send(...sent)) })
  }
  const run = async (...args: Parameters<typeof start>) => {
    const handle = await start(...args)
    return { ...(await handle.result()), id: handle.id }
  }
  const quiet = {
    start: (...args: Parameters<typeof start>) => heard(start(...args)),
    run: (...args: Parameters<typeof run>) => heard(run(...args)),
  }
  return quiet as unknown as Pick<TestApp, 'start' | 'run'>
}

const script = (...turns: Scripted[]) => scripted(turns)

test('[C1] program 1: a chain goes from prompt to model to parser to a step, and prints what it booked', async () => {
  const invoice = { vendor: 'Ada', total: '17.50', due: '2026-01-31' }
  const { printed, app } = await play(() => import('./programs/1-chain.ts'), script({ json: invoice }))
  expect(printed).toEqual([[expect.any(String), 1750, 0]])
  expect(app.calls.map(({ prompt }) => prompt)).toEqual(['user: Extract the invoice (en):\nPlease pay 17.50 …'])
})

test('[C2] program 2: the triage chooses the branch, and the branch sees what the triage made', async () => {
  const { printed, app } = await play(() => import('./programs/2-route.ts'), script({ json: { topic: 'billing', text: 'too much' } }, { json: { credit: 5 } }))
  expect(printed).toEqual([['credited 5']])
  expect(app.calls).toEqual([
    { agent: 'triage', prompt: 'user: Where is order 17?' },
    { agent: 'billing', prompt: 'user: too much' },
  ])
})

test('[R4] program 5: a refund waits for its approval, pays once with its key, cools down for an hour', async () => {
  const refund = vi.fn(async (charge: string, _: { idempotencyKey: string }) => ({ id: `re_${charge}` }))
  vi.stubGlobal('stripe', { refund, byKey: async () => null })
  const { printed } = await play(() => import('./programs/5-refund.ts'), script())
  expect(printed).toEqual([['asks for', 'approval', { charge: 'ch_1', usd: 250 }], ['re_ch_1']])
  expect(refund.mock.calls).toEqual([['ch_1', { idempotencyKey: expect.stringMatching(/^[\w-]{22}$/) }]])
})

test('[C4] program 6: the graph joins what its nodes made, and a node that was not asked for is undefined to those after it', async () => {
  const filings = vi.fn()
  vi.stubGlobal('api', { prices: async () => [10, 13], news: async () => ['up', 'up'], filings })
  const { printed } = await play(() => import('./programs/6-graph.ts'), script('good'))
  expect(printed).toEqual([[3, 'not asked']])
  expect(filings).not.toHaveBeenCalled()
})

test('[C3] program 7: a batch collects the items that failed, beside those that did not', async () => {
  const tickets = ['a', 'b'].map((id) => ({ id, text: `${id}?` }))
  vi.stubGlobal('tickets', tickets)
  const forecast = async () => ({ usd: { p50: 0, p95: 0 }, ms: { p50: 0, p95: 0 }, runs: 0, basis: { usd: 'all runs', ms: 'all runs' } as const })
  const bad = { json: { label: 'none' } }
  const good = { json: { label: 'bug', why: 'w' } }
  const { printed } = await play(() => import('./programs/7-batch.ts'), script(good, bad, bad, bad, good), { forecast })
  expect(printed).toEqual([['p95 0 USD from 0 runs'], [[{ id: 'b', code: 'MODEL_OUTPUT_INVALID' }]]])
})

test('[D5] [D6] program 8: its script and its cassette run as they stand, without a key, up to its own app', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-face-'))
  const before = process.cwd()
  process.chdir(folder)
  try {
    const find = tool({ name: 'find', description: 'd', input: z.object({ id: z.string() }), effect: 'read', execute: () => 'x' })
    const support = agent({ name: 'support', model: 'openai/gpt-5-mini', tools: [find] })
    const live = { ...scripted(['Hello.']), provider: 'openai', modelId: 'gpt-5-mini' }
    vi.stubEnv('CI', '')
    await using app = testing({ flows: [support], model: cassette('support.tape', { live }) })
    await app.run(support, 'hello')
    stage.open = () => {
      throw new Error('its own app')
    }
    await expect(import('./programs/8-test-fork.ts')).rejects.toThrow('its own app')
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  }
})

test('[G5] program 0: without any account, the answer is quoted from what was read, and each quote stands in its source', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-face-'))
  const source = 'node_modules/zod/README.md'
  const readme =
    '# Zod\n\n## Optional fields\n\nTo make an optional field, call the `optional()` method of its schema.\n\n## Strings\n\nUse `z.string()` for strings.\n'
  mkdirSync(join(folder, 'node_modules/zod'), { recursive: true })
  writeFileSync(join(folder, source), readme)
  vi.stubEnv('TUTTI_HOME', join(folder, '.tutti'))
  const before = process.cwd()
  process.chdir(folder)
  try {
    const { printed } = await play(() => import('./programs/0-first.ts'), 'tutti/extractive')
    const [text, citations, usd] = printed[0] as [string, readonly { quote: string; source: string; start: number; end: number }[], number]
    expect(text).toContain('optional()')
    expect(usd).toBe(0)
    expect(citations.length).toBeGreaterThan(0)
    for (const { quote, source: from, start, end } of citations) expect([from, readme.slice(start, end)]).toEqual([source, quote])
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true })
  }
}, 60_000)
