/** What a caller is shown while models answer, fail, are tried again, raced and replaced: never the same text twice without being told that the first was void. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamPart } from '../run/effect.port.ts'
import type { ModelLike } from './model.port.ts'
import { ask } from './one-question.ts'
import { type Playing, played, refusal } from './played.ts'
import { hedge, retry } from './policy.ts'

/** One call of a model: it says so many of its words, waiting before some of them, and then ends, breaks off, or was refused at once. */
interface Call {
  readonly words: number
  readonly waits: readonly number[]
  readonly end: 'finish' | 'break' | 'refuse'
}
const call: fc.Arbitrary<Call> = fc.record({
  words: fc.nat(6),
  waits: fc.array(fc.nat(3), { maxLength: 4 }),
  end: fc.constantFrom('finish' as const, 'break' as const, 'break' as const, 'refuse' as const),
})
interface Link {
  readonly calls: readonly Call[]
  readonly attempts: number
  readonly afterText: boolean
}
const link: fc.Arbitrary<Link> = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 4 }),
  attempts: fc.integer({ min: 1, max: 3 }),
  afterText: fc.boolean(),
})

async function act({ words, waits, end }: Call, name: string, { call: number, say, wait }: Playing): Promise<void> {
  if (end === 'refuse') throw refusal(503)
  for (let i = 0; i < words; i++) {
    if (waits[i]) await wait(waits[i] as number)
    say(`${name}${number}.${i} `)
  }
  if (end === 'break') throw Object.assign(new TypeError('terminated'), { code: 'UND_ERR_SOCKET' })
}

/** The text as a caller who heeds the marks has it in the end. */
function heeded(parts: readonly StreamPart[]): string {
  return parts.reduce((text, part) => (part.type === 'reset' ? '' : part.type === 'text' ? text + part.text : text), '')
}

test('[M4] [M7] [M8] whatever is cut, tried again, hedged or replaced, no text is shown twice unmarked, and what stands in the end is the answer', async () => {
  let answered = 0
  let voided = 0
  await fc.assert(
    fc.asyncProperty(fc.array(link, { minLength: 1, maxLength: 3 }), fc.constantFrom(undefined, 1, 2), async (links, after) => {
      const models = links.map(({ calls, attempts, afterText }, i) => {
        const name = String.fromCharCode(97 + i)
        const { model } = played(`test/${name}`, (playing) => act(calls[(playing.call - 1) % calls.length] as Call, name, playing))
        return retry(model, { attempts, afterText, backoff: 0 })
      })
      const model: ModelLike = after === undefined ? models : hedge(models, { after, max: 2 })
      const { answer, parts } = await ask({ model })
      const pieces = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      // Every piece names its model, call and place: the same one twice would be a piece shown twice.
      expect(new Set(pieces).size).toBe(pieces.length)
      const said = answer?.message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
      if (said !== undefined) expect(heeded(parts)).toBe(said)
      // Between two marks one attempt speaks alone, from its beginning on.
      let attempt: string | undefined
      let next = 0
      for (const part of parts) {
        if (part.type === 'reset') {
          if (attempt !== undefined) voided++
          attempt = undefined
          next = 0
        } else if (part.type === 'text') {
          const [who = '', at] = part.text.trim().split('.')
          attempt ??= who
          expect([who, Number(at)]).toEqual([attempt, next++])
        }
      }
      if (answer) answered++
    }),
    { numRuns: 150 },
  )
  // The property is of something: some answers came, and some text was void.
  expect(answered).toBeGreaterThan(20)
  expect(voided).toBeGreaterThan(5)
}, 120_000)
