import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agent, flow, inMemory, type McpOptions, mcp, toolQuestion, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { answering } from '../../src/testing/scripted.ts'
import { testing } from '../../src/testing/testing.ts'

/** Each test starts servers, on a machine that may be busy. */
vi.setConfig({ testTimeout: 60_000 })

const child = new URL('desk-child.ts', import.meta.url).pathname
let book = ''
beforeEach(() => {
  book = join(mkdtempSync(join(tmpdir(), 'tutti-mcp-')), 'book.txt')
  writeFileSync(book, '')
})
const written = (): string[] => readFileSync(book, 'utf8').trim().split('\n').filter(Boolean)
const desk = (options: McpOptions = {}, env: Record<string, string> = {}) =>
  mcp('desk', { command: process.execPath, args: ['--conditions=tutti-source', child], env: { DESK_BOOK: book, ...env } }, options)
const call = (tool: string, input: unknown = {}) => ({ call: `desk_${tool}`, input })
const revisions = ['2025-11-25', '2026-07-28'] as const

describe.each(revisions)('over stdio, revision %s', (protocol) => {
  test('[T2] an agent calls the tools of a server, and its run is replayed without one', async () => {
    const helper = agent({ name: 'helper', tools: [desk({ protocol })] })
    const model = scripted([[call('add', { a: 2, b: 3 }), call('measure'), call('draw'), call('deposit', { amount: 7, how: 'refuses' })], 'done'])
    const app = testing({ flows: [helper], model })
    const { output, id } = await app.run(helper, 'go')
    await app.close()
    expect(output).toBe('done')
    const results = model.calls[1]?.options.prompt.flatMap(({ role, content }) => (role === 'tool' ? content : [])) as { output: unknown }[]
    expect(results.map((result) => result.output)).toEqual([
      { type: 'text', value: '5' },
      { type: 'json', value: { width: 3 } },
      {
        type: 'content',
        value: [
          { type: 'text', text: 'a dot\nfile:///notes/dot.txt\nIt is round.' },
          { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
        ],
      },
      { type: 'error-text', value: '7 is too much' },
    ])
    await using later = testing({ flows: [helper], after: app, model: scripted([]) })
    expect((await later.replay(id, helper)).output).toBe('done')
  })

  test('[T2] a question to a person suspends the run, survives the schema it was asked with, and goes back to the call', async () => {
    const booking = flow('booking', async (day: string, run) => source.call(run, 'book', { day }))
    const source = desk({ protocol, elicitation: true })
    await using app = testing({ flows: [booking] })
    const run = await app.start(booking, 'Monday')
    const waiting = await run.outcome()
    expect(waiting).toMatchObject({
      status: 'waiting',
      for: [{ signal: 'tutti.question', data: { tool: 'book', source: 'desk', message: 'A table on Monday?' } }],
    })
    await run.send(toolQuestion, { action: 'accept', content: { name: 7 } } as never)
    const again = await run.outcome()
    expect(again).toMatchObject({ status: 'waiting', for: [{ data: { wrong: 'name: must be string' } }] })
    await run.send(toolQuestion, { action: 'accept', content: { name: 'Ada' } })
    expect((await run.result()).output).toBe('accept: {"seats":2,"name":"Ada"}')
    expect(written()).toHaveLength(1)
    if (protocol === '2026-07-28') expect(written()[0]).toContain('state:äöü==')
  })

  test('[T2] what a server asks a model is a step of the run, on its budget', async () => {
    const asking = flow('asking', async (q: string, run) => source.call(run, 'ask_model', { q }))
    const source = desk({ protocol, sampling: true })
    const model = scripted(['It is blue.'])
    await using app = testing({ flows: [asking], model })
    const { output, usage } = await app.run(asking, 'What colour is the sky?')
    expect(JSON.parse(output as string)).toEqual({ type: 'text', text: 'It is blue.' })
    expect(usage.modelCalls).toBe(1)
    expect(model.calls[0]?.options.prompt[0]).toMatchObject({ role: 'system', content: 'Be short.' })
    expect(model.calls[0]?.options.maxOutputTokens).toBe(50)
    await expect(app.run(asking, 'And the sea?', { budget: { modelCalls: 0 } })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
  })

  test('[T2] a call that kills its server is in doubt, not repeated; the next call finds a new server', async () => {
    const saving = flow('saving', async (how: 'well' | 'dies', run) => source.call(run, 'deposit', { amount: 5, how }))
    const source = desk({ protocol })
    await using app = testing({ flows: [saving] })
    const cut = await app.start(saving, 'dies')
    expect(await cut.outcome()).toMatchObject({ status: 'waiting' })
    expect((await app.run(saving, 'well')).output).toBe('deposited 5')
    expect(written()).toHaveLength(2)
    const keys = written().map((line) => line.split(' ')[1])
    expect(new Set(keys).size).toBe(2)
    expect(keys[0]).not.toBe('')
  })

  test('[T2] a call that only reads is repeated with a new server when the old one died in it', async () => {
    const counting = flow('counting', async (_: null, run) => source.call(run, 'count', {}))
    const source = desk({ protocol, idle: '1d' })
    await using app = testing({ flows: [counting] })
    const run = await app.start(counting, null)
    const result = run.result()
    for (let i = 0; i < 100 && written().length < 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      await app.clock.advance('5s')
    }
    expect((await result).output).toBe('call 2')
  })

  test('[T2] the progress of a call is told to whoever watches', async () => {
    const walking = flow('walking', async (steps: number, run) => source.call(run, 'walk', { steps }))
    const source = desk({ protocol })
    await using app = testing({ flows: [walking] })
    const run = await app.start(walking, 3)
    const seen: unknown[] = []
    for await (const event of run.events()) if (event.type === 'step.progress') seen.push([event.progress, event.total, event.message])
    expect(seen).toEqual([
      [1, 3, 'step 1'],
      [2, 3, 'step 2'],
      [3, 3, 'step 3'],
    ])
  })

  test('[T2] a run that is cancelled cancels the call at the server', async () => {
    const saving = flow('saving', async (_: null, run) => source.call(run, 'deposit', { amount: 5, how: 'hangs' }))
    const source = desk({ protocol })
    await using app = testing({ flows: [saving] })
    const run = await app.start(saving, null)
    await expect.poll(written, { timeout: 10_000 }).toHaveLength(1)
    await run.cancel('enough')
    await expect.poll(written, { timeout: 10_000 }).toContain('aborted')
    expect(await run.outcome()).toMatchObject({ status: 'cancelled' })
  })

  test('[T2][T4] a server that says its tools have changed, or that was started anew, is asked for them again by the next run; a run that finds what nobody approved ends', async () => {
    const home = mkdtempSync(join(tmpdir(), 'tutti-mcp-'))
    vi.stubEnv('TUTTI_HOME', home)
    onTestFinished(() => void vi.unstubAllEnvs())
    const model = answering(({ options }) => (options.prompt.length === 1 ? call('learn', { trick: 'somersault' }) : 'done'))
    const helper = agent({ name: 'helper', tools: [desk({ protocol })] })
    const adding = flow('adding', async (_: null, run) => desk({ protocol }).call(run, 'add', { a: 1, b: 2 }))
    const counting = flow('counting', async (_: null, run) => desk({ protocol }).call(run, 'count', {}))
    await using app = tutti({ flows: [helper, adding, counting], store: inMemory(), model })
    const shown = (turn: number) => model.calls[turn]?.options.tools?.map(({ name }) => name) ?? []
    expect((await app.run(helper, 'go')).output).toBe('done')
    // A run works with the tools it began with.
    expect([shown(0), shown(1)]).not.toContainEqual(expect.arrayContaining(['desk_somersault']))
    // The word of the server travels beside the answer.
    const next = () =>
      app.run(adding, null).then(
        ({ output }) => output,
        ({ code, message }) => `${code}: ${message}`,
      )
    await expect.poll(next, { timeout: 10_000 }).toMatch(/^TOOL_CHANGED: .*'somersault' is new/)
    await expect(app.run(helper, 'go')).rejects.toMatchObject({ code: 'TOOL_CHANGED' })
    expect(model.calls).toHaveLength(2)
    // As if a person had approved it: what is offered now is written down anew.
    rmSync(join(home, 'tools.lock.json'))
    expect((await app.run(helper, 'go')).output).toBe('done')
    expect(shown(2)).toContain('desk_somersault')
    // A server that was started anew may be another version: this one has forgotten its tricks.
    expect((await app.run(counting, null)).output).toBe('call 2')
    expect((await app.run(helper, 'go')).output).toBe('done')
    expect(shown(4)).toEqual(shown(0))
  })

  test('[T2] resources and prompts are reachable as tools', async () => {
    const helper = agent({ name: 'helper', tools: [desk({ protocol, resources: true, prompts: true, only: ['add'] })] })
    const calls = [
      call('list_resources'),
      call('read_resource', { uri: 'desk://rules' }),
      call('list_prompts'),
      call('get_prompt', { name: 'greet', arguments: { name: 'Ada' } }),
    ]
    const model = scripted([calls, 'done'])
    await using app = testing({ flows: [helper], model })
    await app.run(helper, 'go')
    const prompt = model.calls[1]?.prompt ?? ''
    for (const found of ['desk://rules', 'Be kind.', 'Greets.', 'Greet Ada.']) expect(prompt).toContain(found)
    expect(model.calls[0]?.options.tools?.map(({ name }) => name)).toEqual([
      'desk_add',
      'desk_get_prompt',
      'desk_list_prompts',
      'desk_list_resources',
      'desk_read_resource',
    ])
  })
})

test('[T2] a server that asks again and again is given up after ten rounds, each recorded', async () => {
  const nagged = flow('nagged', async (_: null, run) => source.call(run, 'nag', {}))
  const source = desk({ protocol: '2026-07-28', roots: ['/srv'] })
  await using app = testing({ flows: [nagged] })
  const run = await app.start(nagged, null)
  const rounds: string[] = []
  for await (const event of run.events()) if (event.type === 'step.completed' && event.name.startsWith('desk_nag')) rounds.push(event.key)
  await expect(run.result()).rejects.toMatchObject({ code: 'TOOL_FAILED' })
  expect(rounds).toHaveLength(10)
})

test('[T2] a server that cannot be started is named, with what it said', async () => {
  const source = mcp('broken', { command: process.execPath, args: ['-e', 'console.error("no database"); process.exit(3)'] })
  const asking = flow('asking', async (_: null, run) => source.call(run, 'x', {}))
  await using app = testing({ flows: [asking] })
  const run = await app.start(asking, null)
  const result = run.result()
  const over = result.then(
    () => true,
    () => true,
  )
  for (let done: boolean | undefined; !done; ) {
    done = await Promise.race([over, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 50))])
    await app.clock.advance('5s')
  }
  await expect(result).rejects.toMatchObject({ code: 'TOOL_SOURCE_UNREACHABLE', message: expect.stringContaining('no database') })
})
