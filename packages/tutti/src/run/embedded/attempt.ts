/** One attempt at some work: what the work is given, and how long it may take or be silent. Made of getters, because most work asks for none of it. */
import { TuttiError } from '../../errors/index.ts'
import { hash128 } from '../../primitives/index.ts'
import type { EffectContext, StreamPart } from '../effect.port.ts'
import type { RunGround } from './ground.port.ts'

/** What is attempted. */
export interface Attempted {
  readonly key: string
  readonly signal: AbortSignal
  readonly spec: { readonly timeoutMs?: number | undefined; readonly idleMs?: number | undefined }
}

export class Attempt implements EffectContext {
  readonly attempt: number
  readonly #ground: RunGround
  readonly #work: Attempted
  readonly #identity: string
  #own: AbortController | undefined
  /** When the work last showed that it goes on (epoch ms). */
  #aliveAt = 0

  /** @param identity what its idempotency key is made of */
  constructor(ground: RunGround, work: Attempted, attempt: number, identity: string = work.key) {
    this.#ground = ground
    this.#work = work
    this.attempt = attempt
    this.#identity = identity
  }

  get signal(): AbortSignal {
    const { timeoutMs, idleMs } = this.#work.spec
    if (timeoutMs === undefined && idleMs === undefined) return this.#work.signal
    this.#own ??= new AbortController()
    return AbortSignal.any([this.#work.signal, this.#own.signal])
  }

  get idempotencyKey(): string {
    return idempotencyKey(this.#ground, this.#identity)
  }

  get scope(): EffectContext['scope'] {
    return this.#ground.started.scope
  }

  /** A function of its own, for it is taken out of the context more often than not. */
  get heartbeat(): () => void {
    return () => this.#live()
  }

  stream(part: StreamPart): boolean {
    this.#live()
    return this.#ground.sight({ type: 'part', run: this.#ground.run, key: this.#work.key, attempt: this.attempt, part })
  }

  /** The same work, cut off when it takes too long or is silent for too long. */
  limited<T>(work: Promise<T>): Promise<T> {
    const { timeoutMs, idleMs } = this.#work.spec
    if (timeoutMs === undefined && idleMs === undefined) return work
    const { key } = this.#work
    return new Promise((resolve, reject) => {
      const watches: (() => void)[] = []
      const cut = (error: TuttiError): void => {
        for (const forget of watches) forget()
        this.#own ??= new AbortController()
        this.#own.abort(error)
        reject(error)
      }
      if (timeoutMs !== undefined) {
        const { clock } = this.#ground
        watches.push(clock.alarm(clock.now() + timeoutMs, () => cut(new TuttiError('RUN_TIMEOUT', `'${key}' took longer than ${timeoutMs} ms`))))
      }
      if (idleMs !== undefined)
        watches.push(this.#whenSilent(idleMs, () => cut(new TuttiError('RUN_STEP_IDLE', `'${key}' showed no sign of life for ${idleMs} ms`))))
      work.then(resolve, reject).then(() => {
        for (const forget of watches) forget()
      })
    })
  }

  #live(): void {
    if (this.#work.spec.idleMs !== undefined) this.#aliveAt = this.#ground.clock.now()
  }

  /** One alarm at a time, set again from the last sign: a sign of life itself sets none. */
  #whenSilent(idleMs: number, silent: () => void): () => void {
    const { clock } = this.#ground
    let forget: () => void
    const look = (): void => {
      const until = this.#aliveAt + idleMs
      if (until <= clock.now()) return silent()
      forget = clock.alarm(until, look)
    }
    this.#live()
    forget = clock.alarm(this.#aliveAt + idleMs, look)
    return () => forget()
  }
}

export const idempotencyKey = ({ run }: Pick<RunGround, 'run'>, identity: string): string => hash128(`${run}|${identity}`)
