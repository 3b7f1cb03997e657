/** What is said between the scale bench and its workers, and the step that all of them take. */
import type { Cost } from '../measure.ts'

interface AtRestate {
  readonly ingress: string
  readonly admin: string
}
interface InPostgres {
  readonly postgres: string
  readonly schema: string
}

/** Where the runs of a worker live. `bare` is Restate without tutti. */
export type Place =
  | { readonly kind: 'sqlite'; readonly path: string }
  | ({ readonly kind: 'postgres' } & InPostgres)
  | ({ readonly kind: 'restate' } & AtRestate & InPostgres)
  | ({ readonly kind: 'bare' } & AtRestate)

/** `servers`: the process ids of those whose CPU is counted. */
export type Setup = Place & { readonly servers: Servers<readonly number[]> }

export interface Servers<T> {
  readonly restate: T
  readonly postgres: T
}

export interface Load {
  /** At once. */
  readonly runs: number
  /** Of each run, one after the other. */
  readonly steps: number
}

/** What a stretch of work cost: `cpuMs` in the worker, and in the servers where the system tells it. */
export interface Spent extends Cost {
  readonly servers: Servers<number>
}

export interface Taken {
  /** From the moment when all runs had begun until all had taken their last step. */
  readonly steady: Spent
  /** From the first start to the last result. */
  readonly whole: Spent
}

export const answer = ({ question }: { readonly customer: number; readonly question: number }) => ({
  text: 'Order 17 left the warehouse this morning.',
  cites: [question],
  score: 0.5,
})
