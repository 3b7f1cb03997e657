import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../handle.port.ts'
import { toldText } from './told-text.ts'

const delta = (text: string, key = 'a'): RunEvent => ({ type: 'text.delta', seq: 1, key, text })
const reset = (key = 'a'): RunEvent => ({ type: 'text.reset', seq: 1, key })
const completed = (key = 'a'): RunEvent => ({ type: 'step.completed', seq: 1, key, name: key })

async function tell(...events: RunEvent[]): Promise<{ text: string; error?: unknown }> {
  let text = ''
  try {
    for await (const part of toldText(
      (async function* () {
        yield* events
      })(),
    ))
      text += part
    return { text }
  } catch (error) {
    return { text, error: (error as { code?: string }).code }
  }
}

describe('the text of a run', () => {
  test('[M7] an answer that is begun again and says the same is told once', async () => {
    expect(await tell(delta('one tw'), reset(), delta('one '), delta('two three'), completed())).toEqual({ text: 'one two three' })
  })

  test('[M7] an answer that is begun again and reads otherwise ends the text, where it would be doubled', async () => {
    expect(await tell(delta('one tw'), reset(), delta('One two'))).toEqual({ text: 'one tw', error: 'RUN_TEXT_RESET' })
    expect(await tell(delta('one two'), reset(), delta('one'), completed())).toEqual({ text: 'one two', error: 'RUN_TEXT_RESET' })
  })

  test('[M7] a reset of what nothing was told of, and of another step, changes nothing', async () => {
    expect(await tell(reset(), delta('one '), reset('b'), delta('two'), completed(), delta('three'), completed())).toEqual({ text: 'one twothree' })
  })

  test('[M7] whatever is cut where, and however often, nobody is told the same text twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), fc.array(fc.nat()), async (answer, cuts) => {
        const events = cuts.flatMap((cut) => [...[...answer.slice(0, cut % answer.length)].map((text) => delta(text)), reset()])
        expect(await tell(...events, delta(answer), completed())).toEqual({ text: answer })
      }),
    )
  })
})
