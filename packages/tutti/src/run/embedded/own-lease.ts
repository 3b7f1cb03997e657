/** The lease under which one activation drives its run: until when this process may trust that nobody else does. */
import { TuttiError } from '../../errors/index.ts'

import type { Clock, RunId } from '../../primitives/index.ts'
import type { RunStore } from './run-store.port.ts'

export interface LeaseTerms {
  readonly run: RunId
  readonly store: RunStore
  readonly clock: Clock
  readonly epoch: number
  /** How long it lasts without being renewed. */
  readonly leaseMs: number
  /** Epoch ms. */
  readonly leaseUntil: number
}

export class OwnLease {
  /** Epoch ms; the store knows of it. */
  until: number
  readonly #terms: LeaseTerms

  constructor(terms: LeaseTerms) {
    this.#terms = terms
    this.until = terms.leaseUntil
  }

  get holds(): boolean {
    return this.#terms.clock.now() < this.until
  }

  /** After a process stood still for longer than its lease lasts (a stopped process, a closed laptop) the store says whether another took the run. */
  async renew(): Promise<TuttiError | undefined> {
    const { run, store, clock, epoch, leaseMs } = this.#terms
    const until = clock.now() + leaseMs
    const lost = await store.renew([{ run, epoch, until }], until)
    if (lost.length > 0) return fenced(run)
    this.until = until
    return undefined
  }
}

export const fenced = (run: RunId): TuttiError => new TuttiError('JOURNAL_FENCED', `another process took the run '${run}' over`)
