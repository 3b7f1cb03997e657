import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../../agent/index.ts'
import { type JournalStore, memoryStore } from '../../journal/index.ts'
import { flow } from '../../run/index.ts'
import { type BatchReply, BatchServer } from '../../testing/batch-server.ts'
import { type TestEngine, testEngine } from '../../testing/test-engine.ts'
import { withModel } from '../../testing/with-model.ts'
import { batch, breaker, cache, hedge, limit, retry, structured, timeout } from '../policy.ts'
import { priceOf } from '../price.ts'

const ids = ['openai/gpt-5-mini', 'anthropic/claude-haiku-4-5'] as const
type Id = (typeof ids)[number]

/** Answers a label that names the item, unless the test says otherwise of it. */
const labelled =
  (otherwise: Record<string, BatchReply> = {}) =>
  (prompt: string): BatchReply => {
    const item = /item-\d+/.exec(prompt)?.[0] ?? 'none'
    return otherwise[item] ?? JSON.stringify({ label: item })
  }

async function served(id: Id, reply: (prompt: string, batch: number) => BatchReply = labelled()) {
  const server = await BatchServer.open(reply)
  onTestFinished(() => server.close())
  const env = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k', OPENAI_BASE_URL: server.url, ANTHROPIC_BASE_URL: server.url }
  const label = agent({ name: 'label', output: z.object({ label: z.string() }), model: batch(id, { every: '30ms', within: '10s' }) })
  const all = flow('all', async (items: string[], run) => {
    const told = await run.map('label', items, label, { onError: 'collect' })
    return told.map((each) => (each.ok ? each.output.label : each.error.code))
  })
  const open = (store: JournalStore = memoryStore(), resume = false): TestEngine => testEngine([all], { store, resume, ...withModel(undefined, { env }) })
  return { server, all, open, env }
}
const items = (n: number): string[] => Array.from({ length: n }, (_, i) => `item-${i}`)

describe.each(ids)('a map in a batch of %s', (id) => {
  test('[M12] is one batch; each item gets its own answer, in whatever order they come, at half the price', async () => {
    const { server, all, open } = await served(id)
    server.endsAfter = 2
    const { start, entries } = open()
    const handle = await start(all, items(20), { budget: { usd: 1 } })
    const { output, usage } = await handle.result()
    expect(output).toEqual(items(20))
    expect(server.batches.map((each) => each.items.length)).toEqual([20])
    const price = priceOf(id) as { input: number; output: number }
    const each = Math.ceil((1_000 * Math.ceil(price.input / 2) + 100 * Math.ceil(price.output / 2)) / 1_000_000)
    expect(usage).toMatchObject({ inputTokens: 20_000, outputTokens: 2_000, modelCalls: 20 })
    expect(Math.round(usage.usd * 1e6)).toBe(20 * each)
    expect(JSON.stringify(await entries(handle.id))).not.toContain('"k"')
  })

  test('[M12] an item that fails or expires fails alone, and costs nothing', async () => {
    const { all, open } = await served(id, labelled({ 'item-1': 400, 'item-2': 'expired' }))
    const { output, usage } = await (await open().start(all, items(4))).result()
    expect(output).toEqual(['item-0', 'MODEL_REQUEST_REFUSED', 'MODEL_TIMEOUT', 'item-3'])
    expect(usage).toMatchObject({ inputTokens: 2_000, outputTokens: 200 })
  })

  test('[M12] an answer that does not fit goes back, in a second batch', async () => {
    const { server, all, open } = await served(id, (prompt) =>
      prompt.includes('not accepted') ? '{"label":"put right"}' : prompt.includes('item-1') ? 'x' : '{"label":"ok"}',
    )
    const { output } = await (await open().start(all, items(3))).result()
    expect(output).toEqual(['ok', 'put right', 'ok'])
    expect(server.batches.map((each) => each.items.length)).toEqual([3, 1])
  })

  test('[M12] [R1] waits over restarts: another process goes on with the batch that was handed in, and none is handed in again', async () => {
    const { server, all, open } = await served(id)
    server.endsAfter = Number.POSITIVE_INFINITY
    const store = memoryStore()
    const first = open(store)
    const { id: run } = await first.start(all, items(3))
    await expect.poll(() => server.batches[0]?.polls ?? 0, { timeout: 10_000 }).toBeGreaterThan(0)
    await first.engine.close({ graceMs: 0 })
    server.endsAfter = 0
    const second = open(store, true)
    await second.engine.open()
    expect((await second.handle(run).result()).output).toEqual(items(3))
    expect(server.batches).toHaveLength(1)
  })

  test('[M12] what the API refuses for a while is handed in again; a wrong key is not', async () => {
    const { server, all, open } = await served(id)
    server.refuse = 429
    expect((await (await open().start(all, items(1))).result()).output).toEqual(['item-0'])
    const wrong = testEngine([all], {
      resume: false,
      ...withModel(undefined, { env: { OPENAI_API_KEY: 'x', ANTHROPIC_API_KEY: 'x', OPENAI_BASE_URL: server.url, ANTHROPIC_BASE_URL: server.url } }),
    })
    const before = server.seen.length
    const { output, usage } = await (await wrong.start(all, items(1))).result()
    expect(output).toEqual(['MODEL_KEY_REFUSED'])
    expect(server.seen.length - before).toBe(1)
    expect(usage.inputTokens).toBe(0)
  })

  test('[M12] a run that is cancelled calls its batch off', async () => {
    const { server, all, open } = await served(id)
    server.endsAfter = Number.POSITIVE_INFINITY
    const handle = await open().start(all, items(2))
    await expect.poll(() => server.batches[0]?.polls ?? 0, { timeout: 10_000 }).toBeGreaterThan(0)
    await handle.cancel('enough')
    await expect.poll(() => server.batches[0]?.cancelled, { timeout: 10_000 }).toBe(true)
    expect(await handle.outcome()).toMatchObject({ status: 'cancelled' })
  })

  test('[M12] [B1] what is handed in counts in full until it is answered: a limit that does not hold the worst case of all refuses the rest', async () => {
    const { server, all, open } = await served(id)
    const { output, usage } = await (await open().start(all, items(10), { budget: { modelCalls: 4 } })).result()
    expect(output.filter((each) => each === 'BUDGET_EXCEEDED')).toHaveLength(6)
    expect(server.batches.flatMap((each) => each.items)).toHaveLength(4)
    expect(usage.modelCalls).toBe(4)
  })
})

