import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base'
import { encodeChat } from 'gpt-tokenizer/model/gpt-4o'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Budget } from '../budget/index.ts'
import { scripted } from '../testing/scripted.ts'
import { byBytes } from './estimate.ts'
import type { InputCount, ModelLike } from './model.port.ts'
import { ask, request, type Told } from './one-question.ts'
import { isElsewhere } from './resolve.ts'
import { checkTokenizer, encodingOf, type TokenizerChoice, Tokenizers } from './tokenizer.ts'

const here = import.meta.dirname
const plain = { disallowedSpecial: new Set<string>() }
const countOf = async (id: string, choice: TokenizerChoice = 'auto', find?: ConstructorParameters<typeof Tokenizers>[2]): Promise<InputCount> =>
  (await new Tokenizers(choice, here, find).countOf(id, false)?.()) ?? byBytes
/** What is counted of a text alone: the frame of an empty message is left out. */
const textOnly = (count: InputCount, text: string): number => count.of(request(text)) - count.of(request(''))
const english = 'The order was sent on Monday, and should be with you by the end of the week. '

describe('which tokenizer counts', () => {
  test('[B1] only what OpenAI has named counts by an encoding; what it has not, and what reads more than is sent, counts by bytes', () => {
    const known = { 'openai/gpt-5-mini': 'o200k_base', 'openai/gpt-4o-2024-08-06': 'o200k_base', 'openai/ft:gpt-4.1-mini:acme::1': 'o200k_base' } as const
    for (const [id, name] of Object.entries({
      ...known,
      'openai/o3': 'o200k_base',
      'openai/gpt-4': 'cl100k_base',
      'openai/gpt-4-turbo-2024-04-09': 'cl100k_base',
    }))
      expect([id, encodingOf(id)]).toEqual([id, name])
    const unknown = ['openai/gpt-5.4', 'openai/gpt-6', 'openai/gpt-4o-search-preview', 'openai/gpt-4o-audio-preview', 'openai/o3-deep-research']
    for (const id of [...unknown, 'azure/gpt-4o', 'anthropic/claude-haiku-4-5', 'ollama/gpt-5', 'openai/gpt-oss-20b'])
      expect([id, encodingOf(id)]).toEqual([id, undefined])
  })

  test('[B1] whoever is asked at another address than OpenAI is counted by bytes', () => {
    const isThere = isElsewhere('openai/gpt-4o', { OPENAI_BASE_URL: 'http://127.0.0.1:1' })
    expect(isThere).toBe(true)
    expect(new Tokenizers('auto', here).countOf('openai/gpt-4o', isThere)).toBeUndefined()
    expect(isElsewhere('openai/gpt-4o', {})).toBe(false)
  })

  test('[B1] without the package, or with one that counts otherwise, `auto` keeps to bytes; an encoding that somebody vouches for is refused, and says what to do', async () => {
    const missing = async () => undefined
    const wrong = async () => ({ countTokens: () => 3 })
    for (const find of [missing, wrong]) expect((await countOf('openai/gpt-4o', 'auto', find)).name).toBe('bytes')
    const vouched = { 'azure/mine': 'o200k_base', 'openai/gpt-4o': 'bytes' } as const
    await expect(countOf('azure/mine', vouched, missing)).rejects.toMatchObject({ code: 'CONFIG_PACKAGE_MISSING', hint: 'npm install gpt-tokenizer' })
    await expect(countOf('azure/mine', vouched, wrong)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining("'hello world' as 3"),
    })
    expect((await countOf('azure/mine', vouched)).name).toBe('o200k_base')
    expect((await countOf('openai/gpt-4o', vouched)).name).toBe('bytes')
    expect((await countOf('openai/gpt-4o', 'bytes')).name).toBe('bytes')
    expect(() => checkTokenizer('o200k' as TokenizerChoice)).toThrow("the tokenizer is 'o200k'")
    expect(() => checkTokenizer({ 'azure/mine': 'p50k' as 'bytes' })).toThrow("'p50k' for 'azure/mine'")
  })
})

