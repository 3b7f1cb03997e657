/** Whoever writes JavaScript, or gets what the types did not see: every maker and every call of an app takes what is given, or says what is wrong with it. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import * as tutti from './index.ts'
import { batch, structured } from './model/index.ts'
import { mcpServer } from './server/index.ts'
import { cassette, faulty, scripted, testing } from './testing/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: no type is to stand in the way
type Anything = any
/** The makers as JavaScript sees them. */
const js: Readonly<Record<string, Anything>> = { ...tutti, batch, structured, testing, scripted, cassette, faulty, mcpServer }

const junk: readonly unknown[] = [undefined, null, 3, 'x', {}, [], () => {}, Number.NaN, true, [3], [null], [{}], { a: 3 }, { a: null }, { type: 'object' }]
const model = 'openai/gpt-5-mini'
const member = tutti.agent({ name: 'member' })
const schema = z.object({})
const same = (x: unknown) => x

/** A call of each maker that is right, with every option that it has of another kind than its neighbours. */
const calls: readonly [maker: string, ...args: Anything[]][] = [
  ['agent', { name: 'desk', instructions: 'x', description: 'x', input: schema, prompt: () => 'x', output: schema, model, tools: [], memory: undefined }],
  ['agent', { name: 'desk', skills: undefined, limits: { turns: 1 }, plan: true, results: { longest: 2_000 }, toolSelection: { top: 3 }, hooks: {} }],
  ['agentFrom', 'desk.md', { tools: [] }],
  ['agentsFrom', 'agents', { tools: [] }],
  ['memory', { window: 1_000, summarize: true }],
  ['team', 'crew', { style: 'handoff', members: [member], start: 'member', handoffs: {}, limits: {}, output: schema }],
  ['team', 'crew', { style: 'chat', members: [member], next: 'in-turn', rounds: 2 }],
  ['team', 'crew', { style: 'magentic', members: [member], manager: model, maxStalls: 1 }],
  ['team', 'crew', { style: 'debate', members: [member], rounds: 1, judge: member }],
  ['team', 'crew', { style: 'vote', members: [member], ballots: 1, by: () => 'x' }],
  ['tool', { name: 'find', description: 'x', input: schema, output: schema, effect: 'once', execute: same, approve: true, undo: same, reconcile: same }],
  ['tool', { name: 'find', description: 'x', input: schema, effect: 'read', execute: same, timeout: '1s', idle: '1s', longest: 2_000, concurrency: 1 }],
  ['adopt', { a: { description: 'x', inputSchema: { type: 'object' }, execute: same } }, { effect: 'read', toolsContext: {} }],
  ['codeTool', { name: 'run', description: 'x', tools: [], limits: {}, approve: true }],
  ['sandbox', { memoryMb: 8 }],
  ['mcp', 'files', { command: 'npx', args: [], env: {}, cwd: 'x' }, { only: ['x'], approve: true, effects: 'read', timeout: '3s', pin: false, sampling: true }],
  ['mcp', 'files', { url: 'http://127.0.0.1/mcp', headers: {} }, { roots: [], resources: true, prompts: true, elicitation: true }],
  ['openapi', 'shop', { document: {}, only: ['a'], approve: true, effects: {}, timeout: '1s' }],
  ['index', 'docs', { shared: true }],
  ['retry', model, { attempts: 2, backoff: '1s', max: '1s', on: ['MODEL_TIMEOUT'], afterText: true }],
  ['timeout', model, { total: '1s', idle: '1s', firstToken: '1s' }],
  ['batch', model, { every: '1m', within: '1h' }],
  ['structured', model, 'json'],
  ['breaker', model, { failures: 3, within: '1m', cooldown: '1s' }],
  ['cascade', [model, model], { accept: () => true }],
  ['hedge', model, { after: '1s', max: 2 }],
  ['cache', model, { ttl: '1m', similar: 0.5, per: 'tenant', max: 10 }],
  ['limit', model, { concurrency: 3, requestsPerMinute: 1, maxWait: '1s', name: 'x' }],
  ['flow', 'work', { version: '1', migrations: {}, retry: { attempts: 1, backoff: '1s' }, deadline: '1s', budget: { usd: 1 }, queue: { rate: '1/s' } }, same],
  ['flow', 'work', { input: schema, output: schema, description: 'x' }, same],
  ['parallel', 'all', { a: member }, { onError: 'fail' }],
  ['map', 'each', same, { concurrency: 2, budgetPerItem: { usd: 1 }, onError: 'fail' }],
  ['loop', 'on', { body: same, until: () => true, max: 2 }],
  ['route', 'by', { by: () => 'a', to: { a: member }, otherwise: same }],
  ['graph', 'net', { input: schema }, (input: Anything, g: Anything) => g.node('a', input, same)],
  ['chain', 'c', same, member],
  ['byMeaning', { a: ['a'] }, { threshold: 0.5, embed: undefined }],
  ['byModel', { model, choices: { a: 'a' } }],
  ['byRule', { a: /a/ }],
  ['mermaid', member],
  [
    'schedule',
    'nightly',
    { flow: member, cron: '0 3 * * *', timeZone: 'UTC', input: 'x', missed: 'last', overlap: 'skip', jitter: '1s', scope: {}, labels: {} },
  ],
  ['schedule', 'hourly', { flow: member, every: '1h', priority: 1 }],
  ['signal', 's', schema],
  ['sqlite', 'x.db', { durability: 'sync', encryption: { key: 'x' } }],
  ['testing', { flows: [member], model: scripted(['x']), budgets: [], prices: {}, tenants: false, overrides: { models: {}, tools: {} }, resume: false }],
  ['testing', { flows: [member], tokenizer: 'auto', retention: [{ olderThan: '3d' }], schedules: [], telemetry: [], engine: undefined }],
  ['tutti', { flows: [member], store: tutti.inMemory(), resume: false }],
  ['scripted', ['x']],
  ['cassette', 'none.tape', { live: model }],
  ['faulty', scripted(['x']), { seed: 1, latency: '1s', drip: '1s', rateLimit: { calls: [1] }, serverError: 0.5, cut: [2], malformed: 0 }],
  ['mcpServer', testing({ flows: [member] }), { expose: [], authorize: () => ({}), name: 'x', hosts: [] }],
]

