/** Lets no run go on before all have arrived, at their first step and again at their last, and measures what lies in between. */
import { stopwatch } from '../measure.ts'
import { cpuMsOf } from './server-cpu.ts'
import type { Servers, Spent } from './setup.ts'

/** Starts a stopwatch that looks at the servers too; calling it answers what was used since. */
export function stopwatchOf({ restate, postgres }: Servers<readonly number[]>): () => Spent {
  const used = (): Servers<number> => ({ restate: cpuMsOf(restate), postgres: cpuMsOf(postgres) })
  const before = used()
  const read = stopwatch()
  return () => {
    const cost = read()
    const after = used()
    return { ...cost, servers: { restate: after.restate - before.restate, postgres: after.postgres - before.postgres } }
  }
}

export class Gate {
  readonly #servers: Servers<readonly number[]>
  #runs = 0
  #arrived = 0
  #opens = Promise.withResolvers<void>()
  #read: (() => Spent) | undefined
  #between: Spent | undefined

  constructor(servers: Servers<readonly number[]>) {
    this.#servers = servers
  }

  expect(runs: number): void {
    this.#runs = runs
    this.#read = undefined
    this.#between = undefined
  }

  get between(): Spent {
    if (!this.#between) throw new Error('not all runs arrived at their last step')
    return this.#between
  }

  arrive(): Promise<void> {
    const { promise, resolve } = this.#opens
    if (++this.#arrived === this.#runs) {
      this.#arrived = 0
      this.#opens = Promise.withResolvers()
      if (this.#read) this.#between = this.#read()
      else this.#read = stopwatchOf(this.#servers)
      resolve()
    }
    return promise
  }
}
