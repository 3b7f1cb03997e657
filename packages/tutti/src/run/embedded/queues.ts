/**
 * The queues of the flows that an engine registers: it asks the store for as many runs as may be driven now, whenever that may have become more.
 *
 * Owns: when to ask, and which runs here want to go on. Does not own: who may run (the store decides, in one transaction for all processes), the driving.
 * Invariants: a run of a flow with a queue is driven only after the store let it through, be it new, woken, or left behind by a process that is gone.
 * On a crash: what this process held is free when its lease runs out, or at once where somebody sees that the process is gone.
 */
import { TuttiError } from '../../errors/index.ts'
import type { Admitted, AdmittedRun, QueueLimits, RunHead } from '../../journal/index.ts'
import { failpoint, type RunId } from '../../primitives/index.ts'
import type { EngineParts } from './engine-parts.port.ts'
import { isGone } from './owner.ts'

/** So many runs are let through together: a transaction stays short, and what was let through is begun before more is. */
const AT_ONCE = 64

/** So many runs of one flow that were left behind are gone on with at once; the leases of any more run out first. */
const MOST_LEFT = 1_000

export interface QueuesOptions extends EngineParts {
  /** Is driven here already. */
  isLive(run: RunId): boolean
  drive(admitted: AdmittedRun): Promise<void>
  /** Renews the leases of this process when it stood still for so long that they ran out. */
  renewLate(): Promise<void> | undefined
  /** One that cannot be driven holds up no other. */
  failed(run: RunId, error: unknown): void
}

export class Queues {
  readonly #o: QueuesOptions
  readonly #queues = new Map<string, FlowQueue>()
  #stopped = false

  constructor(o: QueuesOptions) {
    this.#o = o
  }

  has(flow: string): boolean {
    return this.#o.registry.limitsOf(flow) !== undefined
  }

