import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

/** One flow waits for two signals of a user's own, the other for approvals of two calls. */
const app = `
import { flow, signal } from '${source('run/index.ts')}'
import { callTool, tool } from '${source('tool/index.ts')}'
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
const Go = signal('go', anything)
const Then = signal('then', anything)
const patient = flow('patient', async (_, run) => [await run.wait(Go, { data: { who: 'anybody' } }), await run.wait(Then)])
const refund = tool({ name: 'refund', description: 'Refunds.', input: { '~standard': { version: 1, vendor: 'test', validate: (value) => (typeof value.usd === 'number' ? { value } : { issues: [{ message: 'no number', path: ['usd'] }] }), jsonSchema: { input: () => ({}) } } }, effect: 'once', approve: true, execute: ({ usd }) => 'refunded ' + usd })
const call = (run, usd, i) => callTool(run, refund, { type: 'tool-call', id: String(i), tool: 'refund', input: { usd } }, 'refund')
const desk = flow('desk', async (amounts, run) => (await run.all(amounts.map((usd, i) => call(run, usd, i)))).map(({ output }) => output))
export const flows = [patient, desk]
`
const begin = `
import { flows } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const [, , name, input] = process.argv
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows, resume: false })
const run = await engine.start(flows.find((flow) => flow.name === name), JSON.parse(input))
await new EmbeddedHandle(engine, run).outcome()
await engine.close({ graceMs: 0 })
`

function waiting(name: string, input: unknown): string {
  const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
  const { stderr } = spawnSync(process.execPath, ['begin.ts', name, JSON.stringify(input)], { cwd, encoding: 'utf8' })
  expect(stderr).toBe('')
  return cwd
}
const resume = ['resume', 'last', '--app', 'app.ts', '--json']

describe('signal', () => {
  test('[R4] is delivered while nobody drives the run, and the run goes on with it', async () => {
    const cwd = waiting('patient', null)
    expect((await tutti(cwd, ['signal', 'last', 'go', '{"floor":3}'])).out).toMatch(/^Left for run_\w+: 'go'\. .*npx tutti resume run_/)
    expect((await tutti(cwd, ['signal', 'last', 'then', '"on"', '--json'])).out).toContain('"answer": "early"')
    expect(parsed(await tutti(cwd, resume))).toMatchObject({ status: 'completed', output: [{ floor: 3 }, 'on'] })
  })

  test("[C10] a word for an agent must be a text, a name of tutti's own must be one, and one that is sent is told at the next turn", async () => {
    const cwd = waiting('patient', null)
    expect(await tutti(cwd, ['signal', 'last', 'tutti.steer', '{"a":1}'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('is a text, and this is {"a":1}'),
    })
    expect(await tutti(cwd, ['signal', 'last', 'tutti.ster', '"Be brief."'])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean 'tutti.steer'? The names are tutti.steer, tutti.approval, tutti.question."),
    })
    // What a tool server asks in the midst of a call is answered so too.
    expect((await tutti(cwd, ['signal', 'last', 'tutti.question', '{"action":"decline"}'])).out).toMatch(/^Early: /)
    expect((await tutti(cwd, ['signal', 'last', 'tutti.steer', '"Be brief."'])).out).toMatch(/^Sent: the agent at work in run_\w+ is told at its next turn\./)
  })

  test('[R4] one that is early, a duplicate, too late, or for a run that has ended is answered in those words', async () => {
    const cwd = waiting('patient', null)
    const early = await tutti(cwd, ['signal', 'last', 'then', '1', '--id', 'mail-1'])
    expect(early).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Early: run_\w+ does not wait for 'then' yet; 'mail-1' is kept[\s\S]*It waits for 'go' at 'patient\/go' \{"who":"anybody"\}/),
    })
    expect((await tutti(cwd, ['signal', 'last', 'then', '2', '--id', 'mail-1'])).out).toMatch(/^Duplicate: run_\w+ was sent 'mail-1' before/)
    await tutti(cwd, ['signal', 'last', 'go', '0', '--id', 'mail-0'])
    expect(parsed(await tutti(cwd, resume))).toMatchObject({ output: [0, 1] })
    const ended = await tutti(cwd, ['signal', 'last', 'go', '0'])
    expect(ended).toMatchObject({ code: 2, err: expect.stringMatching(/^error RUN_FINISHED: run_\w+ has completed and takes no signal/) })
    expect(await tutti(cwd, ['signal', 'run_nobody', 'go', '0'])).toMatchObject({ code: 2, err: expect.stringContaining('error RUN_NOT_FOUND') })
    expect(await tutti(cwd, ['signal', 'last', 'go', '{'])).toMatchObject({ code: 2, err: expect.stringContaining('the value is not JSON') })
  })

  test('[R4] one for a wait that was answered says which message did, and leaves nothing', async () => {
    const cwd = waiting('patient', null)
    await tutti(cwd, ['signal', 'last', 'go', '0', '--id', 'mail-0', '--key', 'patient/go'])
    expect((await tutti(cwd, resume)).code).toBe(6)
    const late = await tutti(cwd, ['signal', 'last', 'go', '1', '--key', 'patient/go'])
    expect(late).toMatchObject({
      code: 2,
      err: expect.stringMatching(/too late: run_\w+ waits no longer at 'patient\/go', 'mail-0' answered it\n.*It waits for 'then'/),
    })
    expect((await tutti(cwd, ['signal', 'last', 'go', '1', '--key', 'patient/go', '--id', 'mail-0'])).out).toMatch(/^Duplicate/)
  })
})

