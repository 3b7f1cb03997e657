/** What an agent has beside its conversation, when part of that has left its sight: its list, its skills, long results, hooks, citations, budgets, forks. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { memory } from '../memory/index.ts'
import { cited } from '../retrieval/index.ts'
import { team } from '../team/index.ts'
import { faultsIn } from '../testing/heard.ts'
import { readPage } from '../testing/long-pages.ts'
import { answering, type Scripted, type ScriptedAsk, type ScriptedModel, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

const reads = (...ns: number[]): Scripted => ns.map((n) => ({ call: 'read', input: { n } }))
const isSummary = ({ prompt }: ScriptedAsk): boolean => prompt.startsWith('system: You keep the memory')
/** Turns in their order; summaries are answered beside them. */
function withSummaries(turns: readonly (Scripted | ((prompt: string) => Scripted))[], summary: Scripted = 'in short'): ScriptedModel {
  let turn = 0
  const next = (ask: ScriptedAsk): Scripted => {
    if (isSummary(ask)) return summary
    const each = turns[turn++] ?? 'done'
    return typeof each === 'function' ? each(ask.prompt) : each
  }
  return answering(next, { named: ({ prompt }) => Math.max(0, ...(prompt.match(/page \d+/g) ?? []).map((page) => Number(page.slice(5)))) })
}
type Options = Partial<Parameters<typeof agent>[0]>
const desk = (o: Options, window = 1_000) =>
  agent({ name: 'desk', instructions: 'Work.', tools: [readPage], memory: memory({ window }), limits: { turns: 40 }, ...o } as { name: 'desk' })
const left = /(\d+) earlier messages of this conversation are left out/

test('[K2] an agent that plans has its list before its eyes, also when the call that wrote it has left', async () => {
  const list = { call: 'todo', input: { items: [{ task: 'find it', state: 'doing' }] } }
  const model = scripted([reads(1), reads(2), list, 'w'.repeat(4_000), { json: { n: 1 } }])
  const made = desk({ plan: true, model, output: z.object({ n: z.number() }) } as unknown as Options)
  await using app = testing({ flows: [made] })
  expect((await app.run(made, 'go')).output).toEqual({ n: 1 })
  const prompt = model.calls.at(-1)?.prompt ?? ''
  expect(prompt).toMatch(left)
  expect(prompt).not.toContain('"task":"find it"')
  expect(prompt.split('Your list:\n[>] find it')).toHaveLength(2)
  expect(model.calls.at(-2)?.prompt).not.toContain('Your list:')
})

test('[K2] a skill that has left is named, and can be read again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-skills-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'refunds'))
  writeFileSync(join(folder, 'refunds/SKILL.md'), '---\nname: refunds\ndescription: When it is about refunds.\n---\n\nPay within two days.\n')
  const load = { call: 'load_skill', input: { name: 'refunds' } }
  const model = withSummaries([
    load,
    reads(1),
    reads(2),
    reads(3),
    (prompt) => (/Skills that were read, and can be read again with load_skill: refunds\./.test(prompt) ? load : 'lost'),
  ])
  const made = desk({ skills: folder, model })
  await using app = testing({ flows: [made] })
  expect((await app.run(made, 'go')).output).toBe('done')
  expect(model.calls.at(-2)?.prompt).not.toContain('Pay within two days.')
  expect(model.calls.at(-1)?.prompt).toContain('Pay within two days.')
})

test.each([undefined, 'rolling' as const])(
  '[K2][T9] a long result whose beginning has left can be read on by the reference that is said in its place (summarize: %s)',
  async (summarize) => {
    const list = tool({
      name: 'list',
      description: 'Lists.',
      input: z.object({}),
      effect: 'read',
      longest: 1_000,
      execute: () => Array.from({ length: 500 }, (_, id) => ({ id, city: id === 345 ? 'Turin' : 'no' })),
    })
    const model = withSummaries([
      { call: 'list', input: {} },
      ...[1, 2, 3].map((n) => reads(n)),
      (prompt) => ({
        call: 'read_result',
        input: { reference: /read with read_result: (r_[\w-]+) of list, \d+ characters\./.exec(prompt)?.[1] ?? 'none', find: 'Turin' },
      }),
    ])
    const made = desk({ tools: [readPage, list], model, memory: memory({ window: 1_000, summarize }) })
    await using app = testing({ flows: [made] })
    await app.run(made, 'go')
    expect(model.calls.at(-2)?.prompt).not.toContain('The result of list has')
    expect(model.calls.at(-1)?.prompt).toMatch(/id\W+345/)
  },
)

