/** A slip in an option, where types do not see it: in JavaScript, or behind a spread. Whatever is made says so when it is made. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import * as tutti from './index.ts'
import { batch } from './model/index.ts'
import { mcpServer } from './server/index.ts'
import { scripted, testing } from './testing/index.ts'

/** The makers as JavaScript sees them. */
// biome-ignore lint/suspicious/noExplicitAny: no type is to stand in the way
const js: { readonly [name: string]: any } = { ...tutti, batch }
const member = tutti.agent({ name: 'member' })
const model = 'openai/gpt-5-mini'
const toolOf = (o: object) => js.tool({ name: 'find', description: 'Finds.', input: z.object({}), effect: 'read', execute: () => 1, ...o })

const slips: readonly [place: string, slip: string, meant: string, make: () => unknown][] = [
  ["the agent 'desk'", 'memroy', 'memory', () => js.agent({ name: 'desk', memroy: 1 })],
  ["the limits of the agent 'desk'", 'turn', 'turns', () => js.agent({ name: 'desk', limits: { turn: 3 } })],
  ["the results of the agent 'desk'", 'longst', 'longest', () => js.agent({ name: 'desk', results: { longst: 3 } })],
  ["the toolSelection of the agent 'desk'", 'topp', 'top', () => js.agent({ name: 'desk', toolSelection: { topp: 3 } })],
  ["the hooks of the agent 'desk'", 'beforeTol', 'beforeTool', () => js.agent({ name: 'desk', hooks: { beforeTol: () => undefined } })],
  ['agentFrom()', 'tool', 'tools', () => js.agentFrom('desk.md', { tool: [] })],
  ['memory()', 'windw', 'window', () => js.memory({ windw: 1_000 })],
  ['the summarize of memory()', 'modle', 'model', () => js.memory({ window: 1_000, summarize: { modle: model } })],
  ["the team 'crew'", 'handofs', 'handoffs', () => js.team('crew', { style: 'handoff', members: [member], handofs: {} })],
  ["the team 'crew'", 'round', 'rounds', () => js.team('crew', { style: 'chat', members: [member], round: 2 })],
  ["the limits of the team 'crew'", 'turn', 'turns', () => js.team('crew', { style: 'handoff', members: [member], limits: { turn: 2 } })],
  ["the tool 'find'", 'aprove', 'approve', () => toolOf({ aprove: true })],
  ['adopt()', 'effects', 'effect', () => js.adopt({}, { effects: 'read' })],
  ['codeTool()', 'limit', 'limits', () => js.codeTool({ limit: {} })],
  ['a sandbox', 'memoryMB', 'memoryMb', () => js.sandbox({ memoryMB: 8 })],
  ["mcp('files')", 'timout', 'timeout', () => js.mcp('files', { command: 'npx' }, { timout: '3s' })],
  ["the MCP server 'files'", 'arg', 'args', () => js.mcp('files', { command: 'npx', arg: [] })],
  ["the MCP server 'files'", 'header', 'headers', () => js.mcp('files', { url: 'https://a.example/mcp', header: {} })],
  ["openapi('shop')", 'aproved', 'approve', () => js.openapi('shop', { document: {}, only: ['a'], aproved: true })],
  ["the index 'docs'", 'shard', 'shared', () => js.index('docs', { shard: true })],
  ["the index 'docs' as a tool", 'tops', 'top', () => js.index('docs').asTool({ tops: 3 })],
  ['retry()', 'attempt', 'attempts', () => js.retry(model, { attempts: 2, attempt: 2 })],
  ['timeout()', 'totl', 'total', () => js.timeout(model, { totl: '1s' })],
  ['batch()', 'evry', 'every', () => js.batch(model, { evry: '1m' })],
  ['breaker()', 'failure', 'failures', () => js.breaker(model, { failure: 3 })],
  ['cascade()', 'acept', 'accept', () => js.cascade([model, model], { acept: () => true })],
  ['hedge()', 'afer', 'after', () => js.hedge(model, { afer: '2s' })],
  ['cache()', 'simliar', 'similar', () => js.cache(model, { simliar: 0.9 })],
  ['limit()', 'concurency', 'concurrency', () => js.limit(model, { concurency: 3 })],
  ["the flow 'work'", 'ouput', 'output', () => js.flow('work', { ouput: z.number() }, () => 1)],
  ["the retry of 'work'", 'attempt', 'attempts', () => js.flow('work', { retry: { attempt: 2 } }, () => 1)],
  ["the queue of the flow 'work'", 'concurency', 'concurrency', () => js.flow('work', { queue: { concurency: 2 } }, () => 1)],
  ["'member' as a tool", 'aprove', 'approve', () => js.agent({ name: 'member' }).asTool({ aprove: true })],
  ["the parallel 'all'", 'onErr', 'onError', () => js.parallel('all', { a: member }, { onErr: 'fail' })],
  ["the map 'each'", 'concurency', 'concurrency', () => js.map('each', () => 1, { concurency: 2 })],
  ["the loop 'on'", 'untill', 'until', () => js.loop('on', { body: () => 1, untill: () => true, max: 2 })],
  ["the route 'by'", 'otherwse', 'otherwise', () => js.route('by', { by: () => 'a', to: { a: member }, otherwse: () => 1 })],
  ["the graph 'net'", 'imput', 'input', () => js.graph('net', { imput: z.number() }, () => 1)],
  ['byMeaning()', 'treshold', 'threshold', () => js.byMeaning({ a: ['a'] }, { treshold: 0.5 })],
  ['byModel()', 'choice', 'choices', () => js.byModel({ choice: { a: 'a' } })],
  ["the schedule 'nightly'", 'timezone', 'timeZone', () => js.schedule('nightly', { flow: member, cron: '0 3 * * *', timezone: 'UTC' })],
  ['sqlite()', 'encription', 'encryption', () => js.sqlite('x.db', { encription: {} })],
  ['the encryption of sqlite()', 'keyy', 'key', () => js.sqlite('x.db', { encryption: { keyy: 'x' } })],
  ['mcpServer()', 'authorise', 'authorize', () => mcpServer({}, { expose: [], authorise: () => undefined } as never)],
  ['tutti()', 'budget', 'budgets', () => testing({ flows: [], budget: [] } as never)],
  ['the overrides of tutti()', 'model', 'models', () => testing({ flows: [], overrides: { model: {} } } as never)],
  ['a budget of tutti()', 'evry', 'every', () => testing({ flows: [], budgets: [{ per: 'tenant', evry: 'day', usd: 1 }] } as never)],
  ['a rule of retention', 'olderThen', 'olderThan', () => testing({ flows: [], retention: [{ olderThen: '3d', status: ['completed'] }] } as never)],
]

