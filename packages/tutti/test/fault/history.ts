/** One simulated history: runs, processes, crashes, faults of the disk, signals and jumps of the clock, all from one seed; then a quiet end, and the checks. */
import { vi } from 'vitest'
import { booksStore, type Entry, isTerminal } from '../../src/journal/index.ts'
import { hash128, type RunId } from '../../src/primitives/index.ts'
import { EmbeddedEngine, replayRun } from '../../src/run/index.ts'
import { FaultyDisk, NO_FAULTS, type StoreProcess } from '../../src/testing/faulty-store.ts'
import { flowOfAll, type World } from '../../src/testing/random-flow.ts'
import { randomProgram, type StepNode, seeded } from '../../src/testing/random-program.ts'
import { settled } from '../../src/testing/simulated-clock.ts'
import { doubtsOf, endOf, eventsIn, usageFaults, waitsOf } from './journal-facts.ts'
import { pass } from './passing.ts'
import { readStream, type StreamReader } from './stream-reader.ts'
import { Truth } from './truth.ts'

const DAY = 86_400_000
const LEASE_MS = 2_000
/** Codes that a caller may meet while disks fail and processes die. */
const expected = ['JOURNAL_UNWRITABLE', 'JOURNAL_LOCKED', 'JOURNAL_FENCED', 'ENGINE_CLOSED', 'RUN_FINISHED', 'RUN_NOT_FOUND', 'RUN_BUSY']

type Message = Parameters<EmbeddedEngine['post']>[1]

interface Living {
  readonly process: StoreProcess
  readonly engine: EmbeddedEngine
  readonly flow: ReturnType<typeof flowOfAll>
}

export interface Told {
  readonly violations: readonly string[]
  /** Of each run: how it ended. */
  readonly ends: readonly string[]
  /** A hash of all that was written, in order. */
  readonly digest: string
  /** What happened to the processes and the disk, and every entry in the order in which it became durable, for a person. */
  readonly log: readonly string[]
  readonly journal: readonly string[]
}

/** @param quiet nothing fails and nobody dies */
export async function history(seed: number, { quiet = false }: { readonly quiet?: boolean } = {}): Promise<Told> {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
  const past = new History(seed, quiet)
  try {
    await past.live()
    return await past.told()
  } finally {
    await past.end()
    vi.useRealTimers()
  }
}

/** A third of all seeds: flows without races, whose output is known beforehand. */
export const isPure = (seed: number): boolean => seed % 3 === 0

class History {
  readonly #seed: number
  readonly #random: () => number
  readonly #quiet: boolean
  readonly #pure: boolean
  readonly #truth = new Truth()
  readonly #disk: FaultyDisk
  readonly #programs: readonly ReturnType<typeof randomProgram>[]
  readonly #runs: readonly RunId[]
  readonly #living: Living[] = []
  readonly #readers: StreamReader[] = []
  readonly #posted = new Map<string, RunId>()
  readonly #verdicts = new Map<string, Message>()
  readonly #log: string[] = []
  #booted = 0
  #sent = 0

