/** One run that this process drives now: its activation, its pump, and the flow between them. */
import { TuttiError } from '../../errors/index.ts'
import type { Entry, OpenWait } from '../../journal/index.ts'
import { systemClock } from '../../primitives/index.ts'
import { beginFlow } from '../begin.ts'
import type { AnyFlow } from '../definition.port.ts'
import type { Services } from '../effect.port.ts'
import type { Activation } from '../engine.port.ts'
import { Pump } from '../pump.ts'
import { resultOf } from '../result.ts'
import type { ActivationOptions } from './activation.port.ts'
import { EmbeddedActivation } from './activation.ts'
import { compensated } from './compensation.ts'
import { waitsOf } from './open-waits.ts'
import { SeededActivation } from './seeded-activation.ts'
import { Suspended } from './suspension.ts'

export interface LiveRunOptions extends ActivationOptions {
  readonly flow: AnyFlow
  readonly services: Services
  readonly patienceMs?: number | undefined
}

/** How an activation ended: the run ended, it was given up to go on later, or it cannot go on here. */
export type ActivationEnd =
  | { readonly type: 'ended'; readonly last: Entry | undefined }
  | { readonly type: 'suspended' }
  | { readonly type: 'stopped'; readonly error: TuttiError }

export class LiveRun {
  readonly activation: EmbeddedActivation
  readonly flow: AnyFlow
  readonly done: Promise<ActivationEnd>

  constructor(o: LiveRunOptions) {
    this.flow = o.flow
    this.activation = new EmbeddedActivation(o)
    this.done = this.#drive(o, o.seed ? new SeededActivation(this.activation, o.seed) : this.activation)
  }

  openWaits(): readonly OpenWait[] {
    return waitsOf(this.activation)
  }

  async #drive(o: LiveRunOptions, activation: Activation): Promise<ActivationEnd> {
    const pump = new Pump(activation, { clock: systemClock, patienceMs: o.patienceMs })
    try {
      const end = await pump.drive(() => beginFlow({ run: o.run, flow: o.flow, services: o.services, activation, pump }))
      const ground = { activation: this.activation, store: o.store, record: o.record, undoable: pump.undoable }
      await activation.end(await compensated(ground, resultOf(end, pump)))
      return { type: 'ended', last: this.activation.last }
    } catch (error) {
      return await this.#giveUp(error)
    }
  }

  async #giveUp(error: unknown): Promise<ActivationEnd> {
    if (error instanceof Suspended) {
      await this.activation.parting
      return { type: 'suspended' }
    }
    const reason = TuttiError.is(error) ? error : new TuttiError('ENGINE_CLOSED', String((error as Error)?.message ?? error), { cause: error })
    if (reason.code === 'JOURNAL_DIVERGED') await this.activation.stop(reason).catch(() => {})
    else this.activation.fail(reason)
    if (this.activation.last) return { type: 'ended', last: this.activation.last }
    return { type: 'stopped', error: reason }
  }
}
