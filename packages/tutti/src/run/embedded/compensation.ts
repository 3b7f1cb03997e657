/**
 * Undoing what a run did, when it ends otherwise than well: every completed step with an `undo`, the last one first, one after the other.
 *
 * Owns: which steps are undone, in which order, the attempts at it. Does not own: how the run ended (the flow's), what is said of it (`undone.ts`).
 * Invariants: U1 nothing is undone before the flow has ended and every step that can be undone has come to its end, and nothing ends the run before all is
 * undone; U2 a step is undone when its outcome is in the journal as done in this very run, and never on a guess: one that was cut off, lost or is in doubt is
 * named instead (I8), one that another run did, or a person put there, is that run's or nobody's; U3 the last word on a step is durable before the next is begun.
 * On a crash: the flow is replayed and ends the same way, what has a last word is passed over, the attempt under way is made again with the same key.
 */
import { type ErrorRecord, rebuildError, recordError, TuttiError } from '../../errors/index.ts'
import type { Entry, EntryOf, Value } from '../../journal/index.ts'
import { decode, failpoint, LazyAbort } from '../../primitives/index.ts'
import type { Undo } from '../effect.port.ts'
import type { EffectOp, RunResult } from '../engine.port.ts'
import { InsideStep, standing } from '../scope.ts'
import { notUndoneIn, withNotUndone } from '../undone.ts'
import type { EmbeddedActivation } from './activation.ts'
import { Attempt } from './attempt.ts'
import { driveEffect } from './effect.ts'
import type { RunStore } from './run-store.port.ts'
import { type Fate, fatesIn, isUnknown, lastFirst, missing, type Undoable, unknown } from './undo-fate.ts'

/** So long, and its timeout, a step that was told to stop has to come to its end. */
const GRACE_MS = 30_000

/** What a run is undone with. */
export interface CompensationGround {
  readonly activation: EmbeddedActivation
  readonly store: RunStore
  /** All that the activation began with, of whatever version of the flow. */
  readonly record: readonly Entry[]
  readonly undoable: Undoable
}

/** Undoes what is to be undone, and answers how the run ends then. Rejects when the activation is over before that. */
export async function compensated(ground: CompensationGround, result: RunResult): Promise<RunResult> {
  const { activation, record, undoable } = ground
  if (result.status === 'completed') return result
  if (undoable.size === 0 && fatesIn(record, undoable).size === 0) return result
  activation.begin()
  try {
    failpoint('end decided, nothing undone', activation.run)
    const compensation = new Compensation(ground)
    await compensation.complete()
    return withNotUndone(result, notUndoneIn(await compensation.journal()))
  } finally {
    activation.finish()
  }
}

class Compensation {
  readonly #activation: EmbeddedActivation
  readonly #store: RunStore
  readonly #record: readonly Entry[]
  readonly #undoable: Undoable
  readonly #abort = new LazyAbort()
  /** Rejects when the run may not go on here. */
  readonly #over: Promise<never>

  constructor({ activation, store, record, undoable }: CompensationGround) {
    this.#activation = activation
    this.#store = store
    this.#record = record
    this.#undoable = undoable
    this.#over = untilOver(activation)
    this.#over.catch(() => this.#abort.abort(new TuttiError('RUN_CANCELLED', 'the run goes on elsewhere, or later')))
  }

