/**
 * What an engine does beside driving its runs: it renews their leases, and takes up what nobody drives.
 *
 * Owns: the tick. Does not own: the runs, which are taken up through the engine.
 * Invariants: I2 (leases are renewed well before they run out; a run whose lease is lost ends here at once).
 */
import { TuttiError } from '../../errors/index.ts'
import type { RunHead } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import type { EngineParts } from './engine-parts.port.ts'
import type { LiveRun } from './live-run.ts'
import { fenced } from './own-lease.ts'
import { isGone } from './owner.ts'
import type { Queues } from './queues.ts'
import { pagesOfRuns } from './run-pages.ts'
import type { Standings } from './standings.ts'

/** So many runs are taken up together. */
const AT_ONCE = 200
/** So many runs may ask for their messages one by one. */
const FEW = 4

export interface UpkeepOptions extends Omit<EngineParts, 'owner'> {
  readonly queues: Queues
  readonly standings: Standings
  readonly live: ReadonlyMap<RunId, LiveRun>
  takeUp(run: RunId): Promise<void>
}

export class Upkeep {
  readonly #o: UpkeepOptions
  #tick: NodeJS.Timeout | undefined
  #renewedAt: number
  #stopped = false
  #looking = false
  #again = false
  #changes = 0
  #heeding = false

  constructor(o: UpkeepOptions) {
    this.#o = o
    this.#renewedAt = o.clock.now()
  }

  /** At start-up: what nobody drives is taken up, and from then on what comes due. */
  async begin(): Promise<void> {
    if (!this.#o.resume) return
    await this.#takeUpOrphans()
    await this.#takeUpDue()
    await this.#o.queues.look()
    this.keepTicking()
  }

  /** Ticks for as long as runs may come due. Only runs driven here, and whoever waits for one, keep the process from ending. */
  keepTicking(): void {
    if (this.#stopped) return
    // biome-ignore lint/plugin: leases run out in real time, and an interval alone can be told not to keep the process from ending
    this.#tick ??= setInterval(() => this.#lookAfter().catch(() => {}), Math.min(1_000, this.#o.leaseMs / 4))
    this.#tick.ref()
  }

  /** How often the store has said that it may hold something new. */
  get changes(): number {
    return this.#changes
  }

  /** A new run begins. Only if the store has said something since it was made can something have been sent to it; then all that begin now ask with one question. */
  heed(changesBefore: number): void {
    if (this.#changes === changesBefore || this.#heeding) return
    this.#heeding = true
    setImmediate(() => {
      this.#heeding = false
      this.#pokeSpokenTo()
    })
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#tick)
  }

  /** The store may hold something new: of this run, or of anyone. */
  changed(run?: RunId): void {
    this.#changes++
    const { live, standings } = this.#o
    if (run === undefined) this.#pokeSpokenTo()
    else poke([live.get(run)])
    if (run === undefined) standings.tell(live)
    else standings.lookAgain(run)
    this.#lookForDue()
  }

  /** Of many runs those that have a message: one question for all, where each would ask for its own. */
  #pokeSpokenTo(): void {
    const { live, store } = this.#o
    if (live.size <= FEW) return poke(live.values())
    const flows = [...new Set([...live.values()].map(({ flow }) => flow.name))]
    store.unheard(flows, AT_ONCE).then(
      (heads) => poke(heads.length < AT_ONCE ? heads.map(({ run }) => live.get(run)) : live.values()),
      () => poke(live.values()),
    )
  }

  /** One look at a time: what came during one is made up for by one more. */
  #lookForDue(): void {
    if (this.#stopped) return
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    const { queues, resume } = this.#o
    Promise.allSettled([resume ? this.#takeUpDue() : undefined, queues.look()]).then(() => {
      this.#looking = false
      if (!this.#again) return
      this.#again = false
      this.#lookForDue()
    })
  }

  async #lookAfter(): Promise<void> {
    const { clock, live, standings, queues, leaseMs, resume } = this.#o
    if (live.size === 0 && !standings.isWatched) this.#tick?.unref()
    if (clock.now() - this.#renewedAt >= leaseMs / 4) await this.#renew()
    standings.tell(live)
    if (resume) await this.#takeUpDue()
    await queues.look()
  }

  /** `undefined` when nothing is late. */
  renewLate(): Promise<void> | undefined {
    const { clock, live, leaseMs } = this.#o
    return live.size > 0 && clock.now() - this.#renewedAt >= leaseMs ? this.#renew() : undefined
  }

  async #renew(): Promise<void> {
    const { clock, live, store, leaseMs } = this.#o
    this.#renewedAt = clock.now()
    const leases = [...live].map(([run, { activation }]) => ({ run, epoch: activation.epoch, until: 0 }))
    if (leases.length === 0) return
    const until = this.#renewedAt + leaseMs
    const lost = new Set(await store.renew(leases, until))
    for (const { run, epoch } of leases) {
      const activation = live.get(run)?.activation
      if (activation?.epoch !== epoch) continue
      if (lost.has(run)) activation.fail(fenced(run))
      else activation.lease.until = until
    }
  }

  async #takeUpDue(): Promise<void> {
    const { store, registry, queues, clock, live } = this.#o
    const unqueued = registry.versions().filter(({ flow }) => !queues.has(flow))
    const due = await store.due(unqueued, clock.now(), AT_ONCE)
    await this.#takeUpAll(due.filter(({ run }) => !live.has(run)))
  }

  /** What a process of this machine left behind when it was killed need not wait for its lease to run out. */
  async #takeUpOrphans(): Promise<void> {
    const { store, registry } = this.#o
    for await (const running of pagesOfRuns(store, ['running'])) await this.#takeUpAll(running.filter((head) => isGone(head.owner) && registry.has(head)))
  }

  async #takeUpAll(heads: readonly RunHead[]): Promise<void> {
    await Promise.all(heads.map(({ run }) => this.#o.takeUp(run).catch((error) => this.notTakenUp(run, error))))
  }

  /** One run that cannot be read holds up no other. */
  notTakenUp(run: RunId, error: unknown): void {
    if (isElsewhere(error)) return
    this.#o.standings.set(run, {
      type: 'stopped',
      error: TuttiError.is(error) ? error : new TuttiError('JOURNAL_UNWRITABLE', String(error), { cause: error }),
    })
  }
}

/** A run that another process drives, or whose flow is not here, is not ours to take up. */
export const isElsewhere = (error: unknown): boolean =>
  TuttiError.is(error) && ['RUN_BUSY', 'CONFIG_FLOW_UNKNOWN', 'RUN_VERSION_MISMATCH', 'ENGINE_CLOSED'].includes(error.code)

function poke(runs: Iterable<LiveRun | undefined>): void {
  for (const one of runs) one?.activation.poke().catch(() => {})
}
