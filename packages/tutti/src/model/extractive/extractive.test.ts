import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { chainOf, type Message, toMessages, userText } from '../../message/index.ts'
import { type JsonSchema, jsonSchemaOf } from '../../primitives/index.ts'
import { candidateOf } from '../language-model.ts'
import type { ModelRequest, RawAnswer, TextEmbedder } from '../model.port.ts'
import { extractive } from './extractive.ts'
import { bestQuotes } from './quote.ts'
import { sentencesOf } from './sentence.ts'

const handbook = 'Parcels leave our house within two days. Dr. Weber checks each of them. A return is free for 30 days.\nRefunds reach your account in a week.'
const passages = [
  { text: handbook, source: 'handbook/shipping.md', start: 400, end: 400 + handbook.length, score: 0.9 },
  { text: 'The office is in Lisbon. It opens at nine.', source: 'handbook/office.md', start: 0, end: 42, score: 0.2 },
]
const search = {
  name: 'search_handbook',
  description: 'Searches.',
  inputSchema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
}
const cited: JsonSchema = jsonSchemaOf(z.object({ text: z.string(), citations: z.array(z.object({ quote: z.string(), source: z.string() })) }), 'output')

async function ask(messages: readonly Message[] | string, more: Partial<ModelRequest> = {}, embedder?: TextEmbedder): Promise<RawAnswer> {
  const thread = typeof messages === 'string' ? toMessages(messages) : messages
  const request = { messages: thread, thread: { at: thread.length, chain: chainOf(thread) }, ...more }
  const context = { signal: new AbortController().signal, maxOutputTokens: 1_000, show: () => {}, alive: () => {} }
  const answer = await candidateOf(extractive({ embedder }), { price: undefined }).stream(request, context)
  if ('error' in answer) throw answer.error
  return answer
}

const found = (question: string, output: unknown = passages): Message[] => [
  userText(question),
  { role: 'assistant', parts: [{ type: 'tool-call', id: 's', tool: search.name, input: { query: question } }] },
  { role: 'tool', parts: [{ type: 'tool-result', id: 's', tool: search.name, output: output as never }] },
]
const textIn = ({ message }: RawAnswer): string => (message.parts[0]?.type === 'text' ? message.parts[0].text : '')
const filled = async (schema: z.ZodType, text: string, more: Partial<ModelRequest> = {}, embedder?: TextEmbedder): Promise<unknown> =>
  JSON.parse(textIn(await ask(text, { ...more, output: { name: 'o', schema: jsonSchemaOf(schema as never, 'output') } }, embedder)))

/** Two texts are alike as far as they share letters: enough to see that meaning is asked. */
const letters: TextEmbedder = {
  embed: async (texts) => texts.map((text) => Float32Array.from('abcdefghijklmnopqrstuvwxyz', (letter) => text.toLowerCase().split(letter).length - 1)),
}

describe('the answerer without a language model', () => {
  test('[G5] first searches with the question, once for each question', async () => {
    const [call] = (await ask('When do parcels leave?', { tools: [search] })).message.parts
    expect(call).toMatchObject({ type: 'tool-call', tool: 'search_handbook', input: { query: 'When do parcels leave?' } })
    expect((await ask(found('When do parcels leave?'), { tools: [search] })).finish).toBe('stop')
    expect((await ask([...found('When do parcels leave?'), userText('And where is the office?')], { tools: [search] })).message.parts[0]).toMatchObject({
      input: { query: 'And where is the office?' },
    })
  })

  test('[G5] quotes the sentence that answers, with its source', async () => {
    expect(textIn(await ask(found('How many days until parcels leave?')))).toBe('“Parcels leave our house within two days.” (handbook/shipping.md)')
    expect(textIn(await ask(found('Where is the office?')))).toContain('“The office is in Lisbon.” (handbook/office.md)')
  })

  test('[G5] answers the cited schema with quotes that are slices of their passages', async () => {
    const answer = JSON.parse(textIn(await ask(found('How many days until parcels leave?'), { output: { name: 'cited', schema: cited } })))
    expect(answer).toEqual({
      text: 'Parcels leave our house within two days.',
      citations: [{ quote: 'Parcels leave our house within two days.', source: 'handbook/shipping.md' }],
    })
  })

  test('[G5] offsets are those of the source, and neighbours are one quote', async () => {
    const quotes = await bestQuotes('Which refunds and returns reach my account, and are they free for 30 days?', passages)
    for (const { quote, start, end } of quotes) expect(handbook.slice(start - 400, end - 400)).toBe(quote)
    expect(quotes[0]?.quote).toBe('A return is free for 30 days.\nRefunds reach your account in a week.')
  })

  test('[G5] refuses when the sources have nothing to do with the question, or there are none', async () => {
    await expect(ask(found('Why do volcanoes erupt?'))).rejects.toMatchObject({
      code: 'MODEL_NO_ANSWER',
      message: expect.stringContaining('it does not write'),
    })
    await expect(ask(found('When do parcels leave?', []))).rejects.toMatchObject({
      code: 'MODEL_NO_ANSWER',
      message: expect.stringContaining('the search found nothing'),
    })
    await expect(ask('Write me a poem.')).rejects.toMatchObject({ code: 'MODEL_NO_ANSWER', hint: expect.stringContaining('ANTHROPIC_API_KEY') })
  })

  test('[G5] reads passages wherever they lie in a result, and plain text; a failed search holds none', async () => {
    expect(textIn(await ask(found('Where is the office?', { hits: { results: passages } })))).toContain('Lisbon')
    expect(textIn(await ask(found('Where is the office?', 'The office is in Lisbon.')))).toBe('“The office is in Lisbon.” (search_handbook)')
    const failed = found('Where is the office?').with(2, {
      role: 'tool',
      parts: [{ type: 'tool-result', id: 's', tool: search.name, output: 'The office is shut.', failed: true }],
    })
    await expect(ask(failed)).rejects.toMatchObject({ code: 'MODEL_NO_ANSWER' })
  })

  test('[M11] refuses a file instead of passing it over', async () => {
    await expect(
      ask([
        {
          role: 'user',
          parts: [
            { type: 'text', text: 'what is this?' },
            { type: 'file', mediaType: 'image/png', data: 'AA' },
          ],
        },
      ]),
    ).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })

  test('a repair is refused at once: the answer would be the same', async () => {
    await expect(ask('Your answer was not accepted: text: too short', { tools: [search] })).rejects.toMatchObject({ code: 'MODEL_NO_ANSWER' })
  })
})

