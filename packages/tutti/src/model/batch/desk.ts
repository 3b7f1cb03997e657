/**
 * Where the requests of many items become one batch, and its results are handed out again.
 *
 * Owns: requests not yet handed in, and, for as long as this process lives, what was last heard of each batch. All of it can be asked for again.
 * Invariant: a batch is called off when the last of the items that this process waits with is cancelled, and by nothing else.
 */
import { TuttiError } from '../../errors/index.ts'
import type { Clock } from '../../primitives/index.ts'
import type { BatchPort, BatchRequest, BatchResult, BatchState } from './batch.port.ts'

/** Silence after which what was collected is handed in, and how long at most is collected. */
const QUIET_MS = 1_000
const LONGEST_MS = 10_000
/** What was heard of a batch so short a time ago is not asked again. */
const FRESHEST_MS = 5_000

interface Collected {
  readonly request: BatchRequest
  readonly resolve: (batch: string) => void
  readonly reject: (error: unknown) => void
}

export class BatchDesk {
  readonly #port: BatchPort
  readonly #clock: Clock
  readonly #freshMs: number
  #collected: Collected[] = []
  #since = 0
  #forget: () => void = () => {}
  readonly #heard = new Map<string, { readonly at: number; readonly state: Promise<BatchState> }>()
  readonly #results = new Map<string, Promise<ReadonlyMap<string, BatchResult>>>()
  readonly #wanted = new Map<string, Set<string>>()

  constructor(port: BatchPort, { clock, everyMs }: { clock: Clock; everyMs: number }) {
    this.#port = port
    this.#clock = clock
    this.#freshMs = Math.min(FRESHEST_MS, everyMs / 2)
  }

  /** The batch that it goes with, once that is taken. */
  submit(request: BatchRequest, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const now = this.#clock.now()
      if (this.#collected.length === 0) this.#since = now
      this.#collected.push({ request, resolve, reject })
      signal.addEventListener('abort', () => this.#withdraw(request.id, signal.reason), { once: true })
      this.#forget()
      if (this.#collected.length >= this.#port.max) return this.#handIn()
      this.#forget = this.#clock.alarm(Math.min(now + QUIET_MS, this.#since + LONGEST_MS), () => this.#handIn())
    })
  }

  poll(batch: string, item: string): Promise<BatchState> {
    this.#wanted.set(batch, (this.#wanted.get(batch) ?? new Set<string>()).add(item))
    const now = this.#clock.now()
    const known = this.#heard.get(batch)
    if (known && now - known.at < this.#freshMs) return known.state
    const state = this.#port.poll(batch)
    this.#heard.set(batch, { at: now, state })
    state.catch(() => this.#heard.delete(batch))
    return state
  }

  async result(batch: string, item: string): Promise<BatchResult> {
    const all = this.#results.get(batch) ?? this.#port.fetch(batch)
    this.#results.set(batch, all)
    all.catch(() => this.#results.delete(batch))
    return (await all).get(item) ?? { missing: 'lost' }
  }

  /** The item has its answer, and what it was in need of nobody asks for any more. */
  done(batch: string, item: string): void {
    const left = this.#wanted.get(batch)
    left?.delete(item)
    if (left && left.size > 0) return
    for (const known of [this.#wanted, this.#heard, this.#results]) known.delete(batch)
  }

  /** The item is cancelled. */
  drop(batch: string, item: string): void {
    const left = this.#wanted.get(batch)
    if (!left?.delete(item) || left.size > 0) return
    this.done(batch, item)
    // Nobody is left who could be told; a batch that is not called off costs what it would have cost.
    this.#port.cancel(batch).catch(() => {})
  }

  #withdraw(id: string, reason: unknown): void {
    const gone = this.#collected.find(({ request }) => request.id === id)
    this.#collected = this.#collected.filter((each) => each !== gone)
    gone?.reject(reason)
  }

  #handIn(): void {
    this.#forget()
    const collected = this.#collected
    this.#collected = []
    if (collected.length === 0) return
    this.#port.submit(collected.map(({ request }) => request)).then(
      (batch) => {
        if (typeof batch === 'string' && batch !== '') for (const { resolve } of collected) resolve(batch)
        else for (const { reject } of collected) reject(new TuttiError('MODEL_MALFORMED', 'the batch API took the requests and gave no id for them'))
      },
      (error) => {
        for (const { reject } of collected) reject(error)
      },
    )
  }
}
