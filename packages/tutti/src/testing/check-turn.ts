/** What is wrong with a turn of a script, said when the script is made: a model that then says nothing would look like one that had nothing to say. */
import { TuttiError } from '../errors/index.ts'
import { checkOptions, type Declared, durationMs, is, sayGiven } from '../primitives/index.ts'
import type { Scripted, ScriptedTurn } from './scripted-turn.port.ts'

const IN_FULL: Declared<ScriptedTurn> = { think: is.text, text: is.text, calls: is.list, usage: is.object, latency: true }
const USAGE: Declared<NonNullable<ScriptedTurn['usage']>> = { inputTokens: true, outputTokens: true, cacheReadTokens: true, reasoningTokens: true }
const FAILURES: readonly unknown[] = [429, 500, 'cut', 'malformed']

/** @throws CONFIG_INVALID */
export function checkTurn(turn: Scripted, at: number): void {
  if (typeof turn === 'string') return
  const what = `turn ${at + 1} of scripted()`
  if (typeof turn !== 'object' || turn === null)
    throw new TuttiError('CONFIG_INVALID', `${what} is ${sayGiven(turn)}`, {
      hint: 'A turn is a text, { call, input } or a list of those, { json }, { error }, or { think, text, calls, usage, latency }.',
    })
  if (Array.isArray(turn)) return checkCalls(what, turn)
  if ('call' in turn) return checkCall(what, turn)
  if ('json' in turn) return checkOptions<{ json: unknown }>(what, turn, { json: true })
  if ('error' in turn) return checkFailure(what, turn)
  checkInFull(what, turn as ScriptedTurn)
}

function checkCalls(what: string, calls: readonly unknown[]): void {
  for (const [i, call] of calls.entries()) checkCall(`call ${i + 1} of ${what}`, call)
}

function checkCall(what: string, call: unknown): void {
  checkOptions<{ call: string; input: unknown }>(what, call as { call: string; input: unknown }, { call: is.text, input: true })
  if ((call as { call?: unknown }).call === undefined)
    throw new TuttiError('CONFIG_INVALID', `${what} names no tool`, { hint: "{ call: 'find', input: { id: '17' } }" })
}

function checkFailure(what: string, turn: { readonly error: unknown }): void {
  checkOptions<{ error: unknown }>(what, turn, { error: true })
  if (FAILURES.includes(turn.error)) return
  throw new TuttiError('CONFIG_INVALID', `the error of ${what} is ${sayGiven(turn.error)}`, {
    hint: "It is 429, 500, 'cut' or 'malformed'; faulty(model, { serverError: { calls: [1], status: 529 } }) has others.",
  })
}

function checkInFull(what: string, turn: ScriptedTurn): void {
  checkOptions(what, turn, IN_FULL)
  if (turn.calls) checkCalls(what, turn.calls)
  if (turn.usage) checkOptions(`the usage of ${what}`, turn.usage, USAGE)
  if (turn.latency !== undefined) durationMs(turn.latency, `the latency of ${what}`)
}