describe('choices and fields without a language model', () => {
  const Triage = z.object({ topic: z.enum(['order', 'other']), question: z.string() })

  test('[M3] a choice is picked by its words, and the question is copied', async () => {
    expect(await filled(Triage, 'Where is my order 17?')).toEqual({ topic: 'order', question: 'Where is my order 17?' })
    expect(await filled(Triage, 'What is the weather?')).toEqual({ topic: 'other', question: 'What is the weather?' })
  })

  test('[M3] instructions and descriptions say what a choice is about', async () => {
    const Topic = z.object({ topic: z.enum(['billing', 'shipping']) })
    expect(await filled(Topic, 'My parcel has not come', { system: 'billing: invoices and cards.\nshipping: parcels and couriers.' })).toEqual({
      topic: 'shipping',
    })
    const Described = z.object({ topic: z.enum(['billing', 'shipping']).describe('billing: invoices and cards; shipping: parcels and couriers') })
    expect(await filled(Described, 'My card was charged twice')).toEqual({ topic: 'billing' })
  })

  test('[M3] meaning decides where words do not', async () => {
    const Topic = z.object({ topic: z.enum(['zzyzx', 'banana']) })
    await expect(filled(Topic, 'an abandoned nanna')).rejects.toMatchObject({ code: 'MODEL_NO_ANSWER' })
    expect(await filled(Topic, 'an abandoned nanna', {}, letters)).toEqual({ topic: 'banana' })
  })

  test('[M6] a choice may be the whole schema', async () => {
    expect(await filled(z.enum(['refund', 'repair']), 'I want a refund')).toBe('refund')
  })

  test('[M6] numbers and dates are taken when they stand in the text, once', async () => {
    expect(await filled(z.object({ order: z.int(), on: z.iso.date() }), 'order 17 of 2026-03-04', {})).toEqual({ order: 17, on: '2026-03-04' })
    expect(await filled(z.object({ price: z.number() }), 'it cost 12.50 euro')).toEqual({ price: 12.5 })
    await expect(filled(z.object({ order: z.int() }), 'either 17 or 18')).rejects.toMatchObject({
      code: 'MODEL_NO_ANSWER',
      message: expect.stringContaining('more than one'),
    })
    await expect(filled(z.object({ order: z.int() }), 'no number')).rejects.toMatchObject({ code: 'MODEL_NO_ANSWER' })
  })

  test('[M6] what would have to be made up is refused when it is required, and left out when it is not', async () => {
    await expect(filled(z.object({ topic: z.enum(['order', 'other']), summary: z.string() }), 'my order')).rejects.toMatchObject({
      message: expect.stringContaining("'summary'"),
    })
    expect(await filled(z.object({ topic: z.enum(['order', 'other']), summary: z.string().optional(), score: z.number().nullable() }), 'my order')).toEqual({
      topic: 'order',
      score: null,
    })
  })
})

describe('sentences', () => {
  test('[G3] are exact slices, and do not end at an abbreviation or at a line that goes on', () => {
    const text = 'See Fig. 3 by Dr. Weber.  It is\nlong! "Yes."\n\nA heading\n\nThe end'
    const found = sentencesOf(text)
    expect(found.map((sentence) => sentence.text)).toEqual(['See Fig. 3 by Dr. Weber.', 'It is\nlong!', '"Yes."', 'A heading', 'The end'])
    for (const { text: sentence, start } of found) expect(text.slice(start, start + sentence.length)).toBe(sentence)
  })

  test('[G3] of Markdown are its items, its headings and its whole blocks of code', () => {
    const text = '# Options\n\n- one item\n- [Another](#another)\n\nCall it so:\n\n```js\na()\n\nb()\n```\nDone.'
    expect(sentencesOf(text).map(({ kind, text: sentence }) => [kind, sentence])).toEqual([
      ['heading', '# Options'],
      ['prose', '- one item'],
      ['links', '- [Another](#another)'],
      ['prose', 'Call it so:'],
      ['code', '```js\na()\n\nb()\n```'],
      ['prose', 'Done.'],
    ])
  })
})

describe('quotes', () => {
  test('[G5] a table of contents is not quoted where the text it points to is found, and the code beside a sentence comes with it', async () => {
    const contents = '- [Required option](#required-option)\n- [Variadic option](#variadic-option)'
    const section = 'You may specify a required option using `.requiredOption()`.\n\n```js\nprogram.requiredOption("-c")\n```'
    const passages = [contents, section].map((text, i) => ({ text, source: `${i}.md`, start: 0 }))
    const [first] = await bestQuotes('How do I declare a required option?', passages)
    expect(first).toEqual({ quote: section, source: '1.md', start: 0, end: section.length })
  })
})
