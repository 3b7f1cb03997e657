import { describe, expect, test } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { chainOf, emptyChain, extendChain, hashMessage, type Message, pendingCalls, textOf, toMessages } from './index.ts'

const answer = (...parts: Extract<Message, { role: 'assistant' }>['parts']): Message => ({ role: 'assistant', parts })

describe('prompts', () => {
  test('[M1] a text is one message of the user', () => {
    expect(toMessages('hello')).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }])
  })

  test('[M1] our own messages pass through unchanged, malformed calls, failures and the files of a tool included', () => {
    const ours: Message[] = [
      { role: 'system', parts: [{ type: 'text', text: 'be brief' }] },
      { role: 'user', parts: [{ type: 'file', mediaType: 'image/png', data: 'AAAA' }] },
      answer(
        { type: 'reasoning', text: 'hm', provider: { anthropic: { signature: 's' } } },
        { type: 'tool-call', id: '1', tool: 'find', input: {}, malformed: 'not JSON' },
      ),
      { role: 'tool', parts: [{ type: 'tool-result', id: '1', tool: 'find', output: 'no', failed: true }] },
      {
        role: 'tool',
        parts: [{ type: 'tool-result', id: '2', tool: 'draw', output: 'a dot', files: [{ type: 'file', mediaType: 'image/png', data: 'AAAA' }] }],
      },
    ]
    expect(toMessages(ours)).toEqual(ours)
  })

  test('[X1] AI SDK model messages are taken as they are', () => {
    const messages = toMessages([
      { role: 'system', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'see' },
          { type: 'image', image: new Uint8Array([1, 2, 3]), mediaType: 'image/png' },
          { type: 'file', data: new URL('https://a.test/b.pdf'), mediaType: 'application/pdf', filename: 'b.pdf' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'r' },
          { type: 'tool-call', toolCallId: 'c1', toolName: 'find', input: { id: 1, none: undefined } },
        ],
      },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c1', toolName: 'find', output: { type: 'error-text', value: 'gone' } }] },
    ])
    expect(messages).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'be brief' }] },
      {
        role: 'user',
        parts: [
          { type: 'text', text: 'see' },
          { type: 'file', mediaType: 'image/png', data: 'AQID' },
          { type: 'file', mediaType: 'application/pdf', url: 'https://a.test/b.pdf', filename: 'b.pdf' },
        ],
      },
      answer({ type: 'reasoning', text: 'r' }, { type: 'tool-call', id: 'c1', tool: 'find', input: { id: 1 } }),
      { role: 'tool', parts: [{ type: 'tool-result', id: 'c1', tool: 'find', output: 'gone', failed: true }] },
    ])
  })

  test('[X1] a cache mark on a whole model message ends up on its last part', () => {
    const marked = {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } },
    } as const
    expect(toMessages([marked])[0]?.parts).toEqual([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b', provider: { anthropic: { cacheControl: { type: 'ephemeral' } } } },
    ])
  })

  test('[C8] one UI message of several turns becomes calls, their results, and what was said after', () => {
    const ui = {
      id: 'm1',
      role: 'assistant' as const,
      parts: [
        { type: 'step-start' },
        { type: 'text', text: 'looking', state: 'done' },
        { type: 'tool-find', toolCallId: 'c1', state: 'output-available', input: { q: 'x' }, output: { hits: 2 } },
        { type: 'dynamic-tool', toolName: 'mail', toolCallId: 'c2', state: 'output-error', input: {}, errorText: 'refused' },
        { type: 'step-start' },
        { type: 'source-url', sourceId: 's', url: 'https://a.test' },
        { type: 'text', text: 'found two' },
      ],
    }
    expect(toMessages([ui])).toEqual([
      answer(
        { type: 'text', text: 'looking' },
        { type: 'tool-call', id: 'c1', tool: 'find', input: { q: 'x' } },
        { type: 'tool-call', id: 'c2', tool: 'mail', input: {} },
      ),
      {
        role: 'tool',
        parts: [
          { type: 'tool-result', id: 'c1', tool: 'find', output: { hits: 2 } },
          { type: 'tool-result', id: 'c2', tool: 'mail', output: 'refused', failed: true },
        ],
      },
      answer({ type: 'text', text: 'found two' }),
    ])
  })

  test('[C8] a UI tool call with no outcome, or denied, still gets a result; one still being written is no call', () => {
    const parts = [
      { type: 'tool-a', toolCallId: '1', state: 'input-available', input: {} },
      { type: 'tool-b', toolCallId: '2', state: 'approval-responded', input: {}, approval: { id: 'p', approved: false, reason: 'too dear' } },
      { type: 'tool-c', toolCallId: '3', state: 'input-streaming', input: {} },
    ]
    const [said, results] = toMessages([{ id: 'm', role: 'assistant', parts }])
    expect(said?.parts.map((part) => part.type === 'tool-call' && part.tool)).toEqual(['a', 'b'])
    expect(results?.parts).toEqual([
      { type: 'tool-result', id: '1', tool: 'a', output: 'The call has no outcome.', failed: true },
      { type: 'tool-result', id: '2', tool: 'b', output: 'The call was denied: too dear', failed: true },
    ])
  })

  test('[C8] text after a tool result is a turn of its own, marked or not', () => {
    const parts = [
      { type: 'tool-find', toolCallId: 'c1', state: 'output-available', input: {}, output: 1 },
      { type: 'text', text: 'found' },
    ]
    expect(toMessages([{ id: 'm', role: 'assistant', parts }]).map(({ role }) => role)).toEqual(['assistant', 'tool', 'assistant'])
  })

  test('[M11] data URLs are taken apart, other URLs stay', () => {
    const messages = toMessages([
      {
        id: 'u',
        role: 'user',
        parts: [
          { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AQID' },
          { type: 'file', mediaType: 'image/png', url: 'https://a.test/i.png' },
        ],
      },
    ])
    expect(messages[0]?.parts).toEqual([
      { type: 'file', mediaType: 'image/png', data: 'AQID' },
      { type: 'file', mediaType: 'image/png', url: 'https://a.test/i.png' },
    ])
  })

  test('what is no message is refused by its number', () => {
    const wrong = [{ role: 'user', content: 'a' }, { text: 'b' }] as unknown as Parameters<typeof toMessages>[0]
    expect(() => toMessages(wrong)).toThrow(expect.objectContaining({ code: 'RUN_INPUT_INVALID', message: expect.stringContaining('message 1') }))
    try {
      toMessages([{ role: 'user', content: [{ type: 'file', mediaType: 'a/b' }] }])
      expect.unreachable()
    } catch (error) {
      expect(TuttiError.is(error, 'RUN_INPUT_INVALID')).toBe(true)
    }
  })
})

