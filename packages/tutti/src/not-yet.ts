/**
 * The one list of what the public face declares and this version cannot do yet: the types are those of the plan, so that code written
 * against them compiles; each call throws `FLOW_NOT_YET`. Nothing here is a stub that pretends.
 */
import type { Budget, Usage } from './budget/index.ts'
import { TuttiError } from './errors/index.ts'
import type { Awaitable, Flow, RunHandle, StepContext } from './run/index.ts'
import type { App } from './tutti.ts'

function notYet(what: string): never {
  throw new TuttiError('FLOW_NOT_YET', `'${what}' is declared, but not built yet`)
}

// ── guardrails ──
export interface RailPlaces {
  input: string
  output: string
  'tool.call': { tool: string; input: unknown }
  'tool.result': { tool: string; output: unknown }
}
export type Verdict<T> = { verdict: 'allow' } | { verdict: 'redact'; value: T; why: string } | { verdict: 'repair' | 'block' | 'ask'; why: string }
export interface Guardrail {
  readonly name: string
  readonly on: readonly (keyof RailPlaces)[]
}
export function guardrail<P extends keyof RailPlaces>(_o: {
  name: string
  on: P | readonly P[]
  check: (value: RailPlaces[P], ctx: StepContext & { place: P }) => Awaitable<Verdict<RailPlaces[P]>>
}): Guardrail {
  return notYet('guardrail')
}
export function noPromptInjection(_o?: { threshold?: number }): Guardrail {
  return notYet('noPromptInjection')
}
export function redactPii(_o?: { restore?: boolean }): Guardrail {
  return notYet('redactPii')
}
export function grounded(_o?: { min?: number }): Guardrail {
  return notYet('grounded')
}

// ── evals ──
export interface Scorer<in I, in O, in E> {
  readonly name: string
  score(c: { input: I; output: O; expected: E; usage: Usage }): Awaitable<number | { score: number; why: string }>
}
export function scorer<I, O, E>(_name: string, _score: Scorer<I, O, E>['score']): Scorer<I, O, E> {
  return notYet('scorer')
}
export function evaluate<I, O, E>(
  // biome-ignore lint/suspicious/noExplicitAny: with tenants or without
  _app: App<any>,
  _flow: Flow<I, O>,
  _o: {
    data: readonly { input: NoInfer<I>; expected: E; id?: string }[]
    scorers: readonly Scorer<NoInfer<I>, NoInfer<O>, NoInfer<E>>[]
    repeat?: number
    against?: Flow<I, O>
    budget?: Budget
  },
): Promise<{ scores: Record<string, { mean: number; ci: [number, number]; pValue?: number }>; usage: Usage; passed(min: Record<string, number>): boolean }> {
  return notYet('evaluate')
}

// ── serving ──
// biome-ignore lint/suspicious/noExplicitAny: a handle of anything
export function uiStream(_handle: RunHandle<any>): Response {
  return notYet('uiStream')
}