  async complete(): Promise<void> {
    await this.#untilDecided(await this.journal())
    for (const [key, fate] of lastFirst(fatesIn(await this.journal(), this.#undoable))) {
      const op = this.#undoable.get(key)
      const undo = op?.spec.undo
      if (fate.spoken) continue
      if (op && undo && fate.done) await this.#undo(op, undo, fate.done.value, fate)
      else if (fate.done) await this.#write({ key, error: missing(key) })
      else if (isUnknown(fate, op?.abandoned ?? true)) await this.#write({ key, error: unknown(key) })
    }
  }

  /** As far as it is durable. */
  async journal(): Promise<readonly Entry[]> {
    const after: Entry[] = []
    for await (const entry of this.#store.read(this.#activation.run, { after: this.#record.at(-1)?.seq ?? 0 })) after.push(entry)
    return [...this.#record, ...after]
  }

  /** What is under way is told to stop, and may still come to its end; what an earlier process left open is looked at once more, without doing it again. */
  async #untilDecided(entries: readonly Entry[]): Promise<void> {
    const { decisions, clock } = this.#activation
    for (const [key, fate] of fatesIn(entries, this.#undoable)) {
      const op = this.#undoable.get(key)
      if (op?.abandoned && fate.open && !fate.spoken && !decisions.has(key)) driveEffect(this.#activation, op)
    }
    const longestMs = Math.max(0, ...[...decisions.keys()].map((key) => this.#undoable.get(key)?.spec.timeoutMs ?? 0))
    if (decisions.size > 0) await this.#within(clock.now() + GRACE_MS + longestMs, Promise.all(decisions.values()))
  }

  async #undo(op: EffectOp, undo: Undo<unknown>, value: Value, fate: Fate): Promise<void> {
    const { key } = op
    const { clock } = this.#activation
    const output = decode(await this.#activation.load(value))
    let { tries: attempt, retryAt } = fate
    for (;;) {
      await this.#turn(op, retryAt)
      attempt++
      const begun = clock.now()
      const error = await this.#tried(op, undo, output, attempt)
      const ms = clock.now() - begun
      failpoint('step undone, not recorded', this.#activation.run, key)
      if (!error) return this.#write({ key, attempt: counted(attempt), ms })
      const again = undo.retry?.(rebuildError(error), attempt)
      if (!again) return this.#write({ key, attempt: counted(attempt), error, ms })
      retryAt = clock.now() + again.afterMs
      await this.#write({ key, attempt: counted(attempt), error, final: false, retryAt, ms })
    }
  }

  /** Until it is time, and the run is not paused. */
  async #turn(op: EffectOp, at: number | undefined): Promise<void> {
    const { pause, clock } = this.#activation
    if (at !== undefined || pause.asked) await Promise.race([pause.untilTurn(at ?? clock.now(), op, { wanted: true }), this.#over])
  }

  /** Why it is not undone, when it is not. Rejects when the activation is over. */
  #tried(op: EffectOp, undo: Undo<unknown>, output: unknown, attempt: number): Promise<ErrorRecord | undefined> {
    const { key, spec } = op
    const { signal } = this.#abort
    const ctx = new Attempt(this.#activation, { key, signal, spec }, attempt, `${this.#activation.identityOf(op)}/~undo`)
    const work = standing.run(new InsideStep(key), async () => undo.execute(output, ctx))
    const tried = ctx.limited(work).then(
      () => undefined,
      (error) => recordError(error),
    )
    return Promise.race([tried, this.#over])
  }

  async #write(what: Omit<EntryOf<'step.compensated'>, 'type' | 'seq' | 'time'>): Promise<void> {
    await this.#activation.append([{ type: 'step.compensated', ...what }])
    failpoint('undo recorded, next not begun', this.#activation.run, what.key)
  }

  /** Resolves with `work`, or when its time is over. */
  async #within(until: number, work: Promise<unknown>): Promise<void> {
    let forget = (): void => {}
    const passed = new Promise<void>((resolve) => {
      forget = this.#activation.clock.alarm(until, resolve)
    })
    await Promise.race([work, passed, this.#over]).finally(() => forget())
  }
}

/** The first attempt is not numbered. */
const counted = (attempt: number): number | undefined => (attempt > 1 ? attempt : undefined)

/** Takes the outcomes that nobody waits for any more, until there can be none. */
function untilOver(activation: EmbeddedActivation): Promise<never> {
  return new Promise((_, reject) => {
    const next = (): void => activation.next({ take: () => queueMicrotask(next), fail: reject })
    next()
  })
}