describe('threads', () => {
  const thread = toMessages([
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b' },
    { role: 'user', content: 'c' },
  ])

  test('[R9] appending one message extends the chain from its last link alone', () => {
    expect(extendChain(chainOf(thread.slice(0, 2)), hashMessage(thread[2] as Message))).toBe(chainOf(thread))
    expect(chainOf([])).toBe(emptyChain)
  })

  test('[D3] threads that differ anywhere have different chains, and equal ones the same', () => {
    expect(
      chainOf(
        toMessages([
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
          { role: 'user', content: 'c' },
        ]),
      ),
    ).toBe(chainOf(thread))
    expect(chainOf([...thread].reverse())).not.toBe(chainOf(thread))
    expect(chainOf(thread.slice(1))).not.toBe(chainOf(thread))
  })
})

test('the text of a message leaves out reasoning and tools; calls with their result in the same message are not pending', () => {
  const message = answer(
    { type: 'reasoning', text: 'r' },
    { type: 'text', text: 'a' },
    { type: 'tool-call', id: '1', tool: 'web', input: {} },
    { type: 'tool-result', id: '1', tool: 'web', output: 'x' },
    { type: 'tool-call', id: '2', tool: 'find', input: {} },
    { type: 'text', text: 'b' },
  )
  expect(textOf(message)).toBe('ab')
  expect(pendingCalls(message).map(({ id }) => id)).toEqual(['2'])
})