test('[K2] a passage that has left can still be cited: what was read is read from the whole conversation', async () => {
  const passage = { text: 'Order 17 left on Friday.', source: 'order 17', start: 0, end: 24, score: 1 }
  const search = tool({ name: 'search', description: 'Searches.', input: z.object({ query: z.string() }), effect: 'read', execute: () => [passage] })
  const answer = { json: { text: 'On Friday.', citations: [{ quote: 'Order 17 left on Friday.', source: 'order 17' }] } }
  const model = withSummaries([{ call: 'search', input: { query: 'order' } }, reads(1), reads(2), reads(3), answer])
  const made = desk({ tools: [readPage, search], model, output: cited } as unknown as Options)
  await using app = testing({ flows: [made] })
  expect((await app.run(made, 'go')).output).toMatchObject({ citations: [{ source: 'order 17', start: 0, end: 24 }] })
  expect(model.calls.at(-1)?.prompt).not.toContain('left on Friday')
})

test('[K2] the hook before the model is given what the model is shown; what it puts in its place is the conversation from then on', async () => {
  const given: number[] = []
  const model = withSummaries([1, 2, 3, 4, 5, 6].map((n) => reads(n)))
  const made = desk({ model, hooks: { beforeModel: ({ value }) => void given.push((value as unknown[]).length) } })
  await using app = testing({ flows: [made] })
  await app.run(made, 'go')
  expect(given).toEqual(model.calls.map(({ options }) => options.prompt.length - 1))
  expect(model.calls.at(-1)?.prompt).toMatch(left)
  const other = withSummaries([1, 2, 3, 4, 5, 6].map((n) => reads(n)))
  const tidied = desk({
    model: other,
    hooks: { beforeModel: ({ value, turn }) => (turn === 5 ? { replace: [(value as unknown[])[0], { role: 'user', content: 'TIDIED' }] } : undefined) },
  })
  await using again = testing({ flows: [tidied] })
  const { id } = await again.run(tidied, 'go')
  expect(other.calls[4]?.prompt).toBe('system: Work.\nuser: go\nuser: TIDIED')
  for (const { options, prompt } of other.calls) expect([faultsIn(options.prompt), prompt.split('user: go').length]).toEqual([[], 2])
  expect((await again.replay(id, tidied)).output).toBe('done')
})

test('[C8][K2] in a team, what the hook of one member puts in the place of the messages is the conversation of all of them, and whoever had something leave begins anew', async () => {
  const to = (name: string) => ({ call: `transfer_to_${name}`, input: { reason: 'now' } })
  const [a, b] = [withSummaries([[{ call: 'read', input: { n: 1 } }, to('b')], to('b')]), withSummaries([reads(2), reads(3), reads(4), to('a'), 'the end'])]
  const replaced = [
    { role: 'user', content: 'TASK' },
    { role: 'user', content: 'TIDIED' },
  ]
  let stints = 0
  const tidy = { beforeAgent: () => (stints++ === 1 ? { replace: replaced } : undefined) }
  const members = [
    agent({ name: 'a', tools: [readPage], model: a, hooks: tidy }),
    agent({ name: 'b', tools: [readPage], model: b, memory: memory({ window: 1_000 }) }),
  ] as const
  const flow = team('pair', { style: 'handoff', members })
  await using app = testing({ flows: [flow] })
  const { output, id } = await app.run(flow, 'TASK')
  expect(output).toBe('the end')
  expect(b.calls.at(-2)?.prompt).toMatch(left)
  expect(b.calls.at(-1)?.prompt).toMatch(/^user: TASK\nuser: TIDIED\nassistant: /)
  for (const { options } of b.calls) expect(faultsIn(options.prompt)).toEqual([])
  expect(a.calls.at(-1)?.prompt).toBe('user: TASK\nuser: TIDIED')
  expect((await app.replay(id, flow)).output).toBe('the end')
})

