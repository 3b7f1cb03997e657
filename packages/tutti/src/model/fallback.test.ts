import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ErrorRecord, recordError, TuttiError } from '../errors/index.ts'
import { scripted } from '../testing/scripted.ts'
import { attemptsOf, markFailure, placeAfter, start, waitBefore } from './fallback.ts'
import { describeModel, linksOf } from './links.ts'
import { breaker, cascade, retry, timeout } from './policy.ts'

const chain = linksOf(['a/one', retry('b/two', { attempts: 2 }), 'c/three'])
const failed = (code: string, link: number, attempt: number, data: object = {}): ErrorRecord =>
  recordError(markFailure(new TuttiError(code, 'no', { data: data as never }), { place: { link, attempt }, model: 'm', before: [] }))

describe('the walk along a chain of models', () => {
  test('[M4] tries the same model again while its attempts last, then the next one', () => {
    expect(placeAfter(failed('MODEL_OVERLOADED', 0, 1), chain)).toEqual({ link: 0, attempt: 2 })
    expect(placeAfter(failed('MODEL_OVERLOADED', 0, 3), chain)).toEqual({ link: 1, attempt: 1 })
    expect(placeAfter(failed('MODEL_OVERLOADED', 1, 2), chain)).toEqual({ link: 2, attempt: 1 })
    expect(placeAfter(failed('MODEL_OVERLOADED', 2, 3), chain)).toBeUndefined()
  })

  test('[M2] goes to the next model at once after what will not pass', () => {
    for (const code of ['MODEL_KEY_REFUSED', 'MODEL_REQUEST_REFUSED', 'MODEL_CONTEXT_OVERFLOW', 'MODEL_FAILED'])
      expect(placeAfter(failed(code, 0, 1), chain)).toEqual({ link: 1, attempt: 1 })
  })

  test('[B1] is over after an error that is not of a model', () => {
    for (const code of ['BUDGET_EXCEEDED', 'BUDGET_OVERRUN', 'RUN_CANCELLED', 'CONFIG_INVALID']) expect(placeAfter(failed(code, 0, 1), chain)).toBeUndefined()
  })

  test('[R8] begins again after an attempt whose outcome was lost with its process', () => {
    expect(placeAfter({ code: 'ATTEMPT_LOST', message: 'lost' }, chain)).toEqual(start)
  })

  test('[M4] does not wait longer than its own longest wait while another model is there', () => {
    expect(placeAfter(failed('MODEL_RATE_LIMITED', 0, 1, { retryAfterMs: 60_000 }), chain)).toEqual({ link: 1, attempt: 1 })
    expect(placeAfter(failed('MODEL_RATE_LIMITED', 2, 1, { retryAfterMs: 60_000 }), chain)).toEqual({ link: 2, attempt: 2 })
  })

  test('[M2] ends, whatever fails, and never goes back', () => {
    const codes = fc.constantFrom('MODEL_OVERLOADED', 'MODEL_RATE_LIMITED', 'MODEL_STREAM_CUT', 'MODEL_KEY_REFUSED', 'MODEL_FAILED')
    fc.assert(
      fc.property(fc.infiniteStream(codes), (failures) => {
        let place = start
        for (let made = 1; ; made++) {
          expect(made).toBeLessThanOrEqual(3 + 2 + 3)
          const next = placeAfter(failed(failures.next().value as string, place.link, place.attempt), chain)
          if (!next) return
          expect(next.link * 10 + next.attempt).toBeGreaterThan(place.link * 10 + place.attempt)
          place = next
        }
      }),
    )
  })

  test('[M4] waits between nothing and a doubling ceiling, the same for the same attempt', () => {
    const error = new TuttiError('MODEL_OVERLOADED', 'no')
    const links = linksOf(retry('a/one', { attempts: 9, backoff: '1s', max: '3s' }))
    const wait = (attempt: number, seed: string): number => waitBefore({ link: 0, attempt }, error, links, seed)
    const seeds = Array.from({ length: 200 }, (_, index) => String(index))
    for (const [attempt, ceiling] of [
      [2, 1_000],
      [3, 2_000],
      [4, 3_000],
      [9, 3_000],
    ] as const) {
      const waits = seeds.map((seed) => wait(attempt, seed))
      expect(Math.max(...waits)).toBeLessThanOrEqual(ceiling)
      expect(Math.max(...waits)).toBeGreaterThan(ceiling * 0.9)
      expect(Math.min(...waits)).toBeLessThan(ceiling * 0.1)
    }
    expect(wait(2, 'x')).toBe(wait(2, 'x'))
    expect(waitBefore({ link: 1, attempt: 1 }, error, chain, 'x')).toBe(0)
  })

  test('[M4] ends when text of the failed attempt was shown, unless its retry says otherwise', () => {
    const cut = (link: number): TuttiError =>
      markFailure(new TuttiError('MODEL_STREAM_CUT', 'cut'), { place: { link, attempt: 1 }, model: 'm', before: [], shown: true })
    expect(placeAfter(cut(0), chain)).toBeUndefined()
    expect(placeAfter(cut(0), linksOf(retry('a/one', { attempts: 2, afterText: true })))).toEqual({ link: 0, attempt: 2 })
  })

  test('[M3] goes past the stage whose answer was not accepted', () => {
    const refused = markFailure(new TuttiError('MODEL_NOT_ACCEPTED', 'no'), { place: start, model: 'm', before: [], skip: 2 })
    expect(placeAfter(refused, chain)).toEqual({ link: 2, attempt: 1 })
  })

  test('[M2] every attempt is listed in the error of the last one', () => {
    const first = markFailure(new TuttiError('MODEL_OVERLOADED', 'busy', { data: { status: 503 } }), { place: start, model: 'a/one', before: [] })
    const second = markFailure(new TuttiError('MODEL_KEY_REFUSED', 'no'), {
      place: { link: 1, attempt: 1 },
      model: 'b/two',
      before: attemptsOf(recordError(first)),
    })
    expect(attemptsOf(second)).toEqual([
      { model: 'a/one', code: 'MODEL_OVERLOADED', message: 'busy' },
      { model: 'b/two', code: 'MODEL_KEY_REFUSED', message: 'no' },
    ])
    expect(first.data).toMatchObject({ status: 503 })
  })
})

