/**
 * A step of a composition. A flow is called in a scope of its own. A function that takes `(input, run)` is flow code: its effects go through `run`.
 * A function that takes only its input has no `run` to record with, so it is recorded itself, as one step: whatever it does, it does once.
 */
import { type AnyFlow, defineFlow, type Flow, isFlow, type Run, type Step } from '../run/index.ts'

/** `executeStep` in the scope of the composition; `name` is the key of a function that is recorded itself. */
export function takeStep(step: Step<never, unknown>, name: string, input: unknown, run: Run): unknown {
  if (isFlow(step)) return run.call(step as Flow<unknown, unknown>, input)
  const code = step as (input: unknown, run: Run) => unknown
  return code.length >= 2 ? code(input, run) : run.step(name, input, (given) => code(given, run))
}

/** The name of a step in keys and drawings. */
export const stepName = (step: Step<never, unknown>, place: string): string => (isFlow(step) ? step.name : step.name || place)

/** A step as a flow, so that it can have a scope of its own among others that run beside it. */
export function asFlow(step: Step<never, unknown>, name: string): AnyFlow {
  if (isFlow(step)) return step
  return defineFlow({
    kind: 'code',
    name,
    options: {},
    inputSchema: undefined,
    outputSchema: undefined,
    parts: [],
    execute: (input, run) => takeStep(step, 'do', input, run),
  })
}

export const flowsAmong = (steps: readonly Step<never, unknown>[]): readonly AnyFlow[] => steps.filter(isFlow)
