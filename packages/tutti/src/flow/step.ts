/**
 * A step of a composition. A flow is called in a scope of its own. A function that takes `(input, run)` is flow code: its effects go through `run`.
 * A function that takes only its input has no `run` to record with, so it is recorded itself, as one step: whatever it does, it does once.
 */
import { TuttiError } from '../errors/index.ts'
import { checkValue, is, type Schema, sayGiven } from '../primitives/index.ts'
import { type AnyFlow, checkFlow, defineFlow, type Flow, type FlowShape, isFlow, type Run, type Step } from '../run/index.ts'

/**
 * What every one of these branches takes. The branches say it, so that a composition types anywhere, not only where its neighbour is known; and not
 * as an intersection over the union of their inputs, which would take a `Prompt`, a union itself, apart.
 */
// biome-ignore lint/suspicious/noExplicitAny: the output does not matter here
export type InputOfEvery<B> = (B[keyof B] extends infer F ? (F extends Flow<infer I, any> ? (i: I) => void : never) : never) extends (i: infer I) => void
  ? I
  : never

/** @param what as it reads before "is": `step 2 of the chain 'desk'` @throws CONFIG_INVALID */
export function checkStep(what: string, step: unknown): void {
  if (isFlow(step) || typeof step === 'function') return
  throw new TuttiError('CONFIG_INVALID', `${what} is ${sayGiven(step)}`, { hint: 'It is a flow, or a function: (input) => …, recorded as one step.' })
}

/** @throws CONFIG_INVALID */
export function checkBranches(whose: string, branches: unknown): void {
  checkValue(`what ${whose} branches to`, 'branches', branches, is.object)
  if (Object.keys(branches as object).length === 0)
    throw new TuttiError('CONFIG_INVALID', `${whose} has no branches`, { hint: 'Give it one or more flows, each by a name: { short: summary }.' })
  for (const [branch, part] of Object.entries(branches as object)) checkFlow(`the branch '${branch}' of ${whose}`, part)
}

/** Takes a step in the scope of the composition; `name` is the key of a function that is recorded itself. */
export function takeStep(step: Step<never, unknown>, name: string, input: unknown, run: Run): unknown {
  if (isFlow(step)) return run.call(step as Flow<unknown, unknown>, input)
  const code = step as (input: unknown, run: Run) => unknown
  return code.length >= 2 ? code(input, run) : run.step(name, input, (given) => code(given, run))
}

/**
 * The input schema of a composition whose input is that of its first step: it is checked and shown here, and parsed there. Parsed twice, a schema that
 * makes a number of a text would not take its own output.
 */
export function inputSchemaOf(first: Step<never, unknown> | undefined): Schema | undefined {
  const schema = first && isFlow(first) ? first['~flow'].inputSchema : undefined
  if (!schema) return undefined
  const standard = schema['~standard']
  const validate: typeof standard.validate = async (value) => {
    const { issues } = await standard.validate(value)
    return issues ? { issues } : { value }
  }
  return { '~standard': { ...standard, validate } }
}

/** The name of a step in keys and drawings: its own, or its place where it has none that could stand in a key. */
export const stepName = (step: Step<never, unknown>, place: string): string => (isFlow(step) || /^[a-z][\w-]*$/i.test(step.name) ? step.name : place)

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

/** A step in a drawing: a flow with what is inside it, a function as a box. */
export const drawn = (name: string, step: Step<never, unknown>): FlowShape['nodes'][number] =>
  isFlow(step) && step['~flow'].kind !== 'code' ? { name, part: step } : { name }
