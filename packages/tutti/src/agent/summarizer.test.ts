/** Who summarizes for an agent: whether it can be asked is known when the agent begins, and it knows what the agent is there for. */
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { memory } from '../memory/index.ts'
import type { ModelLike } from '../model/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn } from '../testing/every-prefix.ts'
import { readPage } from '../testing/long-pages.ts'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { agent } from './index.ts'

const reading = (pages: number) => scripted([...Array.from({ length: pages }, (_, i) => ({ call: 'read', input: { n: i + 1 } })), 'read'])
const desk = (model: ModelLike, summarizer: ModelLike, o: { budget?: object } = {}) =>
  agent({ name: 'desk', model, tools: [readPage], limits: { turns: 40, ...o.budget }, memory: memory({ window: 1_000, summarize: { model: summarizer } }) })

test('[K2] a model that is to summarize and has no key, or no package, ends the agent before anybody is asked, not at the first compaction', async () => {
  for (const [id, env, code] of [
    ['anthropic/claude-haiku-4-5', {}, 'MODEL_KEY_MISSING'],
    ['cohere/command-a', { COHERE_API_KEY: 'a key' }, 'MODEL_PACKAGE_MISSING'],
    ['nobody/model', {}, 'MODEL_UNKNOWN'],
  ] as const) {
    // Also where there is another model that the agent itself could be asked of instead.
    const [model, other] = [reading(6), reading(6)]
    const { outcome, journal } = await startRun(memoryStore(), desk([model, other], id), 'Read.', withModel(undefined, { env, cwd: tmpdir() }))
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code, message: expect.stringMatching(/^the model that summarizes for 'desk' cannot be asked: /) },
    })
    expect([...model.calls, ...other.calls]).toEqual([])
    expect(doneIn(journal.entries)).toEqual([])
  }
})

test('[K2][B1] so does one without a price where money is limited', async () => {
  const model = reading(6)
  const unpriced = Object.assign(scripted([]), { provider: 'acme' })
  const { outcome } = await startRun(memoryStore(), desk(model, unpriced, { budget: { usd: 1 } }), 'Read.', withModel(undefined))
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'BUDGET_NO_PRICE', message: expect.stringContaining("summarizes for 'desk'") } })
  expect(model.calls).toEqual([])
})

test('[K2] of a chain that is to summarize one that can be asked is enough; a model in the place of all needs no other; a replay needs none', async () => {
  const chain = desk(reading(6), ['anthropic/claude-haiku-4-5', scripted(['in short', 'in short', 'in short'])])
  expect((await startRun(memoryStore(), chain, 'Read.', withModel(undefined))).outcome).toMatchObject({ status: 'completed' })
  const made = desk('openai/gpt-5-mini', 'anthropic/claude-haiku-4-5')
  await using app = testing({ flows: [made], model: reading(1) })
  const { id } = await app.run(made, 'Read.')
  expect((await app.replay(id, made)).output).toBe('read')
  const overridden = withModel(undefined, { overrides: { desk: reading(1) } })
  expect((await startRun(memoryStore(), made, 'Read.', overridden)).outcome).toMatchObject({ status: 'completed' })
})

test('[K2] whoever summarizes is shown the task, which never leaves and so is in no conversation to be summarized; of a long one its beginning and its end', async () => {
  const isSummary = ({ prompt }: { readonly prompt: string }): boolean => prompt.startsWith('system: You keep the memory')
  const asked = async (task: string) => {
    const small = scripted(Array.from({ length: 9 }, () => 'in short'))
    const made = desk(reading(6), small)
    await using app = testing({ flows: [made] })
    await app.run(made, task)
    expect(small.calls.every(isSummary)).toBe(true)
    return small.calls.map(({ prompt }) => /<task>\n(.*?)\n<\/task>/s.exec(prompt)?.[1])
  }
  for (const each of await asked('Find the owner of page 3.')) expect(each).toBe('Find the owner of page 3.')
  const long = `Find the owner. ${'Context. '.repeat(400)}Answer with a name.`
  for (const each of await asked(long)) {
    expect(each).toMatch(/^Find the owner\..*\n…\n.*Answer with a name\.$/s)
    expect(Buffer.byteLength(each ?? '')).toBeLessThan(1_000)
  }
})
