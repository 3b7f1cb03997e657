/** Each example runs as a reader would run it: a process of its own, in an empty folder, without an account. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const here = import.meta.dirname
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-examples-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What an example prints, line by line. */
function run(name: string): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=tutti-source', join(here, `${name}.ts`)], {
    cwd: folder,
    // A cassette records nothing where CI is set; its example records one.
    env: { ...process.env, CI: '' },
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.trimEnd().split('\n')
}

const examples: Record<string, { title: string; prints: string[] }> = {
  shutdown: {
    title: '[R7] a process that is asked to end finishes and records the step under way, and the next one goes on after it',
    prints: [
      '  planned in process one',
      'closed before the run had ended: the next process goes on with it',
      'process one ended with 0',
      '  written in process two',
      'written by a plan for tea',
    ],
  },
  chain: { title: '[C1] a chain books an invoice, and replays', prints: ['booked 1750 cents', 'replayed from the journal alone: 1750 cents'] },
  route: {
    title: '[C2] a message finds its branch without an account',
    prints: ['We look where it is: Where is my parcel?', 'We pay it back: I want my money back for this broken lamp.'],
  },
  routers: {
    title: '[M3] a router chooses by rule, by meaning or by model, and what fits none goes to a person',
    prints: [
      'by rule: We look where it is.',
      'by rule: A person will read this.',
      'by meaning: We look where it is.',
      'by meaning: A person will read this.',
      'by model: We pay it back.',
    ],
  },
  loop: {
    title: '[C3] one writes and another judges, until the judge is content',
    prints: ['turn 1: where it comes from', 'turn 2: good', 'Tea, from China, is nice.'],
  },
  'parallel-map': {
    title: '[C3] what works beside one another is joined, and one failure is collected',
    prints: ['PIANO (1)', 'item 1: nothing to shout', 'MOLTO FORTE (2)'],
  },
  agent: {
    title: '[C5] an agent with a tool answers with a checked quote, without an account',
    prints: [
      'Order 17 left the warehouse on Friday and arrives on Monday.',
      '  “Order 17 left the warehouse on Friday and arrives on Monday.” (order 17)',
      '2 model calls, 1 tool call, 0 USD',
    ],
  },
  approval: {
    title: '[R4] an approval is given to a run that another app left waiting',
    prints: ['waits for approval {"charge":"ch_1","usd":250}', 'paid back 250'],
  },
  'approval-always': {
    title: '[T6] an approval that holds always lets the calls it covers through, and asks for another',
    prints: [
      'a person is asked: {"tool":"pay","input":{"to":"ops","usd":5}}',
      '  paid 5 to ops',
      '  paid 7 to ops',
      'a person is asked: {"tool":"pay","input":{"to":"eve","usd":9}}',
      'Two of three are paid.',
    ],
  },
  openapi: {
    title: '[T5] an operation of an API is a tool, called for the tenant of the run, and a replay calls nothing',
    prints: ['GET /orders/17 for Bearer key-of-acme', 'the model was shown shop_getOrder', 'It comes on Monday.'],
  },
  'tool-selection': {
    title: '[T8] of twenty tools the model is shown two, and finds another',
    prints: [
      '3 of 20: find_tools, cancel_hotel, get_hotel',
      '3 of 20: find_tools, cancel_hotel, get_hotel',
      '5 of 20: find_tools, cancel_hotel, get_hotel, cancel_train, get_train',
      '5 of 20: find_tools, cancel_hotel, get_hotel, cancel_train, get_train',
      'It is cancelled, and so is the train.',
    ],
  },
  skills: {
    title: '[C9] skills are named in the prompt, and read when they fit',
    prints: [
      'system: You serve a shop.',
      '',
      'Skills: instructions for certain tasks. Where one fits, read it with load_skill before you begin.',
      '- parcels: How parcels are found. Use it when something has not arrived.',
      '- refunds: How money is paid back. Use it when a customer wants a refund.',
      'user: I want my 80 EUR back.',
      expect.stringContaining('Files of this skill, to be read with load_skill:\\nlimits.md'),
      expect.stringContaining('A person decides within two days.'),
      'A person decides within two days.',
    ],
  },
  memory: {
    title: '[K2] what is oldest leaves the sight of an agent, summarized, and a replay asks nobody',
    prints: [
      'It rains. 10 model calls',
      '  system: Read the book.',
      '  user: What happens in it?',
      '  user: [12 earlier messages of this conversation are summarized here, to save room:]',
      '  Chapters 1 to 6: it rains, all night.',
      '  assistant: {"chapter":7}',
      expect.stringContaining('Chapter 7. It was a dark and stormy night'),
      'the replay says the same, and asks nobody',
    ],
  },
  'from-ai-sdk-before': { title: '[X6] an agent of the AI SDK, as it was', prints: ['It is 22 degrees in San Francisco.'] },
  'from-ai-sdk': { title: '[X6] the same agent as a durable run says the same', prints: ['It is 22 degrees in San Francisco.'] },
  'code-mode': {
    title: '[T7] code of a model adds up what its tools say, and a replay needs neither the tools nor the sandbox',
    prints: [
      'turned over 1225 USD in 3 months',
      '  step desk/turn:1/run_code/orders_of',
      '  step desk/turn:1/run_code/orders_of#2',
      '  step desk/turn:1/run_code/orders_of#3',
    ],
  },
  mcp: {
    title: '[T3] an agent calls a tool that this same file serves over MCP, and the replay says the same',
    prints: ['the server said: {"pieces":3}', 'There are three lamps.', 'the replay says the same'],
  },
  resume: {
    title: '[R1] a killed run goes on in the next process, at the first chapter that is not recorded',
    prints: [
      '  writes chapter 1 in process one',
      '  writes chapter 2 in process one',
      'process one ended: SIGKILL',
      '  writes chapter 3 in process two',
      '  writes chapter 4 in process two',
      'chapter 1, chapter 2, chapter 3, chapter 4',
    ],
  },
  saga: {
    title: '[R8] what a failed run booked is undone in reverse, over a killed process',
    prints: [
      '  cancels hotel-17 in process one, attempt 1',
      '  cancels train-17 in process two, attempt 1',
      '  cancels flight-17 in process two, attempt 1',
      'the card was declined',
    ],
  },
  regress: {
    title: '[D4] a change is tried on past runs: what stays the same is not done again, and nobody is paid twice',
    prints: [
      '  looks up the price of a lamp',
      '  pays 10',
      '10 euros for a lamp.',
      '  looks up the price of a violin',
      '  pays 30',
      '30 euros for a violin.',
      'the same rules: 0 steps done, passed',
      '  violin: same',
      '  lamp: same',
      'longer letters: 1 steps done, not passed',
      '  violin: changed: 30 euros for a violin. We pay 50 % of the price.',
      '  lamp: same',
      expect.stringMatching(/^smaller shares: \d steps done, not passed$/),
      expect.stringMatching(/^ {2}violin: incomparable: would repeat an effect: 'claims\/pay'/),
      '  lamp: same',
    ],
  },
  budget: {
    title: '[B1] the call that could pass a budget is not made',
    prints: [
      'good, bad, good (3 model calls, 0 USD)',
      'good, bad, BUDGET_EXCEEDED (2 model calls)',
      expect.stringMatching(/^'label\/turn:1' could use \d+ input tokens; of the 3 input tokens allowed to the run, 0 are spent/),
    ],
  },
  'budget-ask': {
    title: '[B3][B7] a run whose budget is used up waits for a grant, and the next one is forecast from it',
    prints: [
      'waits at moods/label:2/turn:1 for tutti.grant',
      'good, bad, good',
      'moods/label:2/turn:1: ask: waited until there was room',
      'the next one: 0 USD, from 1 run',
    ],
  },
  fork: {
    title: '[D2] a fork with one prompt changed executes that step and those below it, and the diff shows these',
    prints: [
      'Breakfast: on bread, tea and jam. (5 model calls)',
      'Good morning! On bread, tea and jam. (7 model calls)',
      'same   newsletter/fact:0',
      'same   newsletter/fact:1',
      'same   newsletter/fact:2',
      'same   newsletter/write:0/turn:1',
      'same   newsletter/write:1/turn:1',
      'same   newsletter/write:2/turn:1',
      'input  newsletter/titler/turn:1',
      'input  newsletter/lay out',
      'input  newsletter/editor/turn:1',
      'input  newsletter/count',
    ],
  },
  queue: {
    title: '[R12] a queue keeps its limits, its priorities, and tells where a run stands',
    prints: ['outro is queued: 2 of 2', 'intro.mp4', 'outro.mp4', 'advert.mp4', 'trailer.mp4', 'never more than 2 at once; of acme: advert, intro, outro'],
  },
  schedule: {
    title: '[R12] a schedule starts a run for each night, and makes up for the last of those that were missed',
    prints: [
      'two nights',
      '  report of 2026-01-01 03:00:00',
      '  report of 2026-01-02 03:00:00',
      'back after four days, and one more night',
      '  report of 2026-01-06 03:00:00',
      '  report of 2026-01-07 03:00:00',
      'each night has a run of its own: nightly@2026-01-02T02:00:00Z',
    ],
  },
  models: {
    title: '[M2] [M6] a chain of models answers in the end',
    prints: [
      'order',
      '5 calls',
      'mini: serverError',
      'mini: none',
      'mini: none',
      'mini: none',
      'user: Your answer was not accepted: the answer is not JSON: order',
    ],
  },
  cassette: {
    title: '[D5] a cassette replays models and tools',
    prints: [
      'It comes on Monday. (the tool was called 1 times so far)',
      'It comes on Monday. (the tool was called 1 times so far)',
      'what was asked is not on the cassette support.tape: the nearest is in line 2, which differs at prompt[0].content[0].text: "Where is order 17?" there, "And order 18?" here',
    ],
  },
  'team-handoff': {
    title: '[C7] a swarm hands a question to whoever knows, and says why',
    prints: ['handoff {"from":"triage","to":"orders","reason":"they ask for a parcel"}', 'Order 17 comes on Monday.', '7 lines of Mermaid'],
  },
  'team-chat': { title: '[C7] a chat ends when its function says so', prints: ['GOOD. (4 model calls)'] },
  'team-magentic': {
    title: '[C7] a manager plans anew when nothing is gained',
    prints: ['plan: ["search: find sums.csv"]', 'plan: ["search: find any table","count: add it up"]', '{ sum: 42 }'],
  },
  'team-debate': { title: '[C7] a judge decides a debate, and the most given answer a vote', prints: ['yes', '42'] },
  supervisor: {
    title: '[C7] a supervisor has an agent and a team as tools, and a list of what is to be done',
    prints: [
      'lead/turn:1',
      'lead/turn:1/todo',
      'lead/turn:2',
      'lead/turn:2/research/turn:1',
      'lead/turn:3',
      'lead/turn:3/desk/writer/turn:1',
      'lead/turn:3/desk/critic/turn:1',
      'lead/turn:4',
      'Tea, from China.',
    ],
  },
  hooks: {
    title: '[C5] a hook denies a call, asks a person before another, and mends the answer',
    prints: [
      'a person is asked: {"tool":"refund","input":{"usd":500},"hook":"beforeTool","why":"more than 100"}',
      '  refunded 200',
      '  refunded 5',
      'Done, have a nice day.',
    ],
  },
  steer: {
    title: '[C10] what a person says reaches the agent at work at its next turn',
    prints: ['Green tea, then.', 'user: Find tea.', 'assistant: {"query":"tea"}', expect.stringMatching(/^tool: .*found tea/), 'user: Only green tea, please.'],
  },
  graph: {
    title: '[C4] a graph starts each node when its needs are there',
    prints: ['prices of TUTT asked', 'news of TUTT asked', 'trend asked', 'mood asked', "{ trend: 13, mood: 0.6666666666666666, filings: 'not asked for' }"],
  },
}

test.each(Object.entries(examples).map(([name, { title, prints }]) => [title, name, prints] as const))(
  '%s',
  (_, name, prints) => {
    expect(run(name)).toEqual(prints)
  },
  90_000,
)

test('[R8] the guide to undoing shows what its example does', () => {
  const [, shown] = /```ts\n(.*?)```/s.exec(readFileSync(join(here, '../docs/sagas.md'), 'utf8')) ?? []
  expect(readFileSync(join(here, 'saga.ts'), 'utf8')).toContain(shown)
})

test('[D6] the list of the examples names each of them', () => {
  const list = readFileSync(join(here, '../docs/examples.md'), 'utf8')
  expect([...list.matchAll(/\.\.\/examples\/([\w-]+)\.ts/g)].map(([, name]) => name).sort()).toEqual(Object.keys(examples).sort())
})

test('[D6] every example is run here, and fits a screen', () => {
  const files = readdirSync(here).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  expect(files.sort()).toEqual(
    Object.keys(examples)
      .map((name) => `${name}.ts`)
      .sort(),
  )
  for (const file of files) expect(readFileSync(join(here, file), 'utf8').split('\n').length).toBeLessThanOrEqual(60)
})