describe('approve', () => {
  test('[T6] lets the one call that waits be made, after a restart, and only once', async () => {
    const cwd = waiting('desk', [150])
    const { runs } = parsed(await tutti(cwd, ['runs', '--waiting', '--json']))
    expect(runs[0].waiting).toMatchObject([{ signal: 'tutti.approval', data: { tool: 'refund', input: { usd: 150 } } }])
    expect((await tutti(cwd, ['resume', 'last', '--app', 'app.ts'])).err).toMatch(/npx tutti approve run_\w+ --key desk\/tutti\.approval/)
    expect((await tutti(cwd, ['approve', 'last'])).out).toMatch(/^Left for run_\w+: 'tutti.approval'/)
    expect((await tutti(cwd, ['approve', 'last', '--deny'])).out).toMatch(/^Duplicate/)
    expect(parsed(await tutti(cwd, resume))).toMatchObject({ output: ['refunded 150'] })
  })

  test('[T6] of several calls names them, and answers each by its key: denied with a reason, or with other arguments', async () => {
    const cwd = waiting('desk', [150, 20])
    const unclear = await tutti(cwd, ['approve', 'last'])
    expect(unclear).toMatchObject({ code: 2, err: expect.stringMatching(/2 tool calls[\s\S]*\{"tool":"refund","input":\{"usd":150\}\}/) })
    const [first, second] = parsed(await tutti(cwd, ['runs', '--waiting', '--json'])).runs[0].waiting.map(({ key }: { key: string }) => key)
    expect((await tutti(cwd, ['approve', 'last', '--key', first, '--deny', '--why', 'too much'])).code).toBe(0)
    expect((await tutti(cwd, ['approve', 'last', '--key', second, '--edit', '{"usd":5}'])).code).toBe(0)
    expect(parsed(await tutti(cwd, resume)).output).toEqual(['Not approved: too much', 'refunded 5'])
    expect((await tutti(cwd, ['runs', '--waiting'])).err).toContain('No runs like that')
  })

  test('[T6] other arguments that do not fit are refused, say why, and may be given again', async () => {
    const cwd = waiting('desk', [150])
    expect((await tutti(cwd, ['approve', 'last', '--edit', '{"usd":"all"}'])).out).toMatch(/^Left for/)
    expect(parsed(await tutti(cwd, resume))).toMatchObject({ status: 'waiting' })
    expect((await tutti(cwd, ['show', 'last'])).out).toMatch(/'approval_desk\/tutti\.approval' was refused: .*usd: no number/)
    expect((await tutti(cwd, ['approve', 'last', '--edit', '{"usd":5}'])).out).toMatch(/^Left for/)
    expect((await tutti(cwd, ['approve', 'last'])).out).toMatch(/^Duplicate/)
    expect(parsed(await tutti(cwd, resume))).toMatchObject({ output: ['refunded 5'] })
  })

  test('[T6] of a run whose calls need no approval says what it waits for instead', async () => {
    const cwd = waiting('patient', null)
    expect(await tutti(cwd, ['approve', 'last'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no tool call of run_\w+ waits for approval\n.*It waits for 'go'/),
    })
    expect(await tutti(cwd, ['approve', 'last', '--deny', '--edit', '1'])).toMatchObject({ code: 2, err: expect.stringContaining('exclude each other') })
  })
})
