/** What a comparison of two runs says. Types only. */
import type { ValueChange } from './value-change.ts'

/** `input`: it was asked with another input, other instructions or another model; `output`: it was asked the same and gave something else. */
export type StepChange = 'same' | 'output' | 'input' | 'added' | 'removed'

export interface StepDiff {
  readonly key: string
  readonly change: StepChange
  /** What the second run spent on it more than the first: negative is less. */
  readonly usd: number
  readonly ms: number
  /** The second run did not do it, but took it over from the run it is a fork of. */
  readonly reused?: true | undefined
  /** Of `input`: what was other in how it was asked: `input`, `instructions`, `model openai/a → openai/b`, `settings`. */
  readonly asked?: string | undefined
  /** Where what it gave is other; of a failure, its code and message. */
  readonly values?: readonly ValueChange[] | undefined
}

export interface RunDiff {
  /** The key of the first step that is not the same; `undefined`: all are. */
  readonly firstDivergence: string | undefined
  /** In the order of the journals: those of the first run, those added where they were. */
  readonly steps: readonly StepDiff[]
  /** What the second run spent more than the first, over all its steps. */
  readonly usd: number
  readonly ms: number
  /** Where what the two runs were given is other. */
  readonly input: readonly ValueChange[]
  /** Where what became of them is other: their outputs, or how they ended. */
  readonly output: readonly ValueChange[]
  /** `report 1 → report 2`, where flow or version is another. */
  readonly flow: string | undefined
  toString(): string
}
