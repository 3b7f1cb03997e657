import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { type ModelLike, retry } from '../model/index.ts'
import { tool } from '../tool/index.ts'
import { cassette, type Scripted, scripted, testing } from './index.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-tape-'))
  path = join(folder, 'tapes/support.tape')
  vi.stubEnv('CI', '')
  vi.stubEnv('TUTTI_LIVE', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** An agent whose tool counts how often it was really called. */
function support(instructions?: string) {
  const calls: string[] = []
  const find = tool({
    name: 'find',
    description: 'Finds an order.',
    input: z.object({ id: z.string() }),
    effect: 'read',
    execute: ({ id }) => {
      calls.push(id)
      if (id === 'none') throw new Error('no such order')
      return { id, due: new Date('2026-03-02'), parts: new Set([1, 2]) }
    },
  })
  return { made: agent({ name: 'support', model: 'openai/gpt-5-mini', instructions, tools: [find] }), calls }
}
const turns: Scripted[] = [{ call: 'find', input: { id: '17' } }, 'It comes on Monday.']
const lines = (): { kind?: string }[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Runs it once; its answer, what the tool was called with, and what the live model was asked. */
async function play(model: ModelLike, prompt = 'Where is order 17?', instructions?: string): Promise<{ output: string; calls: string[] }> {
  const { made, calls } = support(instructions)
  await using app = testing({ flows: [made], model })
  const handle = await app.start(made, prompt)
  // Tools that fail are tried again.
  await app.clock.advance('1m')
  return { output: (await handle.result()).output, calls }
}

describe('a cassette', () => {
  test('[D5] records model and tools once; after that neither is asked again, and the answer is the same', async () => {
    const live = scripted(turns)
    const first = await play(cassette(path, { live }))
    expect(first).toEqual({ output: 'It comes on Monday.', calls: ['17'] })
    expect(lines().map(({ kind }) => kind)).toEqual([undefined, 'model', 'tool', 'model'])
    const text = readFileSync(path, 'utf8')
    for (const again of [cassette(path, { live }), cassette(path), retry(cassette(path), { attempts: 1 })])
      expect(await play(again)).toEqual({ output: 'It comes on Monday.', calls: [] })
    expect(live.calls).toHaveLength(2)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  test('[D5] what a tool gave comes back as it was, dates and sets too, and a failure as the failure it was', async () => {
    const live = scripted([{ call: 'find', input: { id: 'none' } }, 'There is none.'])
    expect((await play(cassette(path, { live }))).calls).toEqual(['none', 'none', 'none'])
    expect(await play(cassette(path))).toEqual({ output: 'There is none.', calls: [] })
    expect(JSON.stringify(lines()[2])).toContain('no such order')
    const due = tool({ name: 'due', description: '', input: z.object({}), effect: 'read', execute: () => ({ at: new Date(0), of: new Set([1]) }) })
    for (const live of [scripted([]), undefined])
      expect(await cassette(join(folder, 'b.tape'), live ? { live } : {})['~tools'](due)?.({}, {} as never)).toEqual({ at: new Date(0), of: new Set([1]) })
  })

  test('[D5] a question that is not on it is refused, and the nearest is named with where it differs', async () => {
    await play(cassette(path, { live: scripted(turns) }), 'Where is order 17?', 'Be kind.')
    const asked = play(cassette(path), 'Where is order 18?', 'Be kind.')
    await expect(asked).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /not on the cassette .*: the nearest is in line 2, which differs at prompt\[1\].content\[0\].text: "Where is order 17\?" there, "Where is order 18\?" here/,
      ),
      hint: expect.stringContaining('live'),
    })
    await expect(play(cassette(join(folder, 'none.tape')))).rejects.toMatchObject({ message: expect.stringContaining('it has no question to a model') })
  })

  test('[D5] where CI is set nothing is asked for real, unless TUTTI_LIVE says so; what is on it is still given', async () => {
    await play(cassette(path, { live: scripted(turns) }))
    vi.stubEnv('CI', 'true')
    const live = scripted(turns)
    expect((await play(cassette(path, { live }))).output).toBe('It comes on Monday.')
    await expect(play(cassette(path, { live }), 'And 18?')).rejects.toMatchObject({ message: expect.stringContaining('where CI is set') })
    expect(live.calls).toHaveLength(0)
    vi.stubEnv('TUTTI_LIVE', '1')
    expect((await play(cassette(path, { live }), 'And 18?')).output).toBe('It comes on Monday.')
    expect(live.calls).toHaveLength(2)
  })

  test('[D5] keys are never on it: those of the environment by their values, others by how they look', async () => {
    const key = 'correct-horse-battery'
    vi.stubEnv('SHOP_API_KEY', key)
    const looks = ['sk-proj-abcdefghijklmnop0123', 'AKIAIOSFODNN7EXAMPLE', 'ghp_abcdefghijklmnopqrst0123']
    const prompt = `Log in with ${key}, ${looks.join(', ')} and Bearer abc.def-ghi`
    const live = scripted([`I used ${key}.`])
    await play(cassette(path, { live }), prompt)
    const text = readFileSync(path, 'utf8')
    for (const secret of [key, ...looks, 'abc.def-ghi']) expect(text).not.toContain(secret)
    expect(text).toContain('I used [SHOP_API_KEY].')
    // The same question is found again, also where the key is another.
    expect((await play(cassette(path), prompt)).output).toBe('I used [SHOP_API_KEY].')
  })

  test('[D5] the same question asked several times has its answers in their order, and then the last one', async () => {
    const options = (text: string) => ({ prompt: [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }] })
    const exchange = (text: string) =>
      JSON.stringify({ kind: 'model', asked: options('again'), told: { content: [{ type: 'text', text }], finishReason: {}, usage: {} } })
    const tape = join(folder, 'twice.tape')
    writeFileSync(tape, ['{"cassette":1,"model":"a/b","spec":"v4"}', exchange('one'), exchange('two'), ''].join('\n'))
    const player = cassette(tape)
    const said: unknown[] = []
    for (let i = 0; i < 3; i++) said.push((await player.doGenerate(options('again'))).content)
    expect(said).toEqual([[{ type: 'text', text: 'one' }], [{ type: 'text', text: 'two' }], [{ type: 'text', text: 'two' }]])
  })

  test('[D5] an answer that was recorded whole can be streamed, and the other way round', async () => {
    const options = { prompt: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'hi' }] }] }
    await cassette(path, { live: scripted(['Hello you there.']) }).doStream(options)
    expect((await cassette(path).doGenerate(options)).content).toEqual([{ type: 'text', text: 'Hello you there.' }])
    const other = join(folder, 'whole.tape')
    await cassette(other, { live: scripted(['Hello you there.']) }).doGenerate(options)
    const types: string[] = []
    for await (const part of (await cassette(other).doStream(options)).stream) types.push(part.type)
    expect(types).toEqual(['stream-start', 'text-start', 'text-delta', 'text-delta', 'text-delta', 'text-end', 'finish'])
  })

  test('[D5] a failure and a stream that was cut are not recorded', async () => {
    for (const error of [500, 'cut'] as const) {
      const live = scripted([{ error }])
      const { made } = support()
      await using app = testing({ flows: [made], model: retry(cassette(path, { live }), { attempts: 1 }) })
      await expect(app.run(made, 'hi')).rejects.toMatchObject({ code: error === 500 ? 'MODEL_OVERLOADED' : 'MODEL_STREAM_CUT' })
      expect(existsSync(path)).toBe(false)
    }
  })

  test('[D5] a file that is no cassette, a list of models, and a tape of another model are refused', async () => {
    const wrong = join(folder, 'wrong.tape')
    writeFileSync(wrong, '{"a":1}\n')
    expect(() => cassette(wrong)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('no cassette') }))
    expect(() => cassette(path, { live: ['openai/a', 'openai/b'] })).toThrow(expect.objectContaining({ message: expect.stringContaining('one model') }))
    await play(cassette(path, { live: scripted(turns) }))
    expect(() => cassette(path, { live: 'openai/gpt-5-mini' })).toThrow(expect.objectContaining({ message: expect.stringContaining('is of scripted/script') }))
  })
})
