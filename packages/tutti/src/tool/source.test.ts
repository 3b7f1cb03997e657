import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { hashTool, jsonSchemaAsSchema, type OpenSource, type SourceBody, type SourcedTool, sourcedName, tool, toolSource } from './index.ts'

const listed = (name: string, o: Partial<SourcedTool> = {}): SourcedTool => {
  const plain = { name, description: `Does ${name}.`, inputSchema: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] } }
  return { ...plain, effect: 'read', hash: hashTool(plain), ...o }
}

/** A source in memory: what was asked of it can be counted. */
function memorySource(id: string, tools: () => readonly SourcedTool[], call: OpenSource['call'] = async (_, input) => input, o: Partial<SourceBody> = {}) {
  const opened = { list: vi.fn(async () => tools()), call: vi.fn(call), close: vi.fn(async () => {}) }
  const open = vi.fn((): OpenSource => opened)
  return { source: toolSource({ id, open, ...o }), opened, open }
}

describe('the tools of a source', () => {
  test('[T2] are recorded when the loop begins, called as steps, and need no source on replay', async () => {
    const { source, opened, open } = memorySource('github', () => [listed('search'), listed('close')])
    const desk = agent({ name: 'desk', tools: [source] })
    const model = scripted([{ call: 'github_search', input: { q: 'a bug' } }, 'found it'])
    const app = testing({ flows: [desk], model })
    const { output, id } = await app.run(desk, 'go')
    expect(output).toBe('found it')
    expect(model.calls[0]?.options.tools?.map(({ name }) => name)).toEqual(['github_close', 'github_search'])
    expect(opened.call.mock.calls[0]?.[1]).toEqual({ q: 'a bug' })
    opened.list.mockRejectedValue(new Error('gone'))
    expect((await app.replay(id, desk)).output).toBe('found it')
    expect([opened.list.mock.calls.length, opened.call.mock.calls.length, open.mock.calls.length]).toEqual([1, 1, 1])
    await app.close()
    expect(opened.close).toHaveBeenCalledTimes(1)
  })

  test('[T2] are those that the run began with, whatever the source says after a restart', async () => {
    let tools = [listed('search')]
    const { source } = memorySource('s', () => tools)
    const desk = agent({ name: 'desk', tools: [source] })
    const before = testing({ flows: [desk], model: scripted([{ call: 's_search', input: { q: '1' } }, 'lost']) })
    before.crashAt('outcome recorded, not delivered', 2)
    const started = await before.start(desk, 'go')
    await expect(started.result()).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
    tools = [listed('other')]
    const model = scripted(['done'])
    await using app = testing({ flows: [desk], model, after: before })
    await (await app.get(started.id))?.result()
    expect(model.calls.map(({ options }) => options.tools?.map(({ name }) => name))).toEqual([['s_search']])
  })

  test('[T1] arguments that do not fit the schema of the source go back to the model and are not sent', async () => {
    const { source, opened } = memorySource('s', () => [listed('search')])
    const desk = agent({ name: 'desk', tools: [source] })
    const model = scripted([{ call: 's_search', input: { q: 1 } }, { call: 's_search', input: {} }, 'done'])
    await using app = testing({ flows: [desk], model })
    await app.run(desk, 'go')
    expect(opened.call).not.toHaveBeenCalled()
    expect(model.calls[2]?.prompt).toMatch(/q: must be string[\s\S]*must have required property 'q'/)
  })

  test('[T4] of two sources never meet under one name; two sources of one id, and a name that is taken, are refused', async () => {
    const a = memorySource('a', () => [listed('search')])
    const b = memorySource('b', () => [listed('search')])
    const both = agent({ name: 'both', tools: [a.source, b.source] })
    const model = scripted([
      [
        { call: 'a_search', input: { q: '1' } },
        { call: 'b_search', input: { q: '2' } },
      ],
      'done',
    ])
    await using app = testing({ flows: [both], model })
    await app.run(both, 'go')
    expect([a.opened.call.mock.calls[0]?.[1], b.opened.call.mock.calls[0]?.[1]]).toEqual([{ q: '1' }, { q: '2' }])
    expect(() => agent({ name: 'twice', tools: [a.source, memorySource('a', () => []).source] })).toThrow(expect.objectContaining({ code: 'TOOL_DUPLICATE' }))
    const own = tool({ name: 'a_search', description: 'Mine.', input: z.object({}), effect: 'read', execute: () => 1 })
    const taken = agent({ name: 'taken', tools: [own, a.source] })
    await expect(app.run(taken, 'go')).rejects.toMatchObject({ code: 'TOOL_DUPLICATE', data: { tool: 'a_search' } })
  })

  test('[T4] that differ only in what a provider cannot read are refused by name', async () => {
    const { source } = memorySource('s', () => [listed('a.b'), listed('a/b')])
    const desk = agent({ name: 'desk', tools: [source] })
    await using app = testing({ flows: [desk], model: scripted(['done']) })
    await expect(app.run(desk, 'go')).rejects.toMatchObject({ code: 'TOOL_DUPLICATE', data: { source: 's', tool: 'a/b', other: 'a.b' } })
  })

  test('[T4] have names of at most 64 characters that stay different when they are cut', () => {
    const long = ['x'.repeat(70), `${'x'.repeat(69)}y`].map((name) => sourcedName('server', name))
    expect(new Set(long).size).toBe(2)
    for (const name of long) expect(name).toMatch(/^server_x+_[\w-]{8}$/)
    expect(long[0]?.length).toBe(64)
    expect(sourcedName('my.server', 'a b')).toBe('my_server_a_b')
  })
})

