/** The queues of a memory store: the plain statement of what every store keeps for them. */
import type { RunId } from '../primitives/index.ts'
import type { Held, Line, QueueFacts } from './admission.ts'
import type { AdmitJob } from './job.ts'
import type { QueuePlace } from './queue.port.ts'
import { placeAmong } from './queue-place.ts'
import type { AdmittedRun, RunHead } from './store.port.ts'

interface OpenLine extends Line {
  turn: number
  readonly runs: Set<RunId>
}

export interface MemoryRuns {
  head(run: RunId): RunHead | undefined
  /** Takes the lease of a run. */
  lease(run: RunId, job: AdmitJob): AdmittedRun | undefined
  /** It is nobody's any more. */
  letGo(run: RunId): void
}

export class MemoryQueue implements QueueFacts {
  readonly #runs: MemoryRuns
  readonly #lines = new Map<string, OpenLine[]>()
  readonly #held = new Map<string, Set<RunId>>()
  /** That which ran last stands last. */
  readonly #began = new Map<string, { readonly at: readonly number[]; readonly until: number }>()
  #turn = 0

  constructor(runs: MemoryRuns) {
    this.#runs = runs
  }

  join({ run, flow, version, scope: { tenant } }: RunHead, priority: number): void {
    const lines = this.#lines.get(flow) ?? []
    this.#lines.set(flow, lines)
    let line = lines.find((each) => each.tenant === tenant && each.version === version && each.priority === priority)
    if (!line) {
      line = { flow, tenant, version, priority, turn: ++this.#turn, runs: new Set() }
      lines.push(line)
      lines.sort(byRank)
    }
    line.runs.add(run)
  }

  /** A run that is queued for this flow in this version, if there is one. */
  anyOf(flow: string, version: string): RunId | undefined {
    for (let line = this.lineAfter(flow, undefined); line; line = this.lineAfter(flow, line)) {
      const run = line.version === version ? this.front(line) : undefined
      if (run !== undefined) return run
    }
    return undefined
  }

  place(run: RunId): QueuePlace | undefined {
    const head = this.#runs.head(run)
    if (head?.status !== 'queued') return undefined
    const lines = this.#lines.get(head.flow)?.map((line) => ({ ...line, runs: [...line.runs].filter((each) => this.#isQueued(each)) })) ?? []
    const mine = lines.find(({ runs }) => runs.includes(run))
    if (!mine) return undefined
    const lengths = lines.map(({ priority, turn, runs }) => ({ priority, turn, runs: runs.length }))
    return placeAmong({ priority: mine.priority, turn: mine.turn, before: mine.runs.indexOf(run) }, lengths)
  }

  held(flow: string, now: number): readonly Held[] {
    const held: Held[] = []
    for (const run of this.#held.get(flow) ?? []) {
      const { owner, leaseUntil = 0, scope } = this.#runs.head(run) ?? {}
      if (owner === undefined || !scope) this.#held.get(flow)?.delete(run)
      else if (leaseUntil > now) held.push({ tenant: scope.tenant, owner, runs: 1 })
    }
    return held
  }

  tenantOf(run: RunId): { readonly tenant: string; readonly isQueued: boolean } | undefined {
    const head = this.#runs.head(run)
    return head && { tenant: head.scope.tenant, isQueued: head.status === 'queued' }
  }

  lineAfter(flow: string, last: Line | undefined): Line | undefined {
    const line = this.#lines.get(flow)?.find((each) => !last || byRank(each, last) > 0)
    return line && { ...line }
  }

  front(of: Line): RunId | undefined {
    const line = this.#open(of)
    for (const run of line?.runs ?? []) {
      if (this.#isQueued(run)) return run
      line?.runs.delete(run)
    }
    this.#lines.set(of.flow, this.#lines.get(of.flow)?.filter((each) => each !== line) ?? [])
    return undefined
  }

  served(of: Line): void {
    const line = this.#open(of)
    if (!line) return
    line.turn = ++this.#turn
    this.#lines.get(of.flow)?.sort(byRank)
  }

  take(run: RunId, job: AdmitJob): AdmittedRun | undefined {
    const taken = this.#runs.lease(run, job)
    if (!taken) return undefined
    const held = this.#held.get(job.flow) ?? new Set()
    this.#held.set(job.flow, held.add(run))
    return taken
  }

  lapse(flow: string, now: number): void {
    for (const run of this.#held.get(flow) ?? []) if ((this.#runs.head(run)?.leaseUntil ?? now + 1) <= now) this.#runs.letGo(run)
  }

  beganAt(lane: string, n: number, now: number): number | undefined {
    const began = this.#began.get(lane)
    if (!began) return undefined
    const late = (began.at.at(-1) ?? 0) - now
    if (late > 0) this.#began.set(lane, { at: began.at.map((at) => Math.min(at, now)), until: began.until - late })
    return this.#began.get(lane)?.at.at(-n)
  }

  begin(lane: string, now: number, keepMs: number): void {
    const began = this.#began.get(lane)?.at.filter((at) => at > now - keepMs) ?? []
    this.#began.delete(lane)
    this.#began.set(lane, { at: [...began, now], until: now + keepMs })
    for (const [oldest, { until }] of this.#began) {
      if (until > now) break
      this.#began.delete(oldest)
    }
  }

  /** Nothing of this tenant is queued. */
  forget(tenant: string): void {
    for (const [flow, lines] of this.#lines)
      this.#lines.set(
        flow,
        lines.filter((line) => line.tenant !== tenant || this.front(line) !== undefined),
      )
    for (const lane of this.#began.keys()) if ((JSON.parse(lane) as string[])[1] === tenant) this.#began.delete(lane)
  }

  #open({ flow, tenant, version, priority }: Line): OpenLine | undefined {
    return this.#lines.get(flow)?.find((each) => each.tenant === tenant && each.version === version && each.priority === priority)
  }

  #isQueued(run: RunId): boolean {
    return this.#runs.head(run)?.status === 'queued'
  }
}

const byRank = (a: Line, b: Line): number => b.priority - a.priority || a.turn - b.turn