/** Each argument, each option and each value one below, in turn another. */
function* changed(value: Anything, depth: number, to: unknown): Generator<Anything> {
  yield to
  if (
    depth === 0 ||
    typeof value !== 'object' ||
    value === null ||
    ['~standard', '~flow', '~store', '~model', '~signal', 'spending'].some((brand) => brand in value)
  )
    return
  if (Array.isArray(value)) for (const [i, part] of value.entries()) for (const other of changed(part, depth - 1, to)) yield value.with(i, other)
  else for (const [name, part] of Object.entries(value)) for (const other of changed(part, depth - 1, to)) yield { ...value, [name]: other }
}

/** What came of it that is no answer: the error of somebody who looked into junk. */
async function complaint(call: () => unknown, close: boolean): Promise<string | undefined> {
  try {
    const made = await call()
    if (close) await (made as { close?(): Promise<void> }).close?.()
    return undefined
  } catch (error) {
    return tutti.TuttiError.is(error) && error.message !== '' && error.hint !== '' ? undefined : String((error as Error).stack).slice(0, 300)
  }
}

test.each(calls)('no junk given to %s ends in a TypeError', async (maker, ...args) => {
  const made = (given: readonly unknown[]) => complaint(() => js[maker](...given), maker === 'testing' || maker === 'tutti')
  const complaints = new Set<string | undefined>()
  for (const to of junk) {
    for (const [i, arg] of args.entries()) for (const other of changed(arg, 3, to)) complaints.add(await made(args.with(i, other)))
    complaints.add(await made([to]))
    complaints.add(await made([to, to, to]))
  }
  complaints.delete(undefined)
  expect([...complaints]).toEqual([])
})

