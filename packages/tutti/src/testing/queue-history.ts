/**
 * Random histories of one queue, over stores that several processes use, and what must be true after each step of them.
 *
 * Owns: the record of what was let through, which is kept from the answers alone. Does not own: what happens (`QueueEvent`), the stores.
 */
import { expect } from 'vitest'
import type { Admitted, Entry, JournalStore, QueueLimits } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { NOW, newRun, started } from './sample-run.ts'

export type QueueEvent =
  | { readonly type: 'arrives'; readonly tenant: string; readonly priority: number }
  | { readonly type: 'asks'; readonly process: number; readonly most: number; readonly first: readonly number[] }
  | { readonly type: 'all-ask'; readonly most: number }
  | { readonly type: 'leaves'; readonly which: number; readonly status: 'waiting' | 'completed' }
  | { readonly type: 'renews'; readonly process: number }
  | { readonly type: 'dies'; readonly process: number; readonly isSeen: boolean }
  | { readonly type: 'passes'; readonly ms: number }

interface Job {
  readonly run: RunId
  readonly tenant: string
  readonly priority: number
  status: 'queued' | 'running' | 'waiting' | 'completed'
  epoch: number
  /** Who drives it, as far as they know. */
  owner: string | undefined
  until: number
}

interface Asked extends Admitted {
  readonly owner: string
  readonly most: number
  readonly first: readonly RunId[]
}

const LEASE_MS = 2_000
const MOST_ASKED = 400

export class QueueHistory {
  readonly #stores: readonly JournalStore[]
  readonly #flow: string
  readonly #limits: QueueLimits
  readonly #jobs: Job[] = []
  /** Who asks now; a process that died has another name when it is back. */
  readonly #owners: string[]
  readonly #gone: string[] = []
  readonly #begun: { readonly tenant: string; readonly at: number }[] = []
  /** By tenant and priority: who was served how often while that tenant waited and could have been. */
  readonly #passed = new Map<string, Map<string, number>>()
  #now = NOW

  /**
   * @param stores one for each process, over the same runs
   * @param flow whose queue it is; of nobody else
   */
  constructor(stores: readonly JournalStore[], flow: string, limits: QueueLimits) {
    this.#stores = stores
    this.#flow = flow
    this.#limits = limits
    this.#owners = stores.map((_, i) => `process ${i}`)
  }

  async happen(event: QueueEvent): Promise<void> {
    switch (event.type) {
      case 'arrives':
        return this.#arrive(event.tenant, event.priority)
      case 'asks':
        return this.#see([await this.#ask(event.process, event.most, this.#named(event.first))])
      case 'all-ask':
        return this.#see(await Promise.all(this.#owners.map((_, process) => this.#ask(process, event.most, []))))
      case 'leaves':
        return this.#leave(this.#jobs[event.which % this.#jobs.length], event.status)
      case 'renews':
        return this.#renew(event.process)
      case 'dies':
        return this.#die(event.process, event.isSeen)
      case 'passes':
        this.#now += event.ms
    }
  }