test.each(slips)('%s refuses the option %s when it is made, and asks whether %s was meant', (place, slip, meant, make) => {
  expect(make).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: `${place} ${/^the \w+s of /.test(place) ? 'have' : 'has'} no option '${slip}'`,
      hint: expect.stringContaining(`Did you mean '${meant}'?`),
    }),
  )
})

test('a price, a grant and a budget name what was perhaps meant, too', async () => {
  const hint = (meant: string) => expect.stringContaining(`Did you mean '${meant}'?`)
  expect(() => testing({ flows: [], prices: { 'openai/x': { imput: 1, output: 2 } } } as never)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining("'openai/x'"), hint: hint('input') }),
  )
  expect(() => js.flow('work', { budget: { toknes: 5 } }, () => 1)).toThrow(
    expect.objectContaining({ code: 'BUDGET_INVALID', message: "the budget of 'work' has no limit called 'toknes'", hint: hint('tokens') }),
  )
  const asking = js.agent({ name: 'asking', limits: { modelCalls: 0, onExhausted: 'ask' } })
  await using app = testing({ flows: [asking], model: scripted(['hi']) })
  const handle = await app.start(asking, 'hello')
  await handle.outcome()
  await expect(handle.grant({ modelCals: 3 } as never)).rejects.toMatchObject({ code: 'BUDGET_INVALID', hint: hint('modelCalls') })
  await handle.cancel()
})

test('a start, a fork, a prune, an erasure and a regression refuse what nobody would read, before anything is begun or removed', async () => {
  await using app = testing({ flows: [member], model: scripted(['hi']) })
  const { id } = await app.run(member, 'hello')
  const asked: readonly [meant: string, asked: Promise<unknown>][] = [
    ['budget', app.start(member, 'hello', { budegt: { usd: 0.01 } } as never)],
    ['at', app.fork(id, member, { att: 'member/turn:1' } as never)],
    ['olderThan', app.prune({ status: ['completed'], olderThn: '30d' } as never)],
    ['user', app.erase({ tenant: 'default', usr: 'ada' } as never)],
    ['last', app.regress(member, { lst: 3 } as never)],
    ['tenant', app.spending({ tennant: 'acme' } as never)],
  ]
  for (const [meant, refused] of asked)
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining(`Did you mean '${meant}'?`) })
  expect(await app.get(id)).toBeDefined()
})

