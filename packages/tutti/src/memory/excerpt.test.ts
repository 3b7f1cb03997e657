import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Message, textOf, userText } from '../message/index.ts'
import { Excerpt } from './excerpt.ts'
import type { History } from './history.port.ts'
import type { MemoryPlan } from './memory.port.ts'
import { bytesOf, Gauge } from './size.ts'
import { transcriptOf } from './transcript.ts'

/** A conversation that grows, or is begun anew. */
class Talk implements History {
  messages: Message[]
  began: { readonly count: number; readonly times: number }
  thread = { at: 0, chain: '' }
  constructor(messages: readonly Message[]) {
    this.messages = [...messages]
    this.began = { count: messages.length, times: 0 }
  }
  add(...messages: readonly Message[]): void {
    this.messages.push(...messages)
  }
  restart(messages: readonly Message[]): void {
    this.messages = [...messages]
    this.began = { count: messages.length, times: this.began.times + 1 }
  }
}

let ids = 0
/** A turn with calls beside one another, and what became of them. */
function turn(results: readonly number[]): readonly Message[] {
  const calls = results.map(() => ({ type: 'tool-call' as const, id: `c${++ids}`, tool: 'find', input: { q: ids } }))
  return [
    { role: 'assistant', parts: calls },
    { role: 'tool', parts: calls.map(({ id, tool }, i) => ({ type: 'tool-result', id, tool, output: 'r'.repeat(results[i] as number) })) },
  ]
}
const said = (text: string): Message => ({ role: 'assistant', parts: [{ type: 'text', text }] })
const ruled = (text: string): Message => ({ role: 'system', parts: [{ type: 'text', text }] })

const plan = (window: number, summarize?: MemoryPlan['summarize']): MemoryPlan => ({ window, summarize })
const callsIn = (messages: readonly Message[]): readonly string[] =>
  messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'tool-call' ? [part.id] : [])))
const toldIn = (messages: readonly Message[]): readonly string[] =>
  messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'tool-result' ? [part.id] : [])))
const heads = (messages: readonly Message[]): readonly string[] => messages.map((message) => JSON.stringify(message).slice(0, 120))

const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 3 }).map(turn) },
  fc.string({ maxLength: 300 }).map((text) => [userText(`u${text}`)]),
  fc.string({ maxLength: 300 }).map((text) => [said(`a${text}`)]),
  fc.constant([ruled('a rule inside the conversation')]),
)

