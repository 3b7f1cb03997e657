import { describe, expect, test } from 'vitest'
import { type Message, textOf, userText } from '../message/index.ts'
import { Gauge } from './size.ts'
import { type Summary, type SummaryAnswer, type SummaryGround, type SummaryQuestion, summaries } from './summary.ts'
import { transcriptOf } from './transcript.ts'

const ground = (summarize: SummaryGround['summarize'], window = 24_000): SummaryGround => ({
  agent: 'desk',
  task: undefined,
  summarize,
  window,
  gauge: new Gauge(),
})
const stop = (text: string): SummaryAnswer => ({ text, finish: 'stop' })

/** Answers what it is asked, by a function of the question. */
function drive(
  standing: readonly Summary[],
  stretches: readonly (readonly Message[])[],
  o: SummaryGround,
  answer: (question: string, nth: number) => SummaryAnswer,
) {
  const asked: string[] = []
  const asking = summaries(standing, stretches, o)
  for (let step = asking.next(); ; step = asking.next(answer(asked.at(-1) as string, asked.length))) {
    if (step.done) return { asked, standing: step.value }
    asked.push(step.value.messages.map(textOf).join('\n---\n'))
  }
}
const noted = (question: string): SummaryAnswer => stop((question.match(/\bm\d+\b/g) ?? []).join(' '))
const stretch = (n: number) => [userText(`m${n}`)]

describe('summaries', () => {
  test('[K2] rolling: one stands, made of the one before and of each stretch in turn', () => {
    const { asked, standing } = drive([{ level: 1, text: 'm0' }], [stretch(1), stretch(2)], ground('rolling'), noted)
    expect(asked).toHaveLength(2)
    expect(asked[0]).toMatch(/<summary>\nm0\n<\/summary>\n\n<conversation>\nuser: m1\n<\/conversation>/)
    expect(standing).toEqual([{ level: 1, text: 'm0 m1 m2' }])
  })

  test('[K2] what is summarized stands before the question, so that a cache that compares questions by meaning takes no conversation for another', () => {
    const asking = summaries([{ level: 1, text: 'm0' }], [stretch(1)], ground('rolling'))
    const { messages } = asking.next().value as SummaryQuestion
    expect(textOf(messages.at(-1) as Message)).not.toMatch(/m0|m1/)
    expect(messages.slice(0, -1).map(textOf).join()).toMatch(/m0.*m1/s)
  })

  test('[K2] hierarchical: four of a level become one of the next; all that was summarized stands, once, in order', () => {
    let standing: readonly Summary[] = []
    for (let n = 0; n < 40; n++) {
      standing = drive(standing, [stretch(n)], ground('hierarchical'), noted).standing
      expect(standing.map(({ text }) => text).join(' ')).toBe(Array.from({ length: n + 1 }, (_, i) => `m${i}`).join(' '))
      const levels = standing.map(({ level }) => level)
      expect(levels).toEqual(levels.toSorted((a, b) => b - a))
      for (const level of new Set(levels)) expect(levels.filter((each) => each === level).length).toBeLessThan(4)
    }
    expect(standing[0]?.level).toBe(3)
  })

  test('[K2] hierarchical: summaries that are too long together become one before there are four', () => {
    const long = (question: string): SummaryAnswer => stop(question.includes('become one') ? 'all of it' : 'word '.repeat(1_300))
    let standing: readonly Summary[] = []
    for (let n = 0; n < 6; n++) standing = drive(standing, [stretch(n)], ground('hierarchical'), long).standing
    expect(standing.some(({ text }) => text === 'all of it')).toBe(true)
    expect(new Gauge().tokens(Buffer.byteLength(standing.map(({ text }) => text).join('')))).toBeLessThanOrEqual(6_000)
  })

  test.each([
    ['empty', stop(' \n '), /it is empty/],
    ['cut', { text: 'half', finish: 'length' as const }, /cut at the output limit/],
    ['withheld', { text: 'half', finish: 'content-filter' as const }, /ended with 'content-filter'/],
    ['too long', stop('word '.repeat(20_000)), /about \d+ tokens/],
  ])('[K2] one that is %s is asked for once more, told why, and then ends the run; nothing is thrown away', (_, bad, why) => {
    const mended = drive([], [stretch(1)], ground('rolling'), (question, nth) => (nth === 1 ? bad : noted(question)))
    expect(mended.asked[1]).toMatch(why)
    expect(mended.asked[1]).toContain('m1')
    expect(mended.standing).toEqual([{ level: 1, text: 'm1' }])
    const refused = expect.objectContaining({ code: 'MEMORY_SUMMARY_UNUSABLE', message: expect.stringMatching(why) })
    expect(() => drive([], [stretch(1)], ground('rolling'), () => bad)).toThrow(refused)
  })
})

test('[K2] what leaves is quoted as text: what was called with what, what became of it, which files were shown; what a model thought is not', () => {
  const file = { type: 'file' as const, mediaType: 'image/png', data: 'AAAA', filename: 'a.png' }
  const messages: Message[] = [
    { role: 'user', parts: [{ type: 'text', text: 'look' }, file] },
    {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'hm' },
        { type: 'text', text: 'I look.' },
        { type: 'tool-call', id: '1', tool: 'find', input: { q: 1 } },
        { type: 'tool-call', id: '2', tool: 'find', input: {}, malformed: 'no JSON' },
      ],
    },
    {
      role: 'tool',
      parts: [
        { type: 'tool-result', id: '1', tool: 'find', output: { a: 1 }, files: [file] },
        { type: 'tool-result', id: '2', tool: 'find', output: 'broken', failed: true },
      ],
    },
  ]
  expect(transcriptOf(messages)).toBe(
    [
      'user: look',
      'user shows a file (image/png, a.png)',
      'assistant: I look.',
      'assistant calls find: {"q":1}',
      'assistant calls find: no JSON',
      'find answers: {"a":1}',
      'find shows a file (image/png, a.png)',
      'find failed: broken',
    ].join('\n'),
  )
})