describe('what an encoding counts', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom('<|endoftext|>', '<|im_start|>', "don't ", '\n\n  ', '漢字かな', '🙂‍↔️', 'ß', '12345', '\ud800', english),
    fc.tuple(fc.constantFrom('a', 'ำ', '=', ' ', '\n', '漢', 'É'), fc.integer({ min: 1, max: 200 })).map(([of, times]) => of.repeat(times)),
  )
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))

  test.each([
    ['openai/gpt-5-mini', o200k],
    ['openai/gpt-4', cl100k],
  ] as const)(
    '[B1] of %s a text is never held below its tokens, whatever it says, nor above its bytes and a few for each run that is not cut',
    async (id, exact) => {
      const count = await countOf(id)
      fc.assert(
        fc.property(text, (said) => {
          const [tokens, held] = [exact(said, plain), textOnly(count, said)]
          const runs = said.length / 64
          return held >= tokens && held <= Buffer.byteLength(said) + 16 * Math.ceil(runs)
        }),
        { numRuns: 300 },
      )
      expect(textOnly(count, english.repeat(20))).toBe(exact(english.repeat(20), plain))
    },
  )

  test('[B1] a conversation with instructions, tools and a schema is held above what its chat format makes of it', async () => {
    const count = await countOf('openai/gpt-4o')
    const tools = Array.from({ length: 5 }, (_, n) => ({
      name: `find_${n}`,
      description: `${english}漢字`,
      inputSchema: { type: 'object', properties: { id: { type: 'string', description: english, enum: ['a', 'b'] } }, required: ['id'] },
    }))
    const output = { name: 'answer', schema: { type: 'object', properties: { text: { type: 'string', description: 'ß'.repeat(50) } } } }
    const chat = [
      { role: 'system', content: english.repeat(10) },
      { role: 'user', content: 'Where is it?' },
    ] as const
    const asked = request('Where is it?', { system: english.repeat(10), tools, output })
    // Indented, and with what is not ASCII escaped: the longest that a provider may make of it.
    const written = (value: unknown): number => o200k(JSON.stringify(value, undefined, 2).replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`))
    const made = encodeChat([...chat]).length + written(tools) + written(output)
    expect(count.of(asked)).toBeGreaterThan(made)
    expect(count.of(asked)).toBeLessThanOrEqual(byBytes.of(asked))
  })

  test('[B1] a message with reasoning keeps its bytes: what its provider puts back in its place is not seen', async () => {
    const count = await countOf('openai/gpt-5')
    const parts = [
      { type: 'reasoning', text: english, provider: { openai: { itemId: 'rs_1' } } },
      { type: 'text', text: english },
    ]
    const thought = request([{ role: 'assistant', parts }] as unknown as string)
    expect(count.of(thought)).toBe(byBytes.of(thought))
  })

  test('[B1] the time to count grows with the length of a text and no faster, whatever it says', async () => {
    const count = await countOf('openai/gpt-5')
    const begun = process.cpuUsage()
    for (const of of ['a', '=', ' ', '漢', 'ab ', '9']) expect(textOnly(count, of.repeat(100_000))).toBeGreaterThan(0)
    const { user, system } = process.cpuUsage(begun)
    // Where it grows with the square, one of these takes minutes.
    expect((user + system) / 1_000).toBeLessThan(5_000)
  })
})

describe('under a budget', () => {
  const long = request(english.repeat(500), { settings: { maxOutputTokens: 100 } })
  const model = (): ModelLike => ({ ...scripted(['Yes.'], { id: 'gpt-5-mini' }), provider: 'openai' })
  const asked = (budget: Budget | undefined, tokenizer?: TokenizerChoice): Promise<Told> =>
    ask({ model: model(), request: long }, { ...(budget ? { budget } : {}), gateway: { tokenizer } })
  const started = ({ entries }: Told) => entries.find((entry) => entry.type === 'step.started')

  test('[B1] what is held is what the tokenizer counts and a little, and the journal says what counted it', async () => {
    const entry = started(await asked({ usd: 1 }, 'auto'))
    const tokens = o200k(english.repeat(500))
    expect(entry).toMatchObject({ label: { counted: 'o200k_base' }, hold: { inputTokens: tokens + 96, outputTokens: 100 } })
    const bytes = started(await asked({ usd: 1 }, 'bytes'))
    expect(bytes).toMatchObject({ label: { counted: 'bytes' }, hold: { inputTokens: Buffer.byteLength(english) * 500 + 96 } })
  })

  test('[B1] a refusal says that a tokenizer would have counted less, where one could and is not there', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'tutti-tokenizer-'))
    onTestFinished(() => rmSync(cwd, { recursive: true }))
    // A package of that name that cannot count stands for none: what lies beside tutti would be found otherwise.
    const home = join(cwd, 'node_modules', 'gpt-tokenizer')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'package.json'), '{"type":"module","exports":{"./*":"./none.js"}}')
    writeFileSync(join(home, 'none.js'), 'export const other = 1')
    const refused = async (tokenizer: TokenizerChoice, budget: Budget) =>
      (await ask({ model: model(), request: long }, { budget, gateway: { tokenizer, cwd } })).error
    expect(await refused('auto', { inputTokens: 20_000 })).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      hint: expect.stringContaining('npm install gpt-tokenizer'),
    })
    for (const told of [await refused('bytes', { inputTokens: 20_000 }), await refused('auto', { modelCalls: 0 })]) {
      expect(told?.code).toBe('BUDGET_EXCEEDED')
      expect(told?.hint).not.toContain('gpt-tokenizer')
    }
  })

  test('[B1] a question that its bytes would not let through goes through; where nothing is limited no tokenizer is asked', async () => {
    expect((await asked({ inputTokens: 20_000 }, 'bytes')).error?.code).toBe('BUDGET_EXCEEDED')
    const through = await asked({ inputTokens: 20_000 }, 'auto')
    expect(through.answer?.finish).toBe('stop')
    for (const budget of [undefined, { modelCalls: 3 }]) expect(started(await asked(budget, 'auto'))).toMatchObject({ label: { counted: 'bytes' } })
  })
})