/** @returns whether the window could be held, and was */
function checkShown(talk: Talk, excerpt: Excerpt, task: Message, window: number, summarize: MemoryPlan['summarize']): boolean {
  const shown = excerpt.messages
  const left = Number(/\[(\d+) earlier/.exec(shown.map(textOf).join())?.[1] ?? 0)
  const isRule = ({ role }: Message): boolean => role === 'system'
  expect(left + shown.length - (left > 0 ? 1 : 0)).toBe(talk.messages.length)
  expect(toldIn(shown)).toEqual(callsIn(shown))
  expect(shown.filter((message) => message === task)).toHaveLength(1)
  expect(shown.filter(isRule)).toHaveLength(talk.messages.filter(isRule).length)
  expect(excerpt.bytes).toBe(shown.reduce((sum, message) => sum + bytesOf(message), 0))
  const newest = talk.messages.slice(talk.messages.findLastIndex(({ role }) => role === 'assistant'))
  expect(shown.slice(-newest.length).every((message, i) => message === newest[i])).toBe(true)
  const must = [...talk.messages.filter((message) => message === task || isRule(message)), ...newest].reduce((sum, message) => sum + bytesOf(message), 0)
  const standing = 160 + (summarize ? excerpt.gauge.bytes(window / 4) : 0)
  if (excerpt.gauge.tokens(must + standing) > window) return false
  expect(excerpt.isFull).toBe(false)
  return true
}

describe('an excerpt', () => {
  test('[K2] whatever is said: a call and its results leave together, the task and rules stay, what came last stays, the window holds where it can, and every message is shown or counted', () => {
    const seen = { compactions: 0, tight: 0 }
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.constantFrom(undefined, 'rolling' as const),
        (steps, window, summarize) => {
          const task = userText('TASK')
          const talk = new Talk([userText('before'), said('before'), task])
          const excerpt = new Excerpt(plan(window, summarize), talk)
          for (const messages of steps) {
            talk.add(...messages)
            const chosen = excerpt.isFull ? excerpt.choose() : undefined
            if (chosen) {
              seen.compactions++
              const leaving = excerpt.stretches(chosen).flat()
              expect(leaving).toHaveLength(chosen.left)
              expect(toldIn(leaving)).toEqual(callsIn(leaving))
              expect(leaving).not.toContain(task)
              excerpt.leave(chosen, summarize ? [{ level: 1, text: 'short' }] : [])
            }
            if (checkShown(talk, excerpt, task, window, summarize)) seen.tight++
          }
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 100) },
    )
    expect(Math.min(seen.compactions, seen.tight)).toBeGreaterThan(100)
  })

  test('[K2] compaction cuts down to about half of the window, so that the next is far off; in between the excerpt only grows', () => {
    const talk = new Talk([userText('TASK')])
    const excerpt = new Excerpt(plan(10_000), talk)
    let [before, compactions] = [heads([]), 0]
    for (let n = 0; n < 200; n++) {
      talk.add(...turn([1_000]))
      const chosen = excerpt.isFull ? excerpt.choose() : undefined
      if (chosen) {
        compactions++
        expect(chosen.keptTokens).toBeGreaterThan(4_400)
        expect(chosen.keptTokens).toBeLessThanOrEqual(5_000)
        excerpt.leave(chosen, [])
      } else expect(heads(excerpt.messages).slice(0, before.length)).toEqual(before)
      before = heads(excerpt.messages)
    }
    expect(compactions).toBeGreaterThan(5)
    expect(compactions).toBeLessThan(14)
  })

  test('[K2] where what must stay is longer than the window, little that came since is not compacted at every turn', () => {
    const talk = new Talk([userText('T'.repeat(10_000))])
    const excerpt = new Excerpt(plan(1_000), talk)
    let compactions = 0
    for (let n = 0; n < 30; n++) {
      talk.add(...turn([100]))
      const chosen = excerpt.choose()
      if (!chosen) continue
      compactions++
      excerpt.leave(chosen, [])
    }
    expect(compactions).toBeGreaterThan(2)
    expect(compactions).toBeLessThan(10)
  })

  test('[K2] a conversation that was long from the start leaves in stretches that a model can be shown', () => {
    const old = Array.from({ length: 50 }, (_, i) => [userText(`question ${i} ${'q'.repeat(500)}`), said(`answer ${i}`)]).flat()
    const talk = new Talk([...old, userText('TASK')])
    const excerpt = new Excerpt(plan(1_000, 'rolling'), talk)
    const chosen = excerpt.choose()
    if (!chosen) throw new Error('nothing left')
    const stretches = excerpt.stretches(chosen)
    expect(stretches.length).toBeGreaterThan(5)
    for (const stretch of stretches) expect(stretch.reduce((sum, message) => sum + bytesOf(message), 0)).toBeLessThanOrEqual(3_500)
    expect(stretches.flat()).toEqual(old.slice(0, stretches.flat().length))
  })

  test('[K2] a conversation that a hook wrote anew is shown as it is, and its task still stays', () => {
    const talk = new Talk([userText('TASK')])
    const excerpt = new Excerpt(plan(500), talk)
    talk.add(...turn([1_000]), ...turn([1_000]))
    const chosen = excerpt.choose()
    if (chosen) excerpt.leave(chosen, [])
    talk.restart([userText('note'), userText('TASK'), ...turn([10])])
    expect(excerpt.messages).toEqual(talk.messages)
    talk.add(...turn([2_000]), ...turn([100]))
    const again = excerpt.choose()
    if (!again) throw new Error('nothing left')
    excerpt.leave(again, [])
    expect(JSON.stringify(excerpt.messages.slice(0, 2))).toMatch(/TASK.*5 earlier messages/s)
  })

  test('[K2] a fork that says what leaves cannot take a call from its result, nor what came last', () => {
    const talk = new Talk([userText('TASK')])
    const excerpt = new Excerpt(plan(100), talk)
    talk.add(...turn([1_000]), ...turn([1_000]))
    const chosen = excerpt.choose()
    if (!chosen) throw new Error('nothing left')
    expect(() => excerpt.leave({ ...chosen, before: 2 }, [])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => excerpt.leave({ ...chosen, before: 5 }, [])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => excerpt.leave(chosen, [])).not.toThrow()
  })
})

