/** An option whose value means nothing is refused where it is given: it was taken, and did nothing, or something else. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import * as tutti from './index.ts'
import * as testingKit from './testing/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: as JavaScript sees it
type Anything = any
const js: Readonly<Record<string, Anything>> = { ...tutti, ...testingKit }
const model = 'openai/gpt-5-mini'
const member = tutti.agent({ name: 'desk', model: testingKit.scripted([]) })
const same = (x: unknown) => x

/** What it says, and a part of its hint. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'taken'
  } catch (error) {
    return tutti.TuttiError.is(error) ? `${error.code}: ${error.message} ${error.hint}` : `raw: ${String(error)}`
  }
}

/** One of each that is right but for its name. */
const named = (maker: string, name: string): unknown =>
  js[maker](
    ...((
      {
        flow: [name, same],
        agent: [{ name }],
        team: [name, { style: 'handoff', members: [member] }],
        parallel: [name, { a: member }],
        signal: [name, z.null()],
        index: [name],
        schedule: [name, { flow: member, every: '1h' }],
        tool: [{ name, description: 'x', input: z.object({}), effect: 'read', execute: same }],
      } as Anything
    )[maker] as Anything[]),
  )

const made: readonly [what: string, call: () => unknown, says: RegExp][] = [
  ['half an item at once', () => js.map('m', same, { concurrency: 2.5 }), /concurrency of the map 'm' is 2.5 .*whole number from 1/],
  ['no item at once', () => js.map('m', same, { concurrency: 0 }), /concurrency of the map 'm' is 0/],
  ['a number as text', () => js.map('m', same, { concurrency: '8' }), /concurrency of the map 'm' is the text '8'/],
  ['a budget of an item that is none', () => js.map('m', same, { budgetPerItem: { usd: 'x' } }), /BUDGET_INVALID: the budget of an item of the map 'm'/],
  ['half a call for a flow', () => js.flow('f', { budget: { modelCalls: 2.5 } }, same), /BUDGET_INVALID: the budget of 'f' limits modelCalls to 2.5/],
  ['half a call for an agent', () => js.agent({ name: 'a', limits: { modelCalls: 2.5 } }), /BUDGET_INVALID: the budget of the agent 'a' limits modelCalls/],
  ['a misspelled code', () => js.flow('f', { retry: { attempts: 2, on: ['MODEL_TIMEOUTT'] } }, same), /retry of 'f' is for the error .*mean 'MODEL_TIMEOUT'/],
  ['a misspelled code of a model', () => js.retry(model, { attempts: 2, on: ['MODEL_TIMOUT'] }), /mean 'MODEL_TIMEOUT'/],
  ['a code that is a number', () => js.retry(model, { attempts: 2, on: [429] }), /for the error 429 Give the codes/],
  ['a word for yes', () => js.retry(model, { attempts: 2, afterText: 'yes' }), /afterText of retry\(\) is the text 'yes'/],
  ['a hedge around a variable without a value', () => js.hedge(undefined, { after: '1s' }), /hedge\(\) was given no model/],
  ['a retry around nothing', () => js.retry(undefined, { attempts: 2 }), /retry\(\) was given no model/],
  [
    'a model to summarize with that is none',
    () => js.memory({ window: 1_000, summarize: { model: {} } }),
    /model that memory\(\) is to summarize with is an object/,
  ],
  ['a turn that is a number', () => js.scripted(['hi', 3]), /turn 2 of scripted\(\) is 3/],
  ['a turn with a misspelled name', () => js.scripted([{ txt: 'hi' }]), /turn 1 of scripted\(\) has no option 'txt'/],
  ['a failure that there is not', () => js.scripted([{ error: 418 }]), /error of turn 1 of scripted\(\) is 418/],
  ['a call of no tool', () => js.scripted([[{ input: {} }]]), /call 1 of turn 1 of scripted\(\) names no tool/],
  ['a fault that is misspelled', () => js.faulty(js.scripted([]), { ratelimits: [1] }), /faulty\(\) has no option/],
  ['a call before the first', () => js.faulty(js.scripted([]), { cut: [0] }), /cut is for the calls 0 .*from 1/],
  ['a share that is a text', () => js.faulty(js.scripted([]), { cut: 'all' }), /cut is the text 'all'/],
  ['an approval of tools of a server by a word', () => js.mcp('files', { command: 'npx' }, { approve: 'yes' }), /approve of mcp\('files'\) is the text 'yes'/],
  [
    'an effect of a tool of a server',
    () => js.mcp('files', { command: 'npx' }, { effects: { rm: 'onse' } }),
    /effect of 'rm' of mcp\('files'\) is the text 'onse'/,
  ],
  ['a pin that is a word for yes', () => js.mcp('files', { command: 'npx' }, { pin: true }), /pin of mcp\('files'\) is true .*'first-use' or 'approved'/],
  ['a sampling by a word', () => js.mcp('files', { command: 'npx' }, { sampling: 'yes' }), /sampling of mcp\('files'\) is the text 'yes'/],
  ['an approval of operations by a word', () => js.openapi('shop', { document: {}, only: ['a'], approve: 'yes' }), /approve of openapi\('shop'\)/],
  ['an effect of an operation', () => js.openapi('shop', { document: {}, only: ['a'], effects: { a: 'onse' } }), /effect of 'a' of openapi\('shop'\)/],
  ['an effect of a tool that is adopted', () => js.adopt({}, { effect: 'onse' }), /effect of the tools that adopt\(\) was given is the text 'onse'/],
  ['a length as text', () => js.agent({ name: 'a', results: { longest: '2000' } }), /longest result of the agent 'a' is the text '2000'/],
  ['a selection by a word', () => js.agent({ name: 'a', toolSelection: { find: 'yes' } }), /find of the toolSelection of the agent 'a'/],
  ['a tool that says nothing', () => js.tool({ name: 't', input: z.object({}), effect: 'read', execute: same }), /tool 't' has no description/],
  ['a version without a name', () => js.flow('f', { version: '' }, same), /version of the flow 'f' is the text ''/],
  ['labels of a schedule', () => js.schedule('s', { flow: member, every: '1h', labels: { a: 3 } }), /labels of the schedule 's'/],
  ['a scope of a schedule', () => js.schedule('s', { flow: member, every: '1h', scope: { tenat: 'x' } }), /scope of the schedule 's' has no option 'tenat'/],
  [
    'half a token for a flow',
    () => js.flow('f', { budget: { tokens: 2.5 } }, same),
    /BUDGET_INVALID: the budget of 'f' limits tokens to 2.5 Tokens are counted whole/,
  ],
  [
    'half a token of an answer',
    () => js.agent({ name: 'a', limits: { outputTokens: 0.5 } }),
    /BUDGET_INVALID: the budget of the agent 'a' limits outputTokens/,
  ],
  [
    'half a token a day',
    () => testingKit.testing({ flows: [], budgets: [{ per: 'tenant', every: 'day', inputTokens: 1.5 }] }),
    /BUDGET_INVALID: the budget per tenant and day limits inputTokens to 1.5/,
  ],
  ['a name of a tool as long as a page', () => named('tool', 'x'.repeat(5_000)), /: 'x{50}…' cannot name a tool Use 1 to 64/],
  ['a text as long as a page', () => js.agent({ name: 'a', plan: 'x'.repeat(5_000) }), /plan of the agent 'a' is the text 'x{50}…' /],
  ['a parallel of nothing', () => js.parallel('p', {}), /the parallel 'p' has no branches Give it one or more flows/],
  ['a route to nowhere', () => js.route('r', { by: () => 'a', to: {} }), /the route 'r' has no branches/],
  ["a signal by a name of tutti's own", () => js.signal('tutti.approval', z.any()), /'tutti.approval' of a signal is one of tutti's own .*toolApproval/],
  ['a grace that is misspelled', () => js.tutti({ flows: [], store: js.inMemory() }).close({ grace: 3 }), /app.close\(\) has no option 'grace'/],
]

const makers = ['flow', 'agent', 'team', 'parallel', 'signal', 'index', 'schedule']

describe('of what is made', () => {
  test.each(made)('%s is refused with what it would be', async (_, call, says) => {
    expect(await refusal(call)).toMatch(says)
  })

  test.each(makers)('a name as long as a page is refused, and shown by its beginning: %s', async (maker) => {
    const says = /: the name 'x{50}…' of (a flow|a signal|an index|a schedule) has 5000 characters A name has (200|190) at most/
    expect(await refusal(() => named(maker, 'x'.repeat(5_000)))).toMatch(says)
    expect(named(maker, 'x'.repeat(maker === 'index' ? 190 : 200))).toBeDefined()
  })

  test("an error's code of somebody's own may be retried for", () => {
    expect(js.retry(model, { attempts: 2, on: ['SHOP_CLOSED', 'MODEL_TIMEOUT'] })).toBeDefined()
    expect(js.map('m', same, { concurrency: Number.POSITIVE_INFINITY })).toBeDefined()
    expect(js.flow('f', { budget: { usd: 0.0015, tokens: Number.POSITIVE_INFINITY } }, same)).toBeDefined()
  })
})

const Go = tutti.signal('go', z.null())
const inRun: readonly [what: string, call: (run: Anything) => unknown, says: RegExp][] = [
  ['an effect that is misspelled', (run) => run.step('pay', 1, same, { effect: 'onse' }), /effect of the step 'pay' is the text 'onse' .*'once'/],
  ['an option that is misspelled', (run) => run.step('pay', 1, same, { efect: 'once' }), /step 'pay' has no option 'efect'.*mean 'effect'/],
  ['a code that is misspelled', (run) => run.step('pay', 1, same, { retry: { attempts: 2, on: ['RUN_STEP_FALED'] } }), /retry of the step 'pay'/],
  ['codes that are no list', (run) => run.step('pay', 1, same, { retry: { attempts: 2, on: 'X' } }), /on of the retry of the step 'pay' is the text 'X'/],
  ['a map that goes on otherwise', (run) => run.map('m', [1], same, { onError: 'colect' }), /onError of the map 'm' is the text 'colect'/],
  ['a map of half an item at once', (run) => run.map('m', [1], same, { concurrency: 2.5 }), /concurrency of the map 'm' is 2.5/],
  ['a wait with a misspelled time', (run) => run.wait(Go, { timeot: '1s' }), /run.wait\(\) has no option 'timeot'/],
  ['a call with a misspelled name', (run) => run.call(member, 'x', { nme: 'x' }), /run.call\(\) has no option 'nme'/],
]

describe('within a run', () => {
  test.each(inRun)('%s fails the run with what it would be', async (_, call, says) => {
    const work = tutti.flow('work', async (_: null, run) => {
      await call(run)
      return 'taken'
    })
    await using app = testingKit.testing({ flows: [work] })
    const outcome = await (await app.start(work, null)).outcome()
    expect(outcome.status === 'failed' ? `${outcome.error.message} ${outcome.error.hint}` : outcome.status).toMatch(says)
  })
})

describe('of an app and the handle of a run', () => {
  const talk = tutti.agent({ name: 'talk', model: testingKit.scripted(['hi']) })
  const calls: readonly [what: string, call: (app: Anything, run: Anything) => unknown, says: RegExp][] = [
    ['a deadline that is no date', (app) => app.start(talk, 'x', { deadline: new Date(Number.NaN) }), /the deadline of a start is/],
    ['half a call', (app) => app.start(talk, 'x', { budget: { toolCalls: 0.5 } }), /BUDGET_INVALID: the budget of a start limits toolCalls to 0.5/],
    ["the id 'last', by which the command finds the newest", (app) => app.start(talk, 'x', { id: 'last' }), /id of a start is 'last'/],
    ['an id as long as a page', (app) => app.start(talk, 'x', { id: 'x'.repeat(5_000) }), /has 5000 characters Give 200/],
    ['a fork that does something again that was never done', (app, run) => app.fork(run.id, talk, { redo: ['turn:2'] }), /no step called 'turn:2'.*'turn:1'/],
    ['a fork with a list of numbers', (app, run) => app.fork(run.id, talk, { redo: [3] }), /redo of a fork is a list It is a list of texts/],
    ['a fork with a model that is none', (app, run) => app.fork(run.id, talk, { model: {} }), /model of a fork cannot be asked/],
    ['a fork for an agent that is misspelled', (app, run) => app.fork(run.id, talk, { agent: 'tlak', instructions: 'x' }), /no agent 'tlak' .*mean 'talk'/],
    ['a fork that names an agent alone', (app, run) => app.fork(run.id, talk, { agent: 'talk' }), /names the agent 'talk', and gives it nothing/],
    ['a fork at a step and for an agent', (app, run) => app.fork(run.id, talk, { agent: 'talk', at: 'talk/turn:1', model }), /both at: .* and agent:/],
    ['a replay with something other', (app, run) => app.replay(run.id, talk, { model }), /app.replay\(\) takes a run and its flow/],
    ['events after a text', (_, run) => run.events({ after: 'x' }), /after of handle.events\(\) is the text 'x'/],
    ['a reason that is a number', (_, run) => run.cancel(3), /reason of handle.cancel\(\) is 3/],
    ['a pause for an object', (_, run) => run.pause({}), /reason of handle.pause\(\) is an object/],
    ['a run by a number', (app) => app.get(3), /id of the run that app.get\(\) is asked for is 3 It is a text/],
    ['a run of what is no flow', (app, run) => app.get(run.id, { a: 3 }), /flow that app.get\(\) was given is an object/],
    ['an option for a diff', (app, run) => app.diff(run.id, run.id, { deep: true }), /app.diff\(\) takes two runs, and was given an object besides/],
    ['an option for a forecast', (app) => app.forecast(talk, 'x', { last: 3 }), /app.forecast\(\) takes a flow and its input, and was given an object/],
    ['an option for why', (app, run) => app.why(run.id, 'talk/turn:1', 3), /app.why\(\) takes a run and the key of a step, and was given 3 besides/],
    ['a signal made by hand', (_, run) => run.send({ name: 'go', '~signal': true }, 1), /signal that handle.send\(\) is to send is an object Declare it/],
    ['half a token granted', (_, run) => run.grant({ tokens: 1.5 }), /BUDGET_INVALID: a grant limits tokens to 1.5/],
    ['half a call for a fork', (app, run) => app.fork(run.id, talk, { budget: { modelCalls: 2.5 } }), /BUDGET_INVALID: the budget of a fork limits modelCalls/],
    ['half a call granted', (_, run) => run.grant({ modelCalls: 1.5 }), /BUDGET_INVALID: a grant limits modelCalls to 1.5/],
  ]
  test.each(calls)('%s is refused', async (_, call, says) => {
    await using app = testingKit.testing({ flows: [talk], model: testingKit.scripted(['hi']) })
    const run = await app.start(talk, 'x')
    await run.result()
    expect(await refusal(() => call(app, run))).toMatch(says)
  })
})
