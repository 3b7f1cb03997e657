/** What is wrong with a retry, said when it is declared: a code that is misspelled would be waited for in vain. */
import { catalogue, TuttiError } from '../errors/index.ts'
import { checkOptions, durationMs, type Elsewhere, insteadOf, is, sayGiven, slipOf } from '../primitives/index.ts'
import type { Retry } from './definition.port.ts'

/** As in `retry()` of a model. */
export const RETRY_ELSEWHERE: Elsewhere = {
  ...insteadOf('maxRetries maxAttempts retries maximumAttempts', 'attempts: 3'),
  ...insteadOf('delay initialDelay initialInterval minTimeout', "backoff: '1s'"),
  ...insteadOf('maxDelay maximumInterval maxTimeout', "max: '30s'"),
  ...insteadOf('retryOn', "on: ['MODEL_TIMEOUT']"),
}

/** @throws CONFIG_INVALID @param whose as it reads before "has": `the retry of 'desk'` */
export function checkRetry(whose: string, retry: Retry): void {
  checkOptions<Retry>(whose, retry, { attempts: true, backoff: true, max: true, on: is.list }, RETRY_ELSEWHERE)
  const { attempts, backoff, max, on } = retry
  if (!Number.isInteger(attempts) || attempts < 1)
    throw new TuttiError('CONFIG_INVALID', `${whose} has ${String(attempts)} attempts`, {
      hint: 'The first attempt counts too: give a whole number from 1.',
    })
  if (backoff !== undefined) durationMs(backoff, `the backoff of ${whose}`)
  if (max !== undefined) durationMs(max, `the longest backoff of ${whose}`)
  checkCodes(whose, on)
}

/** A code of somebody's own may be any text; one that is nearly one of ours is a slip. @throws CONFIG_INVALID */
export function checkCodes(whose: string, on: readonly unknown[] = []): void {
  for (const code of on) {
    if (typeof code === 'string' && Object.hasOwn(catalogue, code)) continue
    const meant = typeof code === 'string' && code !== '' ? slipOf(code, Object.keys(catalogue)) : undefined
    if (typeof code === 'string' && code !== '' && meant === undefined) continue
    throw new TuttiError('CONFIG_INVALID', `${whose} is for the error ${sayGiven(code)}`, {
      hint: meant ? `Did you mean '${meant}'?` : "Give the codes of errors: on: ['MODEL_TIMEOUT'].",
    })
  }
}
