/** How long one attempt is waited for: until its first token, between two parts of its stream, and in all. Costs nothing where nothing is limited. */
import { TuttiError } from '../errors/index.ts'
import type { Clock } from '../primitives/index.ts'
import type { Timeouts } from './model.port.ts'

export class Patience {
  /** Aborts when it is over, or when the signal it was given does. */
  readonly signal: AbortSignal
  readonly #clock: Clock
  readonly #idleMs: number | undefined
  readonly #model: string
  readonly #own: AbortController | undefined
  #over: TuttiError | undefined
  #aliveAt: number | undefined
  #forgetTotal: () => void = () => {}
  /** Of the first token, then of silence. */
  #forgetNext: () => void = () => {}

  constructor(o: { model: string; clock: Clock; signal: AbortSignal; timeouts: Timeouts }) {
    const { firstTokenMs, idleMs, totalMs } = o.timeouts
    this.#clock = o.clock
    this.#idleMs = idleMs
    this.#model = o.model
    this.signal = o.signal
    if (firstTokenMs === undefined && idleMs === undefined && totalMs === undefined) return
    this.#own = new AbortController()
    this.signal = AbortSignal.any([o.signal, this.#own.signal])
    const now = this.#clock.now()
    if (totalMs !== undefined) this.#forgetTotal = this.#clock.alarm(now + totalMs, () => this.#end(`did not answer in ${totalMs} ms`))
    if (firstTokenMs !== undefined) this.#forgetNext = this.#clock.alarm(now + firstTokenMs, () => this.#end(`did not begin to answer in ${firstTokenMs} ms`))
  }

  /** Why it is over, if it is. */
  get over(): TuttiError | undefined {
    return this.#over
  }

  /** A part of the answer came. */
  alive(): void {
    if (this.#own === undefined) return
    const first = this.#aliveAt === undefined
    this.#aliveAt = this.#clock.now()
    if (!first) return
    this.#forgetNext()
    if (this.#idleMs !== undefined) this.#watchSilence(this.#idleMs)
  }

  forget(): void {
    this.#forgetTotal()
    this.#forgetNext()
  }

  /** One alarm at a time, set again from the last part: a part itself sets none. */
  #watchSilence(idleMs: number): void {
    const until = (this.#aliveAt ?? 0) + idleMs
    if (until <= this.#clock.now()) return this.#end(`fell silent for ${idleMs} ms in the middle of its answer`)
    this.#forgetNext = this.#clock.alarm(until, () => this.#watchSilence(idleMs))
  }

  #end(what: string): void {
    this.forget()
    this.#over = new TuttiError('MODEL_TIMEOUT', `${this.#model} ${what}`, { data: { model: this.#model } })
    this.#own?.abort(this.#over)
  }
}