  /** From here on every run that is let through ends: all of them have their turn. */
  async playOut(): Promise<void> {
    for (let asked = 0; asked < MOST_ASKED; asked++) {
      const open = this.#jobs.filter(({ status }) => status !== 'completed')
      if (open.length === 0) return
      const atRest = open.filter((job) => job.status !== 'queued' && !this.#isHeld(job)).map(({ run }) => run)
      const answer = await this.#ask(0, 100, atRest)
      this.#see([answer])
      for (const job of open) await this.#leave(job, 'completed')
      if (answer.runs.length === 0) this.#now = Math.min(answer.nextAt ?? Number.POSITIVE_INFINITY, this.#now + LEASE_MS)
    }
    expect(this.#jobs.filter(({ status }) => status !== 'completed')).toEqual([])
  }

  async #arrive(tenant: string, priority: number): Promise<void> {
    const run = `${this.#flow} ${this.#jobs.length}` as RunId
    this.#jobs.push({ run, tenant, priority, status: 'queued', epoch: 0, owner: undefined, until: 0 })
    const entries = [{ ...started(run), priority } as Entry]
    await this.#storeOf(0).create(newRun(run, { flow: this.#flow, scope: { tenant }, entries, lease: undefined, head: { status: 'queued' } }))
  }

  async #ask(process: number, most: number, first: readonly RunId[]): Promise<Asked> {
    const owner = this.#owners[process] as string
    const { limits, now, gone } = { limits: this.#limits, now: this.#now, gone: this.#gone }
    const asked = { flow: this.#flow, versions: ['1'], limits, first, lines: true, owner, now, until: now + LEASE_MS, most, gone }
    return { ...(await this.#storeOf(process).admit(asked)), owner, most, first }
  }

  async #leave(job: Job | undefined, status: 'waiting' | 'completed'): Promise<void> {
    if (!job || !this.#owners.includes(job.owner ?? '')) return
    Object.assign(job, { status, owner: undefined })
    await this.#storeOf(0).append({ run: job.run, epoch: job.epoch, entries: [], head: { status }, release: true })
  }

  /** Also leases that ran out, as a process does that stood still for a while. */
  async #renew(process: number): Promise<void> {
    const mine = this.#jobs.filter(({ owner }) => owner === this.#owners[process])
    const until = this.#now + LEASE_MS
    const lost = await this.#storeOf(process).renew(
      mine.map(({ run, epoch }) => ({ run, epoch, until })),
      until,
    )
    for (const job of mine) {
      if (!lost.includes(job.run)) job.until = until
      else {
        expect(job.until, `${job.run} was lost before its lease ran out`).toBeLessThanOrEqual(this.#now)
        job.owner = undefined
      }
    }
    this.#checkLimits()
  }

  #die(process: number, isSeen: boolean): void {
    if (isSeen) this.#gone.push(this.#owners[process] as string)
    this.#owners[process] = `${this.#owners[process]}, again`
  }

  #see(answers: readonly Asked[]): void {
    const before = new Set(this.#jobs.filter(({ status }) => status === 'queued'))
    for (const answer of answers) this.#note(answer)
    this.#checkLimits()
    for (const answer of answers) this.#checkOrder(answer, before)
    const lines = new Set([...before].map(lineOf))
    for (const line of this.#passed.keys()) if (!lines.has(line)) this.#passed.delete(line)
  }

  #note({ runs, elsewhere, owner }: Asked): void {
    for (const { lease, isNew } of runs) {
      const job = this.#jobOf(lease.run)
      expect([this.#isHeld(job), job.status === 'completed', isNew, lease.epoch], `${job.run} is taken`).toEqual([
        false,
        false,
        job.status === 'queued',
        job.epoch + 1,
      ])
      Object.assign(job, { status: 'running', owner, epoch: lease.epoch, until: lease.until })
      if (isNew) this.#begun.push({ tenant: job.tenant, at: this.#now })
    }
    for (const run of elsewhere) expect(this.#isHeld(this.#jobOf(run)) || this.#jobOf(run).status === 'completed', `${run} is elsewhere`).toBe(true)
  }

  #checkLimits(): void {
    const { concurrency = Number.POSITIVE_INFINITY, perTenant = Number.POSITIVE_INFINITY, rate, ratePerTenant } = this.#limits
    expect(this.#held()).toBeLessThanOrEqual(concurrency)
    for (const tenant of this.#tenants()) {
      expect(this.#held(tenant), tenant).toBeLessThanOrEqual(perTenant)
      for (const { at } of this.#begun) if (ratePerTenant) expect(this.#begunUntil(at, ratePerTenant.ms, tenant)).toBeLessThanOrEqual(ratePerTenant.runs)
    }
    for (const { at } of this.#begun) if (rate) expect(this.#begunUntil(at, rate.ms)).toBeLessThanOrEqual(rate.runs)
  }

  /** @param queued before; what is taken leaves it */
  #checkOrder({ runs, first, most }: Asked, queued: Set<Job>): void {
    for (const { lease, isNew } of runs) {
      const job = this.#jobOf(lease.run)
      queued.delete(job)
      if (isNew && !first.includes(job.run)) this.#checkTurn(job, queued)
    }
    if (runs.length < most && this.#hasRoom()) expect([...queued].filter((job) => this.#hasRoomFor(job.tenant))).toEqual([])
  }

  /** Whoever has room when all is done had it all the time. */
  #checkTurn(job: Job, queued: ReadonlySet<Job>): void {
    for (const other of queued) {
      const isOlder = this.#jobs.indexOf(other) < this.#jobs.indexOf(job)
      if (lineOf(other) === lineOf(job)) expect(isOlder, `${job.run} passed ${other.run} of its line over`).toBe(false)
      else if (other.priority > job.priority) expect(this.#hasRoomFor(other.tenant), `${job.run} passed ${other.run} over, which has priority`).toBe(false)
    }
    const waiting = new Set(
      [...queued].filter(({ tenant, priority }) => priority === job.priority && tenant !== job.tenant && this.#hasRoomFor(tenant)).map(lineOf),
    )
    for (const line of waiting) {
      const served = this.#passed.get(line) ?? new Map<string, number>()
      this.#passed.set(line, served.set(job.tenant, (served.get(job.tenant) ?? 0) + 1))
      expect(served.get(job.tenant), `${job.tenant} has had a turn while ${line} waited`).toBe(1)
    }
    this.#passed.delete(lineOf(job))
  }

  #named(numbers: readonly number[]): RunId[] {
    return numbers.flatMap((n) => this.#jobs[n % Math.max(1, this.#jobs.length)]?.run ?? [])
  }

  #isHeld({ owner, until }: Job): boolean {
    return owner !== undefined && until > this.#now && !this.#gone.includes(owner)
  }

  #held(tenant?: string): number {
    return this.#jobs.filter((job) => this.#isHeld(job) && (tenant === undefined || job.tenant === tenant)).length
  }

  #begunUntil(end: number, ms: number, tenant?: string): number {
    return this.#begun.filter(({ at, tenant: whose }) => at > end - ms && at <= end && (tenant === undefined || whose === tenant)).length
  }

  #hasRoom(): boolean {
    const { concurrency = Number.POSITIVE_INFINITY, rate } = this.#limits
    return this.#held() < concurrency && (!rate || this.#begunUntil(this.#now, rate.ms) < rate.runs)
  }

  #hasRoomFor(tenant: string): boolean {
    const { perTenant = Number.POSITIVE_INFINITY, ratePerTenant: rate } = this.#limits
    return this.#held(tenant) < perTenant && (!rate || this.#begunUntil(this.#now, rate.ms, tenant) < rate.runs)
  }

  #tenants(): Set<string> {
    return new Set(this.#jobs.map(({ tenant }) => tenant))
  }

  #jobOf(run: RunId): Job {
    return this.#jobs.find((job) => job.run === run) as Job
  }

  #storeOf(process: number): JournalStore {
    return this.#stores[process] as JournalStore
  }
}

const lineOf = ({ tenant, priority }: Job): string => `${tenant} at ${priority}`