describe('what may stand as a model', () => {
  test('[M2] lists and policies nest', () => {
    const nested = ['a/one', retry(['b/two', scripted([])], { attempts: 5 })] as const
    expect(linksOf(nested).map(({ retry }) => retry.attempts)).toEqual([3, 5, 5])
    expect(describeModel(nested)).toEqual(['a/one', { retry: ['b/two', 'scripted/script'], attempts: 5 }])
  })

  test('[M3] the stages of a cascade know where the next one begins, also inside one another', () => {
    const accept = () => true
    const inner = cascade(['a/one', 'b/two'], { accept })
    expect(linksOf(cascade([inner, ['c/three', 'd/four'], 'e/five'], { accept })).map(({ checks }) => checks.map(({ skip }) => skip))).toEqual([
      [1, 2],
      [1],
      [2],
      [1],
      [],
    ])
    expect(describeModel(inner)).toEqual({ cascade: ['a/one', 'b/two'] })
  })

  test('[M2] the innermost policy has the last word, the outermost is passed first', () => {
    const [link] = linksOf(breaker(timeout(breaker(timeout('a/one', { total: '1s' }), { failures: 2 }), { total: '9s', idle: '2s' })))
    expect(link?.timeouts).toEqual({ totalMs: 1_000, idleMs: 2_000 })
    expect(link?.guards.map((guard) => guard.kind === 'breaker' && guard.failures)).toEqual([5, 2])
  })

  test('what is no model is named', () => {
    expect(() => linksOf({ id: 'gpt' } as never)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: 'an object with id is not a model' }))
    expect(() => retry('a/one', { attempts: 0 })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => retry('a/one', { attempts: 2, backoff: 'soon' as never })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
