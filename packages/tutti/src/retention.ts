/**
 * Retention as a standing rule: what is old enough is removed when an app opens, and every hour from then on.
 *
 * Owns: when. Does not own: what is removed and how (`pruneRuns`). Every app that drives a store does so; that several do, harms nothing.
 * A rule that cannot be carried out (a folder that is full) removes nothing, is said as a warning of the process, and is tried again an hour later.
 */
import { checkCriteria, endedStatuses, type JournalStore, pruneRuns, type RunCriteria } from './journal/index.ts'
import { type Clock, checkOptions, type Declared, type Duration, durationMs, is } from './primitives/index.ts'

/** Runs that fit all of it are removed once they ended longer ago than `olderThan`. */
export interface RetentionRule extends Omit<RunCriteria, 'before'> {
  olderThan: Duration
  /** A folder: each run is written there before it is removed; `tutti import` takes it back. */
  archive?: string | undefined
}

const RULE: Declared<RetentionRule> = {
  ...{ olderThan: true, archive: is.text, status: is.list, flow: is.text },
  ...{ tenant: is.text, user: is.text, labels: is.object, keepLast: true },
}

const EVERY_MS = durationMs('1h')

export class Retention {
  readonly #store: JournalStore
  readonly #rules: readonly RetentionRule[]
  readonly #clock: Clock
  readonly #over = new AbortController()
  #forget = (): void => {}
  #sweeping: Promise<void> | undefined

  /** @throws CONFIG_INVALID */
  constructor(store: JournalStore, rules: readonly RetentionRule[], clock: Clock) {
    for (const rule of rules) {
      checkOptions('a rule of retention', rule, RULE)
      checkCriteria({ ...rule, olderThan: durationMs(rule.olderThan, 'retention: olderThan') }, 0)
    }
    this.#store = store
    this.#rules = rules
    this.#clock = clock
  }

  /** The first time at once. */
  start(): void {
    if (this.#rules.length === 0 || this.#over.signal.aborted) return
    this.#sweeping = this.#sweep().finally(() => {
      if (!this.#over.signal.aborted) this.#forget = this.#clock.alarm(this.#clock.now() + EVERY_MS, () => this.start(), { idle: true })
    })
  }

  /** Waits for the slice that is under way. */
  async stop(): Promise<void> {
    this.#over.abort()
    this.#forget()
    await this.#sweeping
  }

  async #sweep(): Promise<void> {
    for (const rule of this.#rules) {
      const { signal } = this.#over
      if (signal.aborted) return
      try {
        await pruneRuns(this.#store, { ...rule, status: rule.status ?? endedStatuses }, { now: this.#clock.now(), signal })
      } catch (error) {
        const { code = 'UNEXPECTED', message } = error as { code?: string; message: string }
        process.emitWarning(`runs were not removed as 'retention' asks: ${message}`, { code })
      }
    }
  }
}
