/** Whoever answers a run that waits: says what a signal is waited for with, looks whether a payment in doubt happened, cancels what is doomed. */
import type { InboxMessage } from '../journal/index.ts'
import { encode, hash128, type Json } from '../primitives/index.ts'
import { ownSignal } from '../run/index.ts'
import { resultOf } from './crash-flow.ts'
import { answers } from './shop-flow.ts'
import type { World } from './world.ts'

/** The same answer has the same id, whoever gives it and however often; a doubt says which attempt it is about. */
export function answerTo(
  run: string,
  { signal, key, data }: { readonly signal: string; readonly key: string; readonly data?: Json | undefined },
  world: World,
): InboxMessage {
  if (signal === 'never') return { id: 'cancel', type: 'cancel', reason: 'it would wait for ever' }
  if (signal !== ownSignal.resolve) return { id: `answer ${key}`, type: 'signal', signal, key, value: encode(answers[signal]) }
  const effect = hash128(`${run}|${key}`)
  const isPaid = world.isPaid(effect)
  return {
    id: `look ${key} ${JSON.stringify(data)}`,
    type: 'resolve',
    key,
    verdict: isPaid ? 'done' : 'not-done',
    ...(isPaid ? { value: encode(resultOf(effect)) } : {}),
  }
}
