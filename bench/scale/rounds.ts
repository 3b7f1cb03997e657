/** Every set-up in turn, again and again: what is compared was measured in the same minute, one right after the other. */
import type { Load, Place, Taken } from './setup.ts'
import type { Worker } from './worker.ts'

export type Kind = Place['kind']
export type Round = Readonly<Record<Kind, Taken>> & { readonly load: Load }

/** Young processes compile while they work, which weighs most on whoever has most code. Each has driven so much before anything is compared. */
const WARM_UP: Load = { runs: 64, steps: 100 }
const WARM_UPS = 2

const MOST_ROUNDS = 7
const LEAST_ROUNDS = 3
/** After so long a load has no more rounds than it must: a busy machine makes the bench less exact, not endless. */
const LONG_MS = 60_000

export class Rounds {
  readonly all: Round[] = []
  /** What each of the workers took so far. */
  readonly taken: Load[] = []
  readonly #workers: readonly Worker[]

  constructor(workers: readonly Worker[]) {
    this.#workers = workers
  }

  async warmUp(): Promise<void> {
    for (let i = 0; i < WARM_UPS; i++) await this.#take(WARM_UP, i)
  }

  /** One round only, of processes as they are. */
  once(load: Load): Promise<Round> {
    return this.#take(load, 0)
  }

  async over(load: Load): Promise<readonly Round[]> {
    const rounds: Round[] = []
    const began = performance.now()
    while (rounds.length < LEAST_ROUNDS || (rounds.length < MOST_ROUNDS && performance.now() - began < LONG_MS))
      rounds.push(await this.#take(load, rounds.length))
    this.all.push(...rounds)
    return rounds
  }

  /** @param number each time another one comes first */
  async #take(load: Load, number: number): Promise<Round> {
    const taken: Partial<Record<Kind, Taken>> = {}
    const first = number % this.#workers.length
    for (const worker of [...this.#workers.slice(first), ...this.#workers.slice(0, first)]) taken[worker.setup.kind] = await worker.take(load)
    this.taken.push(load)
    return { ...(taken as Record<Kind, Taken>), load }
  }
}