test('whatever the package exports that is called has been given junk here', () => {
  const others = ['TuttiError', 'inMemory', 'notDone']
  const notYet = ['evaluate', 'grounded', 'guardrail', 'noPromptInjection', 'redactPii', 'scorer', 'uiStream']
  const tried = new Set([...calls.map(([maker]) => maker), ...others, ...notYet])
  const called = Object.entries(tutti).filter(([, made]) => typeof made === 'function')
  expect(called.map(([name]) => name).filter((name) => !tried.has(name))).toEqual([])
})

const APP: Readonly<Record<string, readonly Anything[]>> = {
  start: [member, 'x', { id: undefined, budget: {}, deadline: '1h', labels: {}, scope: {}, priority: 1 }],
  run: [member, 'x', {}],
  get: ['run', member],
  resume: ['run'],
  fork: ['run', member, { at: 'x', output: 1, instructions: 'x', agent: 'x', model, budget: {}, redo: [], once: 'never' }],
  replay: ['run', member],
  diff: ['run', 'run'],
  why: ['run', 'member/turn:1'],
  regress: [member, { last: 1, runs: [], since: new Date(), labels: {}, tenant: 'x', store: undefined, redo: [], signal: undefined, score: () => 1 }],
  prune: [{ olderThan: '3d', before: undefined, status: [], flow: 'x', labels: {}, keepLast: 1, runs: undefined, dryRun: true }],
  erase: [{ tenant: 'x', user: 'x', force: true }],
  spending: [{ per: 'tenant', tenant: 'x', past: true }],
  forecast: [member, 'x'],
}
const HANDLE: Readonly<Record<string, readonly Anything[]>> = {
  send: [tutti.signal('s', schema), {}, { key: 'x', id: 'x' }],
  grant: [{ usd: 1 }],
  events: [{}],
}

test('no junk given to an app or to the handle of a run ends in a TypeError', async () => {
  await using app: Anything = testing({ flows: [member], model: scripted(Array.from({ length: 1_000 }, () => 'hi')) })
  const { id } = await app.run(member, 'x')
  const handle = await app.get(id)
  const complaints = new Set<string | undefined>()
  for (const [on, called] of [
    [app, APP],
    [handle, HANDLE],
  ])
    for (const [name, given] of Object.entries(called as typeof APP)) {
      const args = given.map((arg) => (arg === 'run' ? id : arg))
      for (const to of junk)
        for (const [i, arg] of args.entries())
          for (const other of changed(arg, 1, to)) complaints.add(await complaint(() => on[name](...args.with(i, other)), false))
    }
  complaints.delete(undefined)
  expect([...complaints]).toEqual([])
})

const inRun: Readonly<Record<string, (run: Anything, junk: unknown) => unknown>> = {
  call: (run, to) => run.call(to, 'x'),
  step: (run, to) => run.step('step', 'x', to),
  map: (run, to) => run.map('map', to, same),
  'map over': (run, to) => run.map('map', [1], to),
  all: (run, to) => run.all([to]),
  'all of': (run, to) => run.all(to),
  wait: (run, to) => run.wait(to, { timeout: 1, onTimeout: null }),
}

test.each(Object.entries(inRun))('what is given to run.%s and is none ends the run with what was given, not with a TypeError', async (_, call) => {
  const work = tutti.flow('work', async (i: number, run) => {
    await call(run, junk[i])
    return 'taken'
  })
  await using app = testing({ flows: [work] })
  for (const i of junk.keys()) {
    const outcome = await (await app.start(work, i)).outcome()
    if (outcome.status === 'failed') expect(outcome.error).toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringMatching(/./) })
  }
})
