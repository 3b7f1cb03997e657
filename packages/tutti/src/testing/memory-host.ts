/**
 * An engine elsewhere, in memory, for tests: it keeps the log of each run as text, gives attempts to the workers that are open, and loses them where a test says so.
 * It asks of a hosted run what `@tutti/restate` asks, in the same order.
 */

import type { StandingBudgets } from '../budget/index.ts'
import type { JournalStore } from '../journal/index.ts'
import type { Clock, RunId } from '../primitives/index.ts'
import type { AnyFlow } from '../run/index.ts'
import { type Group, groupText, type Host, HostedEngine, type HostedRun, type HostedRuns, parseGroup, type SubmittedRun, type Told } from '../run/index.ts'

/** What the log of one run holds. A rest says what ended it. */
type Logged = { readonly group: string } | { readonly woken: Told | 'timer' }

interface HostedLog {
  readonly submitted: SubmittedRun
  readonly lines: string[]
  readonly told: Told[]
  wake: () => void
  attempt: HostedRun | undefined
  /** Which attempt is the last: what an earlier one says is not heard. */
  number: number
  /** An attempt said that it is done: no other is made. */
  done: boolean
}

/** Where an attempt may be lost: before a group is in the log, or after that and before the run hears of it. */
export type LossPoint = 'before' | 'after'

export class MemoryHost implements Host {
  readonly #logs = new Map<RunId, HostedLog>()
  readonly #lose: (line: number, point: LossPoint) => boolean
  #worker: HostedRuns | undefined
  /** How many attempts were lost. */
  losses = 0

  constructor(lose: (line: number, point: LossPoint) => boolean = () => false) {
    this.#lose = lose
  }

  async open(runs: HostedRuns): Promise<void> {
    this.#worker = runs
    for (const log of this.#logs.values()) this.#attempt(log)
  }

  async submit(submitted: SubmittedRun): Promise<void> {
    if (this.#logs.has(submitted.run)) return
    const log: HostedLog = { submitted: JSON.parse(JSON.stringify(submitted)), lines: [], told: [], wake: () => {}, attempt: undefined, number: 0, done: false }
    this.#logs.set(submitted.run, log)
    this.#attempt(log)
  }

  async tell({ run }: Pick<SubmittedRun, 'run'>, what: Told): Promise<void> {
    const log = this.#logs.get(run)
    log?.told.push(what)
    log?.wake()
  }

  /** Every attempt is lost at once, as with their process; new ones are made. */
  loseAll(): void {
    for (const log of this.#logs.values()) this.#loseAttempt(log)
  }

  async close(): Promise<void> {
    this.#worker = undefined
  }

  /** What the log holds of a run, in order. */
  groups(run: string): readonly Group[] {
    const logged = (this.#logs.get(run as RunId)?.lines ?? []).map((line) => JSON.parse(line) as Logged)
    return logged.flatMap((line) => ('group' in line ? [parseGroup(line.group, run as RunId)] : []))
  }

  #loseAttempt(log: HostedLog): void {
    this.losses++
    log.attempt?.release()
    this.#attempt(log)
  }

  #attempt(log: HostedLog): void {
    const runs = this.#worker
    if (!runs || log.done) return
    const number = ++log.number
    const attempt = runs.attempt(log.submitted.run, JSON.parse(JSON.stringify(log.submitted.entries)))
    log.attempt = attempt
    this.#drive(log, attempt, number)
      .catch(() => {
        // As any attempt that comes to nothing: another one is made, after a moment.
        if (log.number === number) setTimeout(() => log.number === number && this.#attempt(log), 1)
      })
      .finally(() => runs.ended(attempt))
  }

  async #drive(log: HostedLog, run: HostedRun, number: number): Promise<void> {
    let rests = 0
    for (let line = 0; ; line++) {
      const recorded = log.lines[line]
      const group =
        recorded === undefined ? await this.#logNext(log, run, number, line) : parseGroup((JSON.parse(recorded) as { group: string }).group, log.submitted.run)
      if (!group || log.number !== number) return
      if (recorded === undefined) run.committed(group)
      else run.recall(group)
      if (group.over === 'ended') {
        await run.flushed()
        log.done ||= log.number === number
        return
      }
      if (!group.rest && !group.over) continue
      line++
      const woken =
        log.lines[line] === undefined
          ? await this.#untilWoken(log, group, number, rests)
          : (JSON.parse(log.lines[line] as string) as { woken: Told | 'timer' }).woken
      if (!woken || log.number !== number) return
      if (woken !== 'timer') rests++
      if (woken === 'resume') run.resume()
      run.poke()
    }
  }

  /** The next group, once it is in the log; nothing when the attempt is lost. */
  async #logNext(log: HostedLog, run: HostedRun, number: number, line: number): Promise<Group | undefined> {
    const group = await run.next()
    const text = JSON.stringify({ group: groupText(group) })
    if (log.number !== number) return undefined
    if (this.#lose(line, 'before')) return void this.#loseAttempt(log)
    log.lines.push(text)
    if (this.#lose(line, 'after')) return void this.#loseAttempt(log)
    return group
  }

  async #untilWoken(log: HostedLog, { rest }: Group, number: number, rests: number): Promise<Told | 'timer' | undefined> {
    const woken = await new Promise<Told | 'timer'>((resolve) => {
      const look = (): void => {
        const told = log.told[rests]
        if (told) resolve(told)
      }
      log.wake = look
      if (rest?.wakeAt !== undefined) setTimeout(() => resolve('timer'), Math.min(2 ** 30, Math.max(0, rest.wakeAt - rest.now))).unref()
      look()
    })
    if (log.number !== number) return undefined
    log.lines.push(JSON.stringify({ woken }))
    return woken
  }
}

/** An engine whose runs live on `host`. */
export const hostedEngine = (host: Host, store: JournalStore, flows: readonly AnyFlow[], clock?: Clock, budgets?: StandingBudgets): HostedEngine =>
  new HostedEngine({ store, flows, schedules: [], clock, resume: true, budgets, servicesOf: () => new Map() }, host)