test('[K2][B1] a summary is a model call within the limits of the agent and the run, and no turn of it; where it does not fit, what was gathered is kept', async () => {
  const turns = [1, 2, 3, 4, 5, 6].map((n) => reads(n))
  const summarize = memory({ window: 1_000, summarize: true })
  const free = withSummaries(turns)
  const made = desk({ model: free, memory: summarize, limits: { turns: 7 } })
  await using app = testing({ flows: [made] })
  const { usage } = await app.run(made, 'go')
  const asked = free.calls.filter(isSummary).length
  expect(asked).toBeGreaterThan(1)
  expect(usage.modelCalls).toBe(7 + asked)
  const first = free.calls.findIndex(isSummary)
  for (const limits of [{ agent: { modelCalls: first } }, { run: { modelCalls: first } }] as { agent?: object; run?: object }[]) {
    const model = withSummaries(turns)
    const bound = desk({ model, memory: summarize, limits: { turns: 7, ...limits.agent } })
    await using tight = testing({ flows: [bound] })
    const handle = await tight.start(bound, 'go', limits.run ? { budget: limits.run } : {})
    const outcome = await handle.outcome()
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } })
    expect(JSON.stringify(outcome)).toContain('page 1 ')
    expect(model.calls).toHaveLength(first)
  }
})

test('[K2] a summary that fails ends the run as any failed call of a model does, and one that will not do is asked for once more: the context is never just dropped', async () => {
  const turns = [1, 2, 3, 4].map((n) => reads(n))
  const broken = desk({ model: withSummaries(turns, { error: 'malformed' }), memory: memory({ window: 1_000, summarize: true }) })
  const mute = desk({ model: withSummaries(turns, ' '), memory: memory({ window: 1_000, summarize: true }) })
  await using app = testing({ flows: [broken] })
  const failing = app.start(broken, 'go')
  await app.clock.advance('5m')
  await expect((await failing).result()).rejects.toMatchObject({ code: 'MODEL_MALFORMED' })
  await using other = testing({ flows: [mute] })
  await expect(other.run(mute, 'go')).rejects.toMatchObject({ code: 'MEMORY_SUMMARY_UNUSABLE', data: { agent: 'desk', complaint: 'it is empty' } })
})

test('[K2] another model may summarize', async () => {
  const [model, small] = [withSummaries([1, 2, 3, 4].map((n) => reads(n))), scripted(['in short', 'in short'], { id: 'small' })]
  const made = desk({ model, memory: memory({ window: 1_000, summarize: { style: 'hierarchical', model: small } }) })
  await using app = testing({ flows: [made] })
  await app.run(made, 'go')
  expect(model.calls.filter(isSummary)).toEqual([])
  expect(small.calls.every(isSummary)).toBe(true)
  expect(small.calls.length).toBeGreaterThan(0)
  expect(model.calls.at(-1)?.prompt).toContain('in short')
})

test('[K2] nobody who watches is shown a summary as a word of the agent', async () => {
  const made = desk({
    model: withSummaries(
      [1, 2, 3, 4].map((n) => reads(n)),
      'SECRET',
    ),
    memory: memory({ window: 1_000, summarize: true }),
  })
  await using app = testing({ flows: [made] })
  const handle = await app.start(made, 'go')
  const texts = []
  for await (const event of handle.events()) if (event.type === 'text.delta') texts.push(event.text)
  expect(texts.join('')).toBe('done')
})

test('[K2][D2] a fork takes compactions and summaries over where they are asked the same, makes them anew where not, and leaves the instructions of summaries alone', async () => {
  const turns = [1, 2, 3, 4, 5, 6].map((n) => reads(n))
  const model = withSummaries([...turns, 'done', ...turns, 'done otherwise'])
  const made = desk({ model, memory: memory({ window: 1_000, summarize: true }) })
  await using app = testing({ flows: [made] })
  const first = await app.run(made, 'go')
  const asked = model.calls.length
  const retold = await app.fork(first.id, made, { instructions: 'Work well.', agent: 'desk' })
  expect((await retold.result()).output).toBe('done otherwise')
  const anew = model.calls.slice(asked)
  expect(anew.filter(isSummary)).toEqual([])
  expect(anew.every(({ prompt }) => prompt.startsWith('system: Work well.'))).toBe(true)
  const steps = (await app.diff(first.id, retold.id)).steps.filter(({ key }) => /compact|summary/.test(key))
  expect(steps.map(({ change }) => change)).toEqual(steps.map(() => 'same'))

  const other = withSummaries([reads(9), reads(10), reads(11), 'done short'])
  const shorter = await app.fork(first.id, made, { at: 'desk/turn:2/read', output: 'page 2, short', model: other })
  expect((await shorter.result()).output).toBe('done short')
  for (const { options } of other.calls) expect(faultsIn(options.prompt)).toEqual([])
  expect((await app.replay(shorter.id, made)).output).toBe('done short')
})