describe('tokens', () => {
  test('[K2] are estimated from bytes until a provider has reported, and learned from what two of its reports differ in, whatever instructions and tools weigh', () => {
    const gauge = new Gauge()
    expect(gauge.tokens(3_500)).toBe(1_000)
    const others = 7_000
    gauge.report('m 5', others + 1_000 / 2, 1_000)
    expect(gauge.tokens(3_500)).toBe(1_000)
    gauge.report('m 5', others + 9_000 / 2, 9_000)
    expect(gauge.tokens(3_500)).toBe(1_750)
  })

  test('[K2] are not learned from what is no count of them: none reported, another model or other tools, nothing new said, more or fewer than any text has', () => {
    const gauge = new Gauge()
    gauge.report('m 5', 1_000, 1_000)
    for (const [of, tokens, bytes] of [
      ['m 5', undefined, 9_000],
      ['m 5', Number.NaN, 9_000],
      ['m 5', 1_400, 2_000],
      ['m 5', 1_001, 90_000],
      ['m 5', 90_000, 9_000],
      ['m 6', 9_000, 9_000],
    ] as const)
      gauge.report(of, tokens, bytes)
    expect(gauge.tokens(3_500)).toBe(1_000)
  })
})

describe.each([
  ['English', 'The parcel left our house on Friday and arrives on Monday, unless the road over the pass is closed again. '],
  ['Chinese', '包裹星期五离开我们的仓库，除非山口的道路再次关闭，否则星期一送达。'],
  ['rows of JSON', '{"id":"8f3a-77","at":"2026-03-01T10:00:00Z","amount":1299,"state":"shipped"},'],
])('%s, counted by o200k_base as a provider would', (_, text) => {
  test('[K2] keeps to its window in tokens within a twentieth, whatever instructions and tools weigh', async () => {
    const { encode } = await import('gpt-tokenizer/encoding/o200k_base')
    const tokensOf = (messages: readonly Message[]): number => messages.reduce((sum, message) => sum + encode(transcriptOf([message])).length + 4, 0)
    const talk = new Talk([userText('Where is it?')])
    const excerpt = new Excerpt(plan(6_000), talk)
    let [compactions, most] = [0, 0]
    for (let n = 1; n <= 60; n++) {
      const chosen = excerpt.isFull ? excerpt.choose() : undefined
      if (chosen) {
        compactions++
        excerpt.leave(chosen, [])
      }
      const tokens = tokensOf(excerpt.messages)
      most = Math.max(most, tokens)
      expect(tokens).toBeLessThan(6_000 * 1.05)
      excerpt.learn({ model: { id: 'a/b' }, usage: { inputTokens: tokens + 3_000 } }, 5)
      talk.add(
        ...turn([0]).map(
          (message): Message =>
            message.role === 'tool' ? { role: 'tool', parts: message.parts.map((part) => ({ ...part, output: text.repeat(15) })) } : message,
        ),
      )
    }
    expect(compactions).toBeGreaterThan(1)
    expect(most).toBeGreaterThan(5_000)
  })
})
