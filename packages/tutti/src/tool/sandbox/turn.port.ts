/**
 * What the near side of the sandbox and its thread say to one another. Types only; all that crosses is text and numbers.
 *
 * A *turn* is what the code does between two things it waits for: it ends when nothing in it can go on before one of its calls is answered.
 */

/** Limits of one turn. */
export interface Limits {
  /** Milliseconds of processor time. */
  readonly cpuMs: number
  readonly memoryBytes: number
  /** Characters of what the code returns, of what it logs, and of the arguments of each call. */
  readonly outputChars: number
}

/** What the code is and what it finds: the same for every turn of it, and after a crash. */
export interface Program {
  readonly code: string
  /** The value of `input` in the code, as JSON. */
  readonly input: string
  /** The functions that are in `tools`. */
  readonly tools: readonly string[]
  /** Epoch ms at which its clock stands. */
  readonly now: number
  /** What its chance is drawn from. */
  readonly seed: string
}

export interface Call {
  /** 1 for the first call that the code makes. */
  readonly id: number
  readonly tool: string
  /** JSON. */
  readonly input: string
}

/** The answer to a call, as the code is told it. */
export interface Told {
  readonly id: number
  readonly ok: boolean
  /** JSON of the value; of a call that failed, of the text of its error. */
  readonly value: string
}

export interface Turn {
  /** Made in this turn. */
  readonly calls: readonly Call[]
  readonly logs: readonly string[]
  /** Left out while the code still waits. */
  readonly end?: CodeEnd | undefined
}

/** JSON of what the code returned, or what it threw. */
export type CodeEnd = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly says: string }

/** To the thread: take this program (as `session`) to where it has heard all of `told`, and say what the last turn brought. */
export interface TurnRequest {
  readonly session: number
  readonly program: Program
  readonly limits: Limits
  readonly told: readonly Told[]
}

export type LimitName = 'time' | 'memory' | 'output'

/** From the thread. */
export type ThreadMessage =
  | { readonly ready: true }
  | { readonly missing: string }
  /** The turns that were played again to get there come first; their last is the one asked for. */
  | { readonly turns: readonly Turn[] }
  | { readonly over: LimitName }
  | { readonly broken: string }
