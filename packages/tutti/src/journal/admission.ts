/**
 * Which runs of a queue may be driven now: the same decision over every store, made inside its transaction.
 *
 * Owns: the order (runs that go on first, then priority, then tenants in turn, then age) and the limits. Does not own: where the facts lie.
 * Invariants: no more than `concurrency` leases of a flow are alive, nor `perTenant` of one tenant; no more than `rate.runs` begin in any stretch of
 * `rate.ms`; a tenant that waits is served before any other is served twice, among runs of one priority.
 * Cost: constant per run let through, and per line that is passed over because its tenant is at a limit.
 * On a crash: a lease that nobody renews runs out, and what it held is free. A process that only stood still cannot renew it once its place was given away.
 */
import type { RunId } from '../primitives/index.ts'
import type { AdmitJob } from './job.ts'
import type { Rate } from './queue.port.ts'
import type { Admitted, AdmittedRun } from './store.port.ts'

/** The queued runs of one tenant, priority and version of a flow, in the order they came. Lines of one priority take turns. */
export interface Line {
  readonly flow: string
  readonly tenant: string
  readonly version: string
  readonly priority: number
  /** Rises; the lowest is next. A line that was served goes behind all others. */
  readonly turn: number
}

export interface Held {
  readonly tenant: string
  readonly owner: string
  readonly runs: number
}

/** What lies in a store, as far as a queue needs it. */
export interface QueueFacts {
  /** The living leases that this queue has given. */
  held(flow: string, now: number): readonly Held[]
  tenantOf(run: RunId): { readonly tenant: string; readonly isQueued: boolean } | undefined
  /** By falling priority, then by rising turn. */
  lineAfter(flow: string, last: Line | undefined): Line | undefined
  /** The run that has waited longest; forgets the line when there is none. */
  front(line: Line): RunId | undefined
  /** Puts a line behind all others. */
  served(line: Line): void
  /** Takes the lease of a run and counts it as held by this queue; `undefined` when it cannot be taken. */
  take(run: RunId, job: AdmitJob): AdmittedRun | undefined
  /** Leases that ran out are nobody's from now on: their places are given away, so whoever held them is refused when they renew them. */
  lapse(flow: string, now: number): void
  /** When the `n`th last run of this lane began. */
  beganAt(lane: string, n: number, now: number): number | undefined
  /** Is remembered for `keepMs`. What need not be remembered any more is forgotten, of other lanes too: many a tenant never comes back. */
  begin(lane: string, now: number, keepMs: number): void
}

export function admit(facts: QueueFacts, job: AdmitJob): Admitted {
  const round = new Round(facts, job)
  for (const run of job.first) round.goOn(run)
  if (job.lines) round.serveLines()
  const admitted = round.answer()
  if (admitted.runs.length > 0) facts.lapse(job.flow, job.now)
  return admitted
}

class Round {
  readonly #facts: QueueFacts
  readonly #job: AdmitJob
  readonly #byTenant = new Map<string, number>()
  readonly #holders = new Set<string>()
  readonly #taken: AdmittedRun[] = []
  readonly #elsewhere: RunId[] = []
  #drained = false
  #held = 0
  #nextAt: number | undefined

  constructor(facts: QueueFacts, job: AdmitJob) {
    this.#facts = facts
    this.#job = job
    for (const { tenant, owner, runs } of facts.held(job.flow, job.now)) {
      if (job.gone.includes(owner)) continue
      if (owner !== job.owner) this.#holders.add(owner)
      this.#count(tenant, runs)
    }
  }

  /** A run named by the caller, ahead of the lines. */
  goOn(run: RunId): void {
    if (!this.#hasRoom()) return
    const found = this.#facts.tenantOf(run)
    if (found && !this.#hasRoomFor(found.tenant)) return
    if (found?.isQueued && !(this.#mayBegin() && this.#mayBeginFor(found.tenant))) return
    if (!found || !this.#take(run, found.tenant)) this.#elsewhere.push(run)
  }

  serveLines(): void {
    let line: Line | undefined
    let passedOver = false
    while (this.#hasRoom()) {
      line = this.#facts.lineAfter(this.#job.flow, line)
      this.#drained = !line && !passedOver
      if (!line || !this.#mayBegin()) return
      if (!this.#job.versions.includes(line.version)) continue
      if (!this.#hasRoomFor(line.tenant) || !this.#mayBeginFor(line.tenant)) {
        passedOver = true
        continue
      }
      const run = this.#facts.front(line)
      if (run === undefined) continue
      this.#take(run, line.tenant)
      this.#facts.served(line)
    }
  }

  answer(): Admitted {
    const [runs, elsewhere, drained, holders] = [this.#taken, this.#elsewhere, this.#drained, [...this.#holders]]
    return { runs, elsewhere, drained, holders, ...(this.#nextAt !== undefined && { nextAt: this.#nextAt }) }
  }

  #take(run: RunId, tenant: string): boolean {
    const taken = this.#facts.take(run, this.#job)
    if (!taken) return false
    this.#taken.push(taken)
    this.#count(tenant, 1)
    if (taken.isNew) this.#noteBegun(tenant)
    return true
  }

  #noteBegun(tenant: string): void {
    const { flow, now, limits } = this.#job
    if (limits.rate) this.#facts.begin(laneOf(flow), now, limits.rate.ms)
    if (limits.ratePerTenant) this.#facts.begin(laneOf(flow, tenant), now, limits.ratePerTenant.ms)
  }

  #count(tenant: string, runs: number): void {
    this.#held += runs
    this.#byTenant.set(tenant, (this.#byTenant.get(tenant) ?? 0) + runs)
  }

  #hasRoom(): boolean {
    return this.#taken.length < this.#job.most && this.#held < (this.#job.limits.concurrency ?? Number.POSITIVE_INFINITY)
  }

  #hasRoomFor(tenant: string): boolean {
    return (this.#byTenant.get(tenant) ?? 0) < (this.#job.limits.perTenant ?? Number.POSITIVE_INFINITY)
  }

  #mayBegin(): boolean {
    return this.#isWithin(this.#job.limits.rate, laneOf(this.#job.flow))
  }

  #mayBeginFor(tenant: string): boolean {
    return this.#isWithin(this.#job.limits.ratePerTenant, laneOf(this.#job.flow, tenant))
  }

  /** True when so many began long enough ago; otherwise notes when that will be so. */
  #isWithin(rate: Rate | undefined, lane: string): boolean {
    const before = rate && this.#facts.beganAt(lane, rate.runs, this.#job.now)
    if (rate === undefined || before === undefined || before + rate.ms <= this.#job.now) return true
    this.#nextAt = Math.min(this.#nextAt ?? Number.POSITIVE_INFINITY, before + rate.ms)
    return false
  }
}

/** Whose beginnings are counted together: those of a flow, or of one tenant of it. */
const laneOf = (...names: readonly string[]): string => JSON.stringify(names)