  /** A run of this flow is being created, in this turn of the event loop: it is let through in the same transaction when there is room. */
  joined(flow: string, run: RunId, priority = 0): void {
    const queue = this.#of(flow)
    if (!this.#o.resume) queue.first.set(run, priority)
    queue.ask().catch(() => {})
  }

  /** Goes on with a run as soon as there is room. @throws RUN_BUSY when another process drives it */
  async want({ run, flow, owner, status }: RunHead): Promise<void> {
    const queue = this.#of(flow)
    if (owner !== undefined && isGone(owner)) queue.gone.add(owner)
    if (status !== 'queued' || !this.#o.resume) queue.first.set(run, 0)
    const elsewhere = await queue.ask()
    if (elsewhere.has(run) && !this.#o.isLive(run))
      throw new TuttiError('RUN_BUSY', `the run '${run}' is driven by ${owner ?? 'another process'}`, { data: { run, owner: owner ?? null } })
  }

  /** A run of this flow is driven no more. */
  left(flow: string): void {
    if (!this.#stopped && this.#queues.get(flow)?.mayHaveMore)
      this.#of(flow)
        .ask()
        .catch(() => {})
  }

  /** Looks for what came due, or was queued by another process. */
  async look(): Promise<void> {
    if (this.#stopped) return
    await Promise.all(this.#o.registry.queuedFlows().map((flow) => this.#look(flow)))
  }

  async #look(flow: string): Promise<void> {
    const { store, registry, clock, resume, isLive } = this.#o
    const queue = this.#of(flow)
    if (!resume) {
      if (queue.first.size > 0) await queue.ask()
      return
    }
    const due = await store.due(registry.versions(flow), clock.now(), AT_ONCE)
    for (const { run, status } of due) {
      if (status === 'queued') queue.mayHaveMore = true
      else if (!isLive(run)) queue.first.set(run, 0)
    }
    if (queue.first.size > 0 || queue.mayHaveMore) await queue.ask()
  }

  /** Lets no more through. Resolves when what was asked for is answered, and given back. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const queue of this.#queues.values()) queue.stop()
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.settled()))
  }

  #of(flow: string): FlowQueue {
    let queue = this.#queues.get(flow)
    if (!queue) {
      queue = new FlowQueue(flow, this.#o)
      this.#queues.set(flow, queue)
      if (this.#stopped) queue.stop()
    }
    return queue
  }
}

class FlowQueue {
  /** Runs that are to go on, with their priority. */
  readonly first = new Map<RunId, number>()
  readonly gone = new Set<string>()
  /** Something may be queued that was not let through yet. */
  mayHaveMore = true
  readonly #flow: string
  readonly #o: QueuesOptions
  readonly #beginning = new Set<Promise<void>>()
  #asking: Promise<ReadonlySet<RunId>> | undefined
  #again = false
  #stopped = false
  #alarm: { readonly at: number; readonly forget: () => void } | undefined

  constructor(flow: string, o: QueuesOptions) {
    this.#flow = flow
    this.#o = o
  }

  /** Asks the store, in this turn of the event loop or once more after the one that is under way. Answers which of `first` are driven elsewhere, or have ended. */
  ask(): Promise<ReadonlySet<RunId>> {
    this.mayHaveMore = true
    this.#again = true
    this.#asking ??= this.#askUntilDone().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async settled(): Promise<void> {
    await this.#asking?.catch(() => {})
    await Promise.all(this.#beginning)
  }

  stop(): void {
    this.#stopped = true
    this.#alarm?.forget()
  }

  async #askUntilDone(): Promise<ReadonlySet<RunId>> {
    const elsewhere = new Set<RunId>()
    while (this.#again && !this.#stopped) {
      // All that one turn of the event loop brings asks once.
      await Promise.resolve()
      this.#again = false
      const admitted = await this.#admit()
      if (!admitted) break
      for (const run of admitted.elsewhere) {
        elsewhere.add(run)
        this.first.delete(run)
      }
      for (const run of admitted.runs) this.#begin(run)
      this.#plan(admitted)
      await this.#lookForGone(admitted.holders)
    }
    return elsewhere
  }

  async #admit(): Promise<Admitted | undefined> {
    const { store, registry, clock, owner, leaseMs, resume } = this.#o
    const limits: QueueLimits | undefined = registry.limitsOf(this.#flow)
    if (!limits) return undefined
    // Otherwise the places that this process holds itself would be given away.
    const renewed = this.#o.renewLate()
    if (renewed) await renewed
    const now = clock.now()
    const first = [...this.first].sort(([, a], [, b]) => b - a).map(([run]) => run)
    const versions = registry.versions(this.#flow).map(({ version }) => version)
    const most = { flow: this.#flow, versions, limits, lines: resume, owner, now, until: now + leaseMs, most: AT_ONCE }
    return store.admit({ ...most, first: first.slice(0, AT_ONCE), gone: [...this.gone] })
  }

  /** When to ask again: at once where there may be more, when the rate allows it, else when a run is queued, woken or done with. */
  #plan({ runs, drained, nextAt }: Admitted): void {
    if (runs.length === AT_ONCE) this.#again = true
    this.mayHaveMore = this.#again || !drained
    if (nextAt !== undefined && nextAt !== this.#alarm?.at) {
      this.#alarm?.forget()
      this.#alarm = { at: nextAt, forget: this.#o.clock.alarm(nextAt, () => this.#wake()) }
    }
  }

  /** What a process of this machine held when it was killed is free, and its runs go on before others begin. */
  async #lookForGone(holders: readonly string[]): Promise<void> {
    const gone = holders.filter((holder) => !this.gone.has(holder) && isGone(holder))
    if (gone.length === 0) return
    for (const holder of gone) this.gone.add(holder)
    this.#again = true
    if (!this.#o.resume) return
    const running = await this.#o.store.list({ flow: this.#flow, status: ['running'], limit: MOST_LEFT })
    for (const { run, owner } of running) if (owner !== undefined && gone.includes(owner)) this.first.set(run, 0)
  }

  #wake(): void {
    this.#alarm = undefined
    if (!this.#stopped) this.ask().catch(() => {})
  }

  #begin(admitted: AdmittedRun): void {
    this.first.delete(admitted.lease.run)
    const beginning = (this.#stopped ? this.#giveBack(admitted, undefined) : this.#drive(admitted)).finally(() => this.#beginning.delete(beginning))
    this.#beginning.add(beginning)
  }

  async #drive(admitted: AdmittedRun): Promise<void> {
    try {
      failpoint('run let through, not driven', admitted.lease.run)
      await this.#o.drive(admitted)
    } catch (error) {
      this.#o.failed(admitted.lease.run, error)
      await this.#giveBack(admitted, error)
    }
  }

  /** Its place is free again. It is due at once, for whoever comes next; one that cannot be read waits for a person. */
  async #giveBack({ lease: { run, epoch } }: AdmittedRun, error: unknown): Promise<void> {
    const head = TuttiError.is(error, 'JOURNAL_CORRUPT') ? ({ status: 'suspended' } as const) : undefined
    await this.#o.store.append({ run, epoch, entries: [], head, release: true }).catch(() => {})
  }
}
