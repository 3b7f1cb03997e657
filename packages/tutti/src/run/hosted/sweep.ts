/**
 * What was left in the store and never told to the engine, because whoever wrote it ended in between: looked for by every worker, now and then.
 *
 * Owns: when it looks, and what it saw the last time. Does not own: how the engine is told; being told twice does no harm.
 */
import type { FlowVersion, JournalStore, RunHead } from '../../journal/index.ts'
import type { Clock, RunId } from '../../primitives/index.ts'

const LOOK_MS = 10_000
/** So many at a time; the rest has its turn at the next look. */
const MOST = 200

/** Where a run stood, and for how many looks it has stood there. */
interface Stood {
  readonly lastSeq: number
  readonly looks: number
}

export interface SweepOptions {
  readonly store: JournalStore
  readonly clock: Clock
  readonly flows: readonly FlowVersion[]
  /** Begun in the store, and nobody has driven it yet. */
  submit(run: RunHead): Promise<void>
  /** There is a message for it. */
  tell(run: RunHead): Promise<void>
}

export class Sweep {
  readonly #o: SweepOptions
  #seen = new Map<RunId, Stood>()
  #looking: Promise<void> | undefined
  #forget: () => void = () => {}
  #stopped = false

  constructor(o: SweepOptions) {
    this.#o = o
  }

  begin(): void {
    this.#looking = this.#look()
      // The store or the engine is away: the next look finds the same.
      .catch(() => {})
      .then(() => {
        if (!this.#stopped) this.#forget = this.#o.clock.alarm(this.#o.clock.now() + LOOK_MS, () => this.begin())
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#forget()
    await this.#looking
  }

  /** What has stood there since the last look is not on its way. Whatever holds it up besides is not mended by telling the engine every time, so it is told ever less often. */
  async #look(): Promise<void> {
    const { store, clock, flows } = this.#o
    const before = this.#seen
    const begun = (await store.due(flows, clock.now(), MOST)).filter(({ status, epoch }) => status === 'running' && epoch === 0)
    const unheard = await store.unheard([...new Set(flows.map(({ flow }) => flow))], MOST)
    this.#seen = new Map([...begun, ...unheard].map(({ run, lastSeq }) => [run, { lastSeq, looks: looksAt(before.get(run), lastSeq) }]))
    const stands = ({ run }: RunHead): boolean => isPowerOf2(this.#seen.get(run)?.looks ?? 0)
    for (const head of begun.filter(stands)) await this.#o.submit(head)
    for (const head of unheard.filter(stands)) if (await this.#wouldMove(head)) await this.#o.tell(head)
  }

  /** A run that stands still waits for a person: of all messages only one that ends it moves it. */
  async #wouldMove({ run, status }: RunHead): Promise<boolean> {
    return status !== 'suspended' || (await this.#o.store.inbox(run)).some(({ type }) => type === 'cancel')
  }
}

/** None while it has only just been seen there. */
const looksAt = (before: Stood | undefined, lastSeq: number): number => (before?.lastSeq === lastSeq ? before.looks + 1 : 0)

const isPowerOf2 = (n: number): boolean => n > 0 && (n & (n - 1)) === 0
