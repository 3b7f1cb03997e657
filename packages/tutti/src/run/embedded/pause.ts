/**
 * A pause, in one activation: once somebody has asked for it, or the process is about to go, nothing new begins; what is under way finishes, and then the
 * run is suspended.
 *
 * Owns: what was to begin meanwhile. Does not own: the suspension (the activation's), which answers the messages that asked for it.
 * On a crash those messages are still in the inbox, so whoever takes the run up suspends it before anything begins (`standstill.ts`).
 */
import type { Clock } from '../../primitives/index.ts'
import type { EffectOp } from '../engine.port.ts'

export interface PauseRequest {
  readonly reason: string
  /** The messages that asked for it. */
  readonly taken: readonly string[]
}

export class Pause {
  readonly #clock: Clock
  /** Called when nothing may be left that the pause waits for. */
  readonly #still: () => void
  #held: Map<string, { readonly begin: () => void; readonly wanted: boolean }> | undefined
  #asked: PauseRequest | undefined
  #asleep = 0
  #closed = false

  constructor(clock: Clock, still: () => void) {
    this.#clock = clock
    this.#still = still
  }

  get asked(): PauseRequest | undefined {
    return this.#asked
  }

  /** Attempts whose turn has not come yet: they are under way, but a pause does not wait for them. */
  get asleep(): number {
    return this.#asleep
  }

  /** Something was to begin, and was kept. */
  get holds(): boolean {
    return this.#held !== undefined && this.#held.size > 0
  }

  /** The process is about to go: nothing begins here any more, whoever asks for what. */
  close(): void {
    this.#closed = true
  }

  ask(id: string, reason: string): void {
    this.#asked = { reason: this.#asked?.reason ?? reason, taken: [...(this.#asked?.taken ?? []), id] }
    this.#still()
  }

  /** Keeps what would begin now for later; false when nothing is to be kept. `wanted`: also when the run is cancelled meanwhile. */
  hold(key: string, begin: () => void, wanted = false): boolean {
    if (!this.#asked && !this.#closed) return false
    this.#held = (this.#held ?? new Map()).set(key, { begin, wanted })
    return true
  }

  forget(key: string): void {
    this.#held?.delete(key)
  }

  /** The run goes on after all: what was held begins. */
  withdraw(): void {
    this.#asked = undefined
    if (this.#closed) return
    const held = this.#held
    this.#held = undefined
    for (const { begin } of held?.values() ?? []) begin()
  }

  /** The run is cancelled instead: what was held never begins, unless it is wanted all the same. Answers the messages that asked for the pause. */
  drop(): readonly string[] {
    const taken = this.#asked?.taken ?? []
    for (const [key, { wanted }] of this.#held ?? []) if (!wanted) this.forget(key)
    this.withdraw()
    return taken
  }

  /**
   * Until the next attempt may be made: its time (epoch ms) has come, and the run is not paused. Resolves too when nobody wants its outcome any more, unless it is
   * `wanted` all the same.
   */
  async untilTurn(at: number, op: Pick<EffectOp, 'key' | 'abandoned' | 'signal'>, { wanted = false }: { readonly wanted?: boolean } = {}): Promise<void> {
    if (op.abandoned && !wanted) return
    this.#asleep++
    this.#still()
    await new Promise<void>((resolve) => {
      const forget = this.#clock.alarm(at, () => {
        if (!this.hold(op.key, resolve, wanted)) resolve()
      })
      if (wanted) return
      op.signal.addEventListener('abort', () => {
        forget()
        resolve()
      })
    })
    this.#asleep--
  }
}
