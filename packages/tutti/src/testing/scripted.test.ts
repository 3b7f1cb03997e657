import { generateText, jsonSchema, streamText } from 'ai'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { type Entry, memoryStore } from '../journal/index.ts'
import type { RunEvent } from '../run/index.ts'
import { tool } from '../tool/index.ts'
import { startRun } from './driven-run.ts'
import { doneIn, fromEveryPrefix } from './every-prefix.ts'
import { type Scripted, type ScriptedAsk, scripted } from './scripted.ts'
import { testing } from './testing.ts'
import { withModel } from './with-model.ts'

const tools = { find: { description: 'finds', inputSchema: jsonSchema<unknown>({ type: 'object' }) } }

describe('a scripted model', () => {
  test('[D6] answers its turns in order, to a client it has never seen: text, calls, JSON', async () => {
    const model = scripted([
      'Hello.',
      { call: 'find', input: { id: '17' } },
      [
        { call: 'find', input: 1 },
        { call: 'find', input: 2 },
      ],
      { json: { a: 1 } },
    ])
    expect((await generateText({ model, prompt: 'a' })).text).toBe('Hello.')
    expect((await generateText({ model, prompt: 'b', tools })).toolCalls).toMatchObject([{ toolName: 'find', input: { id: '17' } }])
    expect((await generateText({ model, prompt: 'c', tools })).toolCalls).toHaveLength(2)
    expect(await streamText({ model, prompt: 'd' }).text).toBe('{"a":1}')
  })

  test('[D6] keeps what it was asked, tool results included', async () => {
    const model = scripted(['x'])
    const messages = [
      { role: 'user' as const, content: 'where?' },
      { role: 'assistant' as const, content: [{ type: 'tool-call' as const, toolCallId: '1', toolName: 'find', input: {} }] },
      {
        role: 'tool' as const,
        content: [{ type: 'tool-result' as const, toolCallId: '1', toolName: 'find', output: { type: 'json' as const, value: { eta: 'Monday' } } }],
      },
    ]
    await generateText({ model, messages })
    expect(model.calls).toHaveLength(1)
    expect(model.calls[0]?.prompt).toContain('user: where?')
    expect(model.calls[0]?.prompt).toContain('Monday')
  })

  test('[D6] fails as a provider fails: 429 with its wait, 500, a cut stream, malformed output', async () => {
    const model = scripted([{ error: 429 }, { error: 500 }, { error: 'cut' }, { error: 'malformed' }])
    const options = { prompt: [] }
    await expect(model.doGenerate(options)).rejects.toMatchObject({ statusCode: 429, isRetryable: true, responseHeaders: { 'retry-after-ms': '1' } })
    await expect(model.doStream(options)).rejects.toMatchObject({ statusCode: 500 })
    const types: string[] = []
    for await (const part of (await model.doStream(options)).stream) types.push(part.type)
    expect(types).toEqual(['stream-start', 'text-start', 'text-delta', 'text-end'])
    await expect(model.doGenerate(options)).rejects.toMatchObject({ name: 'AI_JSONParseError' })
  })

  test('[D6] a call after the last turn fails the test that made it', async () => {
    await expect(scripted([]).doGenerate({ prompt: [] })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('0 turns') })
  })
})

describe('a turn said in full', () => {
  test('[D6] thinks, says, calls, reports its usage, and takes its time on the clock of the app', async () => {
    const find = tool({ name: 'find', description: 'finds', input: z.object({ id: z.string() }), effect: 'read', execute: () => 'Monday' })
    const made = agent({ name: 'a', tools: [find] })
    const usage = { inputTokens: 100, cacheReadTokens: 60, outputTokens: 30, reasoningTokens: 20 }
    const turn = { think: 'Look it up.', text: 'One moment.', calls: [{ call: 'find', input: { id: '17' } }], usage, latency: '2s' as const }
    await using app = testing({ flows: [made], model: scripted([turn, 'It comes on Monday.']) })
    const handle = await app.start(made, 'when?')
    const events = (async () => {
      const seen: RunEvent[] = []
      for await (const event of handle.events()) seen.push(event)
      return seen
    })()
    await app.clock.advance('1s')
    expect((await Promise.race([handle.result(), Promise.resolve(undefined)])) ?? 'waits').toBe('waits')
    await app.clock.advance('1s')
    expect((await handle.result()).usage).toMatchObject({ inputTokens: expect.any(Number), cacheReadTokens: 60, outputTokens: 30 + 4 })
    const shown = await events
    const text = (type: string) => shown.flatMap((event) => (event.type === type && 'text' in event && event.key === 'a/turn:1' ? [event.text] : [])).join('')
    expect(text('reasoning.delta')).toBe('Look it up.')
    expect(text('text.delta')).toBe('One moment.')
    expect(text('tool.input')).toBe('{"id":"17"}')
    expect(shown.filter(({ type }) => type === 'tool.input').length).toBeGreaterThan(1)
  })
})

describe('a script over a restart', () => {
  const find = tool({ name: 'find', description: 'Finds.', input: z.object({ id: z.string() }), effect: 'read', execute: ({ id }) => `order ${id}` })
  const desk = agent({ name: 'desk', tools: [find] })
  const turns: readonly Scripted[] = [{ call: 'find', input: { id: '17' } }, { call: 'find', input: { id: '18' } }, 'On Monday.']
  const said = (entries: readonly Entry[]): number => doneIn(entries).filter((key) => /turn:\d$/.test(key)).length
  const outcomes = (gone: readonly { readonly outcome: unknown }[]) => new Set(gone.map(({ outcome }) => (outcome as { output?: unknown }).output))

  test('[D6][R2] a function is asked for the turn of the conversation, so a new one in another process goes on where the run is', async () => {
    const said = vi.fn(({ turn }: ScriptedAsk) => turns[turn - 1] as Scripted)
    const { journal } = await startRun(memoryStore(), desk, 'go', withModel(scripted(said)))
    const gone = await fromEveryPrefix(journal, desk, () => withModel(scripted(said)))
    expect(outcomes(gone)).toEqual(new Set(['On Monday.']))
    const ids = (entries: readonly Entry[]) => JSON.stringify(entries).match(/call_\d+_\d+/g)
    for (const { journal: after } of gone) expect(new Set(ids(after.entries))).toEqual(new Set(ids(journal.entries)))
    expect(said.mock.calls.slice(0, 3).map(([{ turn, prompt }]) => [turn, prompt.includes('order 17'), prompt.includes('order 18')])).toEqual([
      [1, false, false],
      [2, true, false],
      [3, true, true],
    ])
  })

  test('[D6][R2] a list made anew begins at its first turn: a second process is given those that are left', async () => {
    const { journal } = await startRun(memoryStore(), desk, 'go', withModel(scripted(turns)))
    const left = await fromEveryPrefix(journal, desk, (entries) => withModel(scripted(turns.slice(said(entries)))))
    expect(outcomes(left)).toEqual(new Set(['On Monday.']))
    const all = await fromEveryPrefix(journal, desk, () => withModel(scripted([...turns.slice(0, 1), 'Again.'])))
    expect(outcomes(all)).toContain('Again.')
  })

  test('[D6] what a function says is checked like the turns of a list', async () => {
    await using app = testing({ flows: [desk], model: scripted((() => ({ txt: 'hi' })) as never) })
    await expect(app.run(desk, 'go')).rejects.toThrow("turn 1 of scripted() has no option 'txt'")
  })
})