  constructor(seed: number, quiet: boolean) {
    this.#seed = seed
    this.#quiet = quiet
    this.#pure = isPure(seed)
    this.#random = seeded(seed)
    this.#disk = new FaultyDisk(seeded(seed + 1), this.#truth)
    const count = 2 + this.#below(4)
    this.#programs = Array.from({ length: count }, (_, i) => randomProgram(seed * 31 + i, { races: !this.#pure, outside: true }))
    this.#runs = this.#programs.map((_, i) => `run_${i}` as RunId)
    for (const run of this.#runs) this.#truth.limit(run, this.#limitOf(run))
  }

  // ── what happens ──

  async live(): Promise<void> {
    this.#boot()
    for (const run of this.#runs) {
      this.#start(run)
      this.#readers.push(readStream(run, () => this.#anyone(), this.#truth))
    }
    if (!this.#quiet) {
      this.#boot()
      this.#disk.faults = { full: 0.02, fullMs: 1_500, syncFails: 0.02, answerLost: 0.03, locked: 0.02 }
      for (let i = 0; i < 60; i++) {
        await settled(1 + this.#below(10))
        await this.#something()
      }
    }
    await this.#comeToRest()
  }

  async #something(): Promise<void> {
    const chance = this.#random()
    if (chance < 0.06) this.#kill()
    else if (chance < 0.09) this.#powerCut()
    else if (chance < 0.16) this.#boot()
    else if (chance < 0.22) this.#stopOrGoOn()
    else if (chance < 0.26) this.#jump()
    else if (chance < 0.36) this.#startTwice()
    else if (chance < 0.56) this.#say()
    else if (chance < 0.58 && !this.#pure) this.#cancel()
    else if (chance < 0.62) this.#answerDoubts()
    else await pass([5, 50, 300, LEASE_MS * 1.5][this.#below(4)] as number)
  }

  /** Nothing fails any more: every run must come to its end. */
  async #comeToRest(): Promise<void> {
    this.#disk.faults = NO_FAULTS
    for (const { process } of this.#living) process.goOn()
    if (this.#living.length === 0) this.#boot()
    await this.#wait()
    for (const run of this.#runs)
      if (!this.#hasEnded(run)) this.#truth.found(`R1: ${run} does not come to its end; last: ${JSON.stringify(this.#journal(run).at(-1))?.slice(0, 200)}`)
    for (const { run, done } of this.#readers) if (!done) this.#truth.found(`R1: a reader of ${run} waits for ever`)
  }

  async #wait(): Promise<void> {
    let written = 0
    let idle = 0
    for (let round = 0; idle < 120; round++) {
      if (this.#runs.every((run) => this.#hasEnded(run)) && this.#readers.every(({ done }) => done)) return
      for (const run of this.#runs) if (!this.#truth.journals.has(run)) this.#start(run)
      this.#answerDoubts()
      this.#answerWaits()
      await pass(round % 3 === 2 ? LEASE_MS : 400)
      const now = [...this.#truth.journals.values()].reduce((sum, entries) => sum + entries.length, 0)
      idle = now === written ? idle + 1 : 0
      written = now
      if (round % 4 === 3) vi.setSystemTime(Date.now() + 41 * DAY)
    }
  }

  #boot(): void {
    if (this.#living.length >= 3) return
    const process = this.#disk.boot(`process ${++this.#booted}`)
    process.watcher = this.#truth.watcherOf(process)
    const flow = flowOfAll(this.#programs, (run) => this.#world(process, run))
    const engine = new EmbeddedEngine({ store: process.store, flows: [flow], leaseMs: LEASE_MS, restMs: 50, maxStalls: 1e6 })
    this.#living.push({ process, engine, flow })
    this.#log.push(`${process.name} begins`)
    engine.open().catch(() => {})
  }

  #kill(): void {
    const [gone] = this.#living.splice(this.#below(this.#living.length), 1)
    if (!gone) return
    this.#log.push(`${gone.process.name} is killed`)
    this.#disk.kill(gone.process)
    this.#bury(gone)
  }

  #powerCut(): void {
    this.#log.push('the power is cut')
    this.#disk.cutPower()
    for (const gone of this.#living.splice(0)) this.#bury(gone)
    this.#boot()
  }

  /** Of a process that is gone nothing may go on: its alarms are taken away. */
  #bury({ process, engine }: Living): void {
    process.goOn()
    void engine.close({ graceMs: 0 }).catch(() => {})
  }

  #stopOrGoOn(): void {
    const one = this.#living[this.#below(this.#living.length)]
    if (!one) return
    if (this.#random() < 0.5) one.process.stop()
    else one.process.goOn()
  }

  #jump(): void {
    const by = [3_600_000, -3_600_000, 40 * DAY, 1_500][this.#below(4)] as number
    this.#log.push(`the clock jumps by ${by} ms`)
    vi.setSystemTime(Date.now() + by)
  }

  // ── what people do ──

  #start(run: RunId, by = this.#anyone()): void {
    const asked = by?.engine.start(by.flow, this.#runs.indexOf(run), { id: run, budget: { usd: this.#limitOf(run) / 1e6 } })
    this.#expect(asked?.then((id) => this.#truth.journals.has(id) || this.#truth.found(`R1: the start of ${id} was acknowledged, and it is not there`)))
  }

  /** The same id, from two processes at the same moment. */
  #startTwice(): void {
    const run = this.#anyRun()
    for (const living of [...this.#living]) this.#start(run, living)
  }

  /** Early, late, or twice. */
  #say(): void {
    const n = this.#below(3)
    const run = this.#anyRun()
    const id = `sig:${run}:${this.#random() < 0.2 ? this.#sent : ++this.#sent}`
    this.#post(run, { id, type: 'signal', signal: `said${n}`, value: this.#pure ? `said${n}` : id })
  }

  #cancel(): void {
    const run = this.#anyRun()
    this.#post(run, { id: `cancel:${run}`, type: 'cancel', reason: 'nobody wants it' })
  }

  #answerWaits(): void {
    for (const run of this.#runs)
      for (const { key, signal } of waitsOf(this.#journal(run)))
        this.#post(run, { id: `answer:${run}:${key}`, type: 'signal', signal, key, value: this.#pure ? signal : `late ${key}` })
  }

  /** A person looks what became of an effect in doubt, and says so. */
  #answerDoubts(): void {
    for (const run of this.#runs)
      for (const { key, times } of doubtsOf(this.#journal(run))) {
        const effect = hash128(`${run}|${key}`)
        const id = `verdict:${run}:${key}:${times}`
        const verdict = this.#verdicts.get(id) ?? this.#look(effect, id, key)
        if (verdict && !this.#posted.has(id)) this.#post(run, verdict)
      }
  }

  /** Only when it is not under way any more anywhere can a person tell. */
  #look(effect: string, id: string, key: string): Message | undefined {
    if (this.#truth.isUnderWay(effect)) return undefined
    const value = this.#truth.happened.get(effect)
    const verdict: Message = value === undefined ? { id, type: 'resolve', key, verdict: 'not-done' } : { id, type: 'resolve', key, verdict: 'done', value }
    if (value === undefined) this.#truth.saysNotDone(effect)
    this.#verdicts.set(id, verdict)
    return verdict
  }

  #post(run: RunId, message: Message): void {
    const asked = this.#anyone()?.engine.post(run, message)
    this.#expect(
      asked?.then((reception) => {
        // One that came too late for its wait is told so, and left out.
        if (reception !== 'late') this.#posted.set(message.id, run)
      }),
    )
  }

  #expect(asked: Promise<unknown> | undefined): void {
    asked?.catch((error: { code?: string; message: string }) => {
      if (!expected.includes(error.code ?? '')) this.#truth.found(`a caller met ${error.code ?? ''} ${error.message}`)
    })
  }

  // ── the world that steps work in ──

  #world(process: StoreProcess, run: RunId): World {
    const truth = this.#truth
    const random = this.#random
    const pure = this.#pure
    const late = async (share: number): Promise<void> => {
      const latency = random() * share
      if (latency > 0.95) await new Promise((resolve) => setTimeout(resolve, latency > 0.98 ? 700 : 5))
      else await settled(Math.floor(latency * 5))
      await process.here()
    }
    return {
      executed: [],
      delivered: (value) => truth.delivered(run, value),
      async work(step: StepNode, { idempotencyKey, attempt }) {
        await process.here()
        truth.begins({ process, run, idempotencyKey, effect: step.effect })
        await late(1)
        const value = pure ? hash128(`${idempotencyKey}|${step.input}`).slice(0, 12) : `${run}.${Math.floor(random() * 1e9)}`
        if (step.effect === 'once') truth.happened.set(idempotencyKey, value)
        await late(1)
        truth.ended(idempotencyKey, process)
        if (attempt <= step.throws) throw new Error('by design')
        return value
      },
      async price(worst, ctx) {
        await process.here()
        truth.begins({ process, run, idempotencyKey: ctx.idempotencyKey, effect: 'idempotent' })
        const cost = Math.floor(worst * (0.5 + random() / 2))
        truth.bills(run, cost)
        for (const text of ['a', 'b', 'c']) {
          await late(0.9)
          ctx.stream({ type: 'text', text })
        }
        truth.ended(ctx.idempotencyKey, process)
        return cost
      },
    }
  }

  /** Nothing of it goes on beside the next history. */
  async end(): Promise<void> {
    for (const reader of this.#readers) reader.stop()
    for (const one of this.#living.splice(0)) {
      this.#disk.kill(one.process)
      this.#bury(one)
    }
    await settled(50)
  }

  // ── what came of it ──

  async told(): Promise<Told> {
    this.#truth.keptPromises()
    for (const run of this.#runs) await this.#checkRun(run)
    for (const [id, run] of this.#posted) this.#checkLetter(id, run)
    const written = withoutOwners(JSON.stringify(this.#disk.platter))
    const journal = [...this.#truth.journals].flatMap(([run, entries]) =>
      entries.map((entry) => `${run} ${withoutOwners(JSON.stringify(entry)).slice(0, 220)}`),
    )
    const ends = this.#runs.map((run) => endOf(this.#journal(run)))
    return { violations: [...new Set(this.#truth.violations)], ends, digest: hash128(written), log: this.#log, journal }
  }

  async #checkRun(run: RunId): Promise<void> {
    const journal = this.#journal(run)
    for (const fault of usageFaults(journal, this.#limitOf(run), this.#truth.billOf(run))) this.#truth.found(`R1: ${run}: ${fault}`)
    const shown = this.#readers.find((reader) => reader.run === run)?.events ?? []
    const written = eventsIn(journal)
    if (this.#hasEnded(run) && JSON.stringify(shown) !== JSON.stringify(written))
      this.#truth.found(`R1: a reader of ${run} saw ${shown.length} events where ${written.length} are written: ${firstDifference(shown, written)}`)
    const store = booksStore(
      () => this.#disk.books,
      (jobs) => this.#disk.books.write(jobs),
    )
    if (!this.#hasEnded(run)) return
    const idle: World = { executed: [], work: () => Promise.reject(new Error('a replay executes nothing')) }
    let over = false
    const replayed = replayRun(
      store,
      run,
      flowOfAll(this.#programs, () => idle),
    )
      .catch((error: { code: string; message: string }) => {
        const asRecorded = endOf(journal) === 'completed' ? [] : ['RUN_CANCELLED', 'RUN_FAILED', 'RUN_STEP_FAILED']
        if (!asRecorded.includes(error.code)) this.#truth.found(`D1: the replay of ${run}: ${error.message}`)
      })
      .finally(() => {
        over = true
      })
    // A replay that waits for what never comes gives up after five seconds.
    for (let turns = 0; !over && turns < 80; turns++) await pass(100)
    await replayed
  }

  /** Posted and acknowledged: it is in the journal, once, or it still waits, or the run has ended. */
  #checkLetter(id: string, run: RunId): void {
    const waits = this.#disk.books.runs.get(run)?.inbox.get(id) !== undefined
    const taken = this.#journal(run).filter((entry) => entry.type === 'signal.received' && entry.id === id)
    if (taken.length > 0 && waits) this.#truth.found(`R4: ${id} was taken by ${run} and still lies in its inbox`)
    const answers = taken.filter((entry) => entry.type === 'signal.received' && entry.key !== undefined)
    if (answers.length > 1 || taken.length - answers.length > 1) this.#truth.found(`R4: ${id} was taken ${taken.length} times by ${run}`)
    if (this.#disk.books.runs.get(run)?.inbox.has(id) === false) this.#truth.found(`R4: ${id}, acknowledged, never reached ${run}`)
  }

  #journal(run: RunId): readonly Entry[] {
    return this.#truth.journals.get(run) ?? []
  }

  #hasEnded(run: RunId): boolean {
    return this.#journal(run).some(isTerminal)
  }

  #limitOf(run: RunId): number {
    return this.#pure ? 1_000_000 : 60 + ((this.#seed * 7 + this.#runs.indexOf(run) * 131) % 600)
  }

  #anyone(): Living | undefined {
    return this.#living[this.#below(this.#living.length)]
  }

  #anyRun(): RunId {
    return this.#runs[this.#below(this.#runs.length)] as RunId
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
}

/** The name of an owner holds chance that is not of the seed. */
const withoutOwners = (text: string): string => text.replace(/[\w.-]+:\d+:\w{6}/g, 'owner')

function firstDifference(a: readonly string[], b: readonly string[]): string {
  const at = b.findIndex((each, i) => each !== a[i])
  return `at ${at}: '${a[at]}' for '${b[at]}'`
}