test.each([
  ['the number 3', { id: 3 }],
  ["the text ''", { id: '' }],
  ["the text 'a\nb'", { id: 'a\nb' }],
  ['an object', { id: {} }],
  ['the number 5', { scope: { tenant: 5 } }],
  ['a function', { scope: { user: () => 'ada' } }],
  ["has no option 'tennant'", { scope: { tennant: 'acme' } }],
  ["was given the text 'acme'", { scope: 'acme' }],
  ['the labels of a start', { labels: { a: 1 } }],
  ['the labels of a start', { labels: ['x'] }],
])('a start whose id, scope or labels are none is refused before a journal holds them: %s', async (says, o) => {
  await using app = testing({ flows: [member], model: scripted(['hi']) })
  await expect(app.start(member, 'hello', o as never)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(says) })
})

test.each(['yes', 1, {}, null])('a tool whose approve is neither true nor false nor a question is refused, for it would ask nobody: %s', (approve) => {
  const pay = { name: 'pay', description: 'Pays.', input: z.object({}), effect: 'once', execute: () => 'paid', approve }
  expect(() => js.tool(pay)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining("the approve of the tool 'pay'") }))
})

const budget = (limits: object) => () => js.agent({ name: 'desk', limits })
test.each([
  ['turns', 'CONFIG_INVALID', budget({ turns: Number.NaN })],
  ['turns', 'CONFIG_INVALID', budget({ turns: 0 })],
  ['turns', 'CONFIG_INVALID', budget({ turns: 2.5 })],
  ['toolCalls', 'CONFIG_INVALID', budget({ toolCalls: -1 })],
  ['repeats', 'CONFIG_INVALID', budget({ repeats: true })],
  ['usd', 'BUDGET_INVALID', budget({ usd: Number.NaN })],
  ['tokens', 'BUDGET_INVALID', budget({ tokens: -5 })],
  ['limits', 'CONFIG_INVALID', () => js.agent({ name: 'desk', limits: 3 })],
  ['usd', 'BUDGET_INVALID', () => js.flow('work', { budget: { usd: '0.5' } }, () => 1)],
  ['budget', 'BUDGET_INVALID', () => js.flow('work', { budget: 0 }, () => 1)],
  ['deadline', 'CONFIG_INVALID', () => js.flow('work', { deadline: 'soon' }, () => 1)],
  ['attempts', 'CONFIG_INVALID', () => js.flow('work', { retry: { attempts: 0 } }, () => 1)],
  ['turns', 'CONFIG_INVALID', () => js.team('crew', { style: 'handoff', members: [member], limits: { turns: -1 } })],
  ['tokens', 'BUDGET_INVALID', () => js.team('crew', { style: 'handoff', members: [member], limits: { tokens: Number.NaN } })],
  ['maxStalls', 'CONFIG_INVALID', () => js.team('crew', { style: 'magentic', manager: model, members: [member], maxStalls: -1 })],
  ['timeout', 'CONFIG_INVALID', () => toolOf({ timeout: 'long' })],
  ['function', 'CONFIG_INVALID', () => toolOf({ execute: undefined })],
  ['after', 'CONFIG_INVALID', () => js.hedge(model, { after: 'soon' })],
  ['on', 'CONFIG_INVALID', () => js.retry(model, { attempts: 2, on: 'MODEL_TIMEOUT' })],
  ['ttl', 'CONFIG_INVALID', () => js.cache(model, { ttl: 0 })],
  ['per', 'CONFIG_INVALID', () => js.cache(model, { per: 'tennant' })],
  ['every', 'CONFIG_INVALID', () => js.batch(model, { every: 0 })],
  ['within', 'CONFIG_INVALID', () => js.breaker(model, { within: 0 })],
  ['max', 'CONFIG_INVALID', () => js.loop('on', { body: () => 1, until: () => true, max: Number.NaN })],
])('a value of %s that makes no sense is refused when it is declared, with %s', (name, code, make) => {
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(name) }))
})

test('a model that is none, or an id without a provider, is refused when it is declared, and whose it is', () => {
  for (const wrong of ['gpt-5', { id: 'gpt-5' }, 5, [], ['openai/gpt-5', undefined], () => model]) {
    const refused = (place: RegExp) => expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(place) })
    expect(() => js.agent({ name: 'desk', model: wrong })).toThrow(refused(/the model of the agent 'desk' cannot be asked/))
    expect(() => js.agent({ name: 'desk', memory: js.memory({ window: 1_000, summarize: { model: wrong } }) })).toThrow(refused(/summarize/))
    expect(() => js.team('crew', { style: 'magentic', members: [member], manager: wrong })).toThrow(refused(/the manager of the team 'crew'/))
  }
  expect(() => testing({ flows: [], model: { id: 'gpt-5' } as never })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