test('[M12] [M4] under `retry` an item that its batch did not answer goes into another one, as often as was said, and no oftener', async () => {
  const { server, env } = await served('openai/gpt-5-mini', (prompt, batch) => {
    const item = /item-\d+/.exec(prompt)?.[0] ?? 'none'
    return item === 'item-2' || (item === 'item-1' && batch === 0) ? 'expired' : JSON.stringify({ label: item })
  })
  const model = retry(batch('openai/gpt-5-mini', { every: '30ms', within: '10s' }), { attempts: 2, backoff: '10ms' })
  const label = agent({ name: 'label', output: z.object({ label: z.string() }), model })
  const all = flow('all', async (given: string[], run) => {
    const told = await run.map('label', given, label, { onError: 'collect' })
    return told.map((each) => (each.ok ? each.output.label : each.error.code))
  })
  const { start } = testEngine([all], { resume: false, ...withModel(undefined, { env }) })
  const { output, usage } = await (await start(all, items(3), { budget: { usd: 1 } })).result()
  expect(output).toEqual(['item-0', 'item-1', 'MODEL_TIMEOUT'])
  expect(server.batches.flatMap((each) => each.items)).toHaveLength(5)
  expect(usage).toMatchObject({ inputTokens: 2_000, outputTokens: 200 })
})

test('[M12] [M6] `structured` around a batch says how its answers are asked for', async () => {
  const { server, env } = await served('openai/gpt-5-mini')
  const model = structured(batch('openai/gpt-5-mini', { every: '30ms', within: '10s' }), 'prompt')
  const label = agent({ name: 'label', output: z.object({ label: z.string() }), model })
  const { start } = testEngine([label], { resume: false, ...withModel(undefined, { env }) })
  expect((await (await start(label, 'item-7')).result()).output).toEqual({ label: 'item-7' })
  const sent = JSON.stringify(server.batches[0]?.items[0]?.body)
  expect(sent).not.toContain('json_schema')
  expect(sent).toContain('label')
})

test('[M12] a provider without a batch API, and a batch in a list or under a policy that means nothing to it, are refused', async () => {
  expect(() => batch('google/gemini-2.5-flash')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('google') }))
  const one = batch('openai/gpt-5-mini')
  const wrong = {
    'in a list': [one, 'openai/gpt-5-mini'],
    'under breaker()': breaker(one),
    'under limit()': retry(limit(one, { concurrency: 1 }), { attempts: 2 }),
    'under cache()': cache(one),
    'under hedge()': hedge(one, { after: '1s' }),
    'under timeout()': structured(timeout(one, { total: '1m' }), 'json'),
  } as const
  for (const [where, model] of Object.entries(wrong)) {
    const made = agent({ name: 'a', model })
    const { start } = testEngine([made], withModel(undefined, { env: { OPENAI_API_KEY: 'k' } }))
    await expect((await start(made, 'hi')).result()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `batch('openai/gpt-5-mini') stands ${where}, and is asked alone`,
      hint: expect.stringContaining('retry'),
    })
  }
})
