/** The mistakes that a new user makes first: each is answered where it is made, with what to write instead. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from './agent/index.ts'
import { notDone } from './errors/index.ts'
import { chain, mermaid } from './flow/index.ts'
import { retry } from './model/index.ts'
import { flow, schedule, signal } from './run/index.ts'
import { team } from './team/index.ts'
import { scripted } from './testing/scripted.ts'
import { testing } from './testing/testing.ts'
import { tool } from './tool/index.ts'
import { inMemory, sqlite, tutti } from './tutti.ts'

test('[R5] a schema in the place of the options of a flow is refused, in its type and when it is declared', () => {
  // @ts-expect-error a schema belongs into `input`
  expect(() => flow('work', z.object({ n: z.number() }), async () => 1)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('input: schema') }),
  )
})

test('[R11] an app without a list of flows, or with a path for a store, is refused when it is made', () => {
  expect(() => tutti({} as never)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(() => tutti({ flows: [], store: 'x.db' as never })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining("sqlite('file.db')") }),
  )
  for (const make of [tutti, testing])
    expect(() => make({ flows: [], tokenizer: 'o200k' as never })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: "the tokenizer is 'o200k'" }),
    )
})

const bare = { type: 'object', properties: { topic: { type: 'string' } } }
const work = flow('work', async () => 1)
const app = () => testing({ flows: [work], model: scripted(['hi']) })
// biome-ignore lint/suspicious/noExplicitAny: what a mistake is made of
const junk = (value: unknown) => value as any

const looks = { name: 'look', description: 'Looks.', input: z.object({}), effect: 'read', execute: () => 1 } as const
const read = tool(looks)

test.each<[says: string, hint: string, make: () => unknown]>([
  ["the output of the agent 'desk' is an object", 'output: z.fromJSONSchema({ … }), of zod', () => agent({ name: 'desk', output: junk(bare) })],
  ["the input of the flow 'desk' is an object", 'input: z.fromJSONSchema({ … }), of zod', () => flow('desk', { input: junk(bare) }, async () => 1)],
  ["the output of the agent 'desk' is an object", 'output: z.fromJSONSchema(it.jsonSchema)', () => agent({ name: 'desk', output: junk({ jsonSchema: bare }) })],
  ["the schema of the signal 's' is undefined", 'schema: z.object({ … })', () => signal('s', junk(undefined))],
  ['one of the flows of tutti() is 3', 'what flow(), agent(), team(), chain() and the like make', () => tutti({ flows: junk([3]) })],
  ['one of the flows of tutti() is a function', "flow('name', async (input, run) => …)", () => tutti({ flows: junk([() => 1]) })],
  ['the retention of tutti() is an object', 'a list: retention: [ … ]', () => tutti({ flows: [], retention: junk({}) })],
  ['one of the schedules of tutti() is an object', "schedule('nightly', { cron, flow })", () => tutti({ flows: [], schedules: junk([{}]) })],
  ['the flow that app.start() was given is undefined', 'what flow(), agent()', () => app().start(junk(undefined))],
  ["the flow that app.regress() was given is the text 'f'", 'what flow(), agent()', () => app().regress(junk('f'))],
  ['the at of a fork is 3', 'a text', () => app().fork('run_1', work, { at: junk(3) })],
  ["the flow that app.run() was given is the text 'go'", 'what flow(), agent()', () => app().run(junk('go'), work)],
  ['the name of a flow is an object', "chain('desk', …)", () => chain(junk(work), junk(work))],
  ['the name of a flow is undefined', "agent({ name: 'desk', … })", () => agent(junk({ model: 'openai/gpt-5-mini' }))],
  [
    'the name of a flow is a function',
    "flow('desk', …)",
    () =>
      flow(
        junk(async () => 1),
        junk('desk'),
      ),
  ],
  ["the team 'crew' has the style 'vot'", "'vote'", () => team('crew', junk({ style: 'vot', members: [] }))],
  ["the team 'crew' has no rounds", 'a whole number from 1', () => team('crew', junk({ style: 'debate', members: [agent({ name: 'a' })], judge: work }))],
  [
    "the tool 'pay' has the effect the text 'write', and there is none of that name",
    "'read', 'idempotent' or 'once'",
    () => tool(junk({ name: 'pay', description: 'Pays.', input: z.object({}), effect: 'write', execute: () => 1 })),
  ],
  ["tool 2 of the agent 'desk' is an object", 'adopt()', () => agent({ name: 'desk', tools: [read, junk({})] })],
  [
    "the flow 'work' has no function after its options",
    "{ version: '2' }",
    () =>
      flow(
        'work',
        junk(async () => 1),
        junk({ version: '2' }),
      ),
  ],
  ["the tool 'look' has a reconcile and is 'read', so nobody would ask it", "'once'", () => tool({ ...looks, reconcile: () => 'unknown' })],
  ["the schedule 'nightly' has no option 'tz'", "timeZone: 'Europe/Berlin'", () => schedule('nightly', junk({ tz: 'UTC', flow: work }))],
  ["the deadline of the run: 'tomorrow' is not a duration", "'5m'", () => app().start(work, undefined, { deadline: junk('tomorrow') })],
  ['what mermaid() is to draw is an object', 'what flow(), agent()', () => mermaid(junk({}))],
  ['the path of sqlite() is 3', 'a text', () => sqlite(junk(3))],
  ["step 2 of the chain 'c' is 3", 'a flow, or a function', () => chain('c', (text: string) => text, junk(3))],
  ['the model of retry() cannot be asked: 3 is not a model', "Give 'provider/model'", () => retry(junk(3), { attempts: 2 })],
])('what is none is refused where it is given, with what is wanted: %s', async (says, hint, make) => {
  await expect(async () => make()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: says, hint: expect.stringContaining(hint) })
})

test('[R3] a promise that was not awaited cannot be recorded, and is called what it is', async () => {
  const forgets = flow('forgets', async (_: null, run) => run.step('both', () => ({ a: Promise.resolve(1) })))
  const names = flow('names', async (_: null, run) => junk(run).step(() => 1, 'find'))
  await using made = testing({ flows: [forgets, names] })
  await expect(made.run(forgets, null)).rejects.toThrow(/a promise at \.a cannot be recorded: await it first/)
  await expect(made.run(names, null)).rejects.toThrow('the name of a step is a function')
})

test('[R1] a path that is a folder, or a file of something else, is called what it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-path-'))
  const other = join(folder, 'notes.txt')
  writeFileSync(other, 'Buy milk. '.repeat(1_000))
  const opened = async (path: string) => {
    await using made = tutti({ flows: [work], store: sqlite(path) })
    return made.run(work)
  }
  await expect(opened(folder)).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE', message: `the journal '${folder}' is a folder` })
  await expect(opened(other)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', hint: expect.stringContaining('name another path') })
  expect(readFileSync(other, 'utf8')).toHaveLength(10_000)
})

test('[C5] a prompt that is neither text nor messages, and an empty list of models, are named', async () => {
  const hello = agent({ name: 'hello' })
  await using app = testing({ flows: [hello], model: scripted(['hi']) })
  await expect(app.run(hello, 5 as never)).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID', message: expect.stringContaining('number') })
  expect(() => agent({ name: 'none', model: [] })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('[R2] a once step that knows that its effect did not happen fails; one that only throws waits, and whoever waits for the run is told', async () => {
  const sure = flow('sure', async (_: null, run) => run.step('charge', () => Promise.reject(notDone('the card was declined')), { effect: 'once' }))
  const unsure = flow('unsure', async (_: null, run) => run.step('charge', () => Promise.reject(new Error('socket hang up')), { effect: 'once' }))
  const app = tutti({ flows: [sure, unsure], store: inMemory() })
  await expect(app.run(sure, null)).rejects.toMatchObject({ code: 'TOOL_NOT_DONE', message: 'the card was declined' })
  const warned = new Promise<Error & { code?: string }>((resolve) => process.once('warning', resolve))
  const handle = await app.start(unsure, null)
  handle.result().catch(() => {})
  expect(await warned).toMatchObject({ code: 'TOOL_IN_DOUBT', message: expect.stringContaining("'unsure/charge'") })
  expect(await handle.outcome()).toMatchObject({ status: 'waiting' })
  await app.close()
})