test('[K2][D2] what leaves is what the record says: a fork may say otherwise, and is refused what would tear a call from its result', async () => {
  const model = withSummaries([1, 2, 3].map((n) => reads(n)))
  const made = desk({ model })
  await using app = testing({ flows: [made] })
  const { id } = await app.run(made, 'go')
  expect(model.calls.at(-1)?.prompt).toMatch(/4 earlier messages/)
  const gone = { how: 'window', window: 1_000, tokens: 1_300, keptTokens: 900, left: 2, before: 3 }
  const less = await app.fork(id, made, { at: 'desk/turn:4/compact', output: gone })
  await less.result()
  expect(model.calls.at(-1)?.prompt).toMatch(/2 earlier messages.*page 2 .*page 3 /s)
  const torn = await app.fork(id, made, { at: 'desk/turn:4/compact', output: { ...gone, before: 4 } })
  await expect(torn.result()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('[D2] a fork may give a model step, and a summary, its text alone; what is neither text nor answer, and what says nothing of what leaves, is refused with what to give', async () => {
  const model = withSummaries([1, 2, 3, 4, 5, 6].map((n) => reads(n)))
  const made = desk({ model, memory: memory({ window: 1_000, summarize: true }) })
  await using app = testing({ flows: [made] })
  const { id } = await app.run(made, 'go')
  const said = await app.fork(id, made, { at: 'desk/turn:2', output: 'enough' })
  expect((await said.result()).output).toBe('enough')
  const key = (await app.diff(id, id)).steps.find(({ key: each }) => each.endsWith('/summary'))?.key as string
  const resaid = await app.fork(id, made, { at: key, output: 'page 1 was dull' })
  expect((await resaid.result()).output).toBe('done')
  expect(model.calls.at(-1)?.prompt).toMatch(/summarized here.*page 1 was dull/s)
  for (const [at, output] of [
    ['desk/turn:2', { text: 'enough' }],
    [key, null],
    [key.replace('summary', 'compact'), null],
    [key.replace('summary', 'compact'), { left: 4 }],
  ] as const)
    await expect((await app.fork(id, made, { at, output })).result()).rejects.toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('Give') })
})

test('[K2] a conversation that is too long from the start is summarized before the first turn, in as many calls as its length needs', async () => {
  const model = withSummaries(['done'], 'in short')
  const made = desk({ model, memory: memory({ window: 1_000, summarize: true }) })
  const history = Array.from({ length: 30 }, (_, i) => [
    { role: 'user' as const, content: `q${i} ${'q'.repeat(500)}` },
    { role: 'assistant' as const, content: `a${i}` },
  ]).flat()
  await using app = testing({ flows: [made] })
  await app.run(made, [...history, { role: 'user', content: 'and now?' }])
  const asked = model.calls.filter(isSummary)
  expect(asked.length).toBeGreaterThan(3)
  for (const { prompt } of asked) expect(prompt.length).toBeLessThan(6_000)
  expect(asked.flatMap(({ prompt }) => prompt.match(/\bq\d+\b/g) ?? []).length).toBeGreaterThan(25)
  expect(model.calls.at(-1)?.prompt).toMatch(/summarized here.*in short.*user: and now\?$/s)
})

test('[C8][K2] in a conversation of several each member keeps to its own window, and its task and what it was told last are always there', async () => {
  const words = (name: string) => answering(({ options }) => `${name} says ${options.prompt.length} ${'w'.repeat(900)}`, { id: name })
  const [a, b] = [words('a'), words('b')]
  const members = [agent({ name: 'a', model: a, memory: memory({ window: 1_200 }) }), agent({ name: 'b', model: b })] as const
  const room = team('room', { style: 'chat', rounds: 8, members })
  await using app = testing({ flows: [room] })
  await app.run(room, 'TASK')
  const [last, whole] = [a.calls.at(-1), b.calls.at(-1)]
  expect(last?.prompt).toMatch(/^user: TASK\nuser: \[\d+ earlier messages/)
  expect(last?.prompt).toMatch(/user: b: b says \d+ w+$/)
  expect(whole?.prompt).not.toMatch(left)
  expect(whole?.options.prompt.length).toBe(2 * 8)
})