describe('a source that fails', () => {
  test('[T2] is asked again for its tools, and ends the run with its reason', async () => {
    const { source, opened } = memorySource('s', () => [])
    opened.list.mockRejectedValue(new Error('refused'))
    const desk = agent({ name: 'desk', tools: [source] })
    await using app = testing({ flows: [desk], model: scripted(['done']) })
    const run = await app.start(desk, 'go')
    await vi.waitFor(async () => {
      await app.clock.advance('10s')
      expect(opened.list).toHaveBeenCalledTimes(3)
    })
    await expect(run.result()).rejects.toThrow('refused')
  })
})

describe('what a source says of an outcome', () => {
  test('[T2] is what the model is told: text, failure and files', async () => {
    const file = { type: 'file' as const, mediaType: 'image/png', data: 'aGk=' }
    const shown: SourceBody['shown'] = (_, outcome) => (outcome === 'bad' ? { output: 'it broke', failed: true } : { output: 'a picture', files: [file] })
    const { source } = memorySource(
      's',
      () => [listed('draw')],
      async (_, input) => ((input as { q: string }).q === 'bad' ? 'bad' : 'good'),
      { shown },
    )
    const desk = agent({ name: 'desk', tools: [source] })
    const model = scripted([{ call: 's_draw', input: { q: 'bad' } }, { call: 's_draw', input: { q: 'good' } }, 'done'])
    await using app = testing({ flows: [desk], model })
    await app.run(desk, 'go')
    const results = model.calls[2]?.options.prompt.flatMap(({ role, content }) => (role === 'tool' ? content : []))
    expect(results).toMatchObject([
      { output: { type: 'error-text', value: 'it broke' } },
      {
        output: {
          type: 'content',
          value: [
            { type: 'text', text: 'a picture' },
            { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
          ],
        },
      },
    ])
  })
})

test('[T2] a schema that refers to another place is refused, and nothing is fetched', () => {
  const foreign = { type: 'object', properties: { a: { $ref: 'http://127.0.0.1:1/schema.json' } } }
  expect(() => jsonSchemaAsSchema(foreign, "the tool 'x'")).toThrow(/the schema of the tool 'x' cannot be used/)
})
