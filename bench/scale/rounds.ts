/** Every set-up in turn, again and again: what is compared was measured in the same minute, one right after the other. */
import type { Load, Place, Taken } from './setup.ts'
import type { Worker } from './worker.ts'

export type Kind = Place['kind']
export type Round = Readonly<Record<Kind, Taken>> & { readonly load: Load }

const ROUNDS = 3
/** After so long there is one round a load: a busy machine makes the bench less exact, not endless. */
const LONG_MS = 60_000

export class Rounds {
  readonly all: Round[] = []
  readonly #workers: readonly Worker[]
  readonly #began = performance.now()

  constructor(workers: readonly Worker[]) {
    this.#workers = workers
  }

  async warmUp(): Promise<void> {
    for (const worker of this.#workers) await worker.take({ runs: 32, steps: 5 })
  }

  async over(load: Load): Promise<readonly Round[]> {
    const rounds: Round[] = []
    while (rounds.length === 0 || (rounds.length < ROUNDS && performance.now() - this.#began < LONG_MS)) {
      const taken: Partial<Record<Kind, Taken>> = {}
      // Each time another one comes first.
      const first = rounds.length % this.#workers.length
      for (const worker of [...this.#workers.slice(first), ...this.#workers.slice(0, first)]) taken[worker.setup.kind] = await worker.take(load)
      rounds.push({ ...(taken as Record<Kind, Taken>), load })
    }
    this.all.push(...rounds)
    return rounds
  }
}
