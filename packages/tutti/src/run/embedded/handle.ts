/** The handle of a run over the embedded engine: reads the journal, listens to the feed, leaves messages. It drives nothing. */
import { type Budget, checkGrant, nothing, sum, type Usage } from '../../budget/index.ts'
import { rebuildError, sayThrown, TuttiError } from '../../errors/index.ts'
import { type Entry, isBlobRef, isTerminal, messageId, type OpenWait, type RunStatus, type Value } from '../../journal/index.ts'
import { checkOptions, checkValue, type Declared, decode, encode, is, type Json, type RunId, validate } from '../../primitives/index.ts'
import type { Signal } from '../definition.port.ts'
import type { Sighting } from '../engine.port.ts'
import type { Reception, RunEvent, RunHandle, RunOutcome } from '../handle.port.ts'
import { ownSignal } from '../own-signal.ts'
import type { RunEngine } from '../run-engine.port.ts'
import { checkSignal } from '../signal.ts'
import { lookAt, lookInto } from '../store-use.ts'
import { cancellation } from '../undone.ts'
import { eventOfPart, eventsOfEntry } from './events.ts'
import { Exhaustions } from './exhaustion.ts'
import { Seen } from './seen.ts'
import { toldText } from './told-text.ts'

const noUsage: Usage = { usd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0, activeMs: 0 }

/** Only settlements follow the end of a run, so it is looked for here before the whole journal is read. */
const LAST_ENTRIES = 16

const SEND: Declared<{ key?: string; id?: string }> = { key: is.text, id: is.text }
const EVENTS: Declared<{ after?: number }> = { after: is.place }

const ENDED: readonly RunStatus[] = ['completed', 'failed', 'cancelled']

export class EmbeddedHandle<O> implements RunHandle<O> {
  readonly id: RunId
  readonly #engine: RunEngine

  constructor(engine: RunEngine, id: RunId) {
    this.#engine = engine
    this.id = id
  }

  events(o: { after?: number } = {}): AsyncIterable<RunEvent<O>> {
    checkOptions('handle.events()', o, EVENTS)
    return this.#events(o)
  }

  async *#events(o: { after?: number }): AsyncIterable<RunEvent<O>> {
    const leave = this.#engine.closed ? await lookAt(this.#engine.store) : undefined
    try {
      yield* this.#eventsAfter(o.after ?? 0)
    } finally {
      await leave?.()
    }
  }

  async *#eventsAfter(after: number): AsyncIterable<RunEvent<O>> {
    let seq = after
    const place = await this.#engine.store.place(this.id)
    if (place) yield { type: 'run.queued', seq, ...place }
    const load = (value: Value): Promise<Json> => this.#load(value)
    for await (const sighting of this.#sightings(seq)) {
      if (sighting.type === 'part') {
        yield eventOfPart(sighting, seq) as RunEvent<O>
        continue
      }
      seq = sighting.entry.seq
      for (const event of await eventsOfEntry(sighting.entry, load)) yield event as RunEvent<O>
    }
  }

  text(): AsyncIterable<string> {
    return toldText(this.events())
  }

  async result(): Promise<{ output: O; usage: Usage; id: RunId }> {
    const rest = await this.#rest((met) => {
      if (met.status === 'waiting') this.#warnOfDoubt(met)
      return met.status === 'waiting' || met.status === 'queued' || met.status === 'paused'
    })
    if (rest?.status === 'completed') return { output: rest.output, usage: rest.usage, id: this.id }
    if (rest?.status === 'failed' || rest?.status === 'cancelled') throw withPartial(rest.error, rest.partial)
    throw this.#closed(rest ? `is ${rest.status}` : 'was under way')
  }

  async outcome(): Promise<RunOutcome<O>> {
    try {
      const rest = await this.#rest(() => false)
      return (
        rest ?? { status: 'failed', error: this.#closed('was under way'), partial: undefined, usage: await lookInto(this.#engine.store, () => this.#usage()) }
      )
    } catch (error) {
      if (TuttiError.is(error)) return { status: 'failed', error, partial: undefined, usage: noUsage }
      throw error
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: what comes out of the signal does not matter to the sender
  async send<I>(signal: Signal<I, any>, value: NoInfer<I>, o: { key?: string; id?: string } = {}): Promise<Reception> {
    checkOptions('handle.send()', o, SEND)
    checkSignal('the signal that handle.send() is to send', signal)
    await validate(signal['~signal'].schema, value, 'RUN_INPUT_INVALID', `the signal '${signal.name}'`)
    return this.#engine.post(this.id, {
      id: messageId(o.id),
      type: 'signal',
      signal: signal.name,
      value: encode(value),
      ...(o.key === undefined ? {} : { key: o.key }),
    })
  }

  async grant(more: Budget): Promise<void> {
    checkGrant(more)
    await this.#engine.grant(this.id, more)
  }

  async cancel(reason = 'cancelled by its caller'): Promise<void> {
    checkValue('the reason of handle.cancel()', 'reason', reason, is.text)
    await this.#engine.post(this.id, { id: messageId(), type: 'cancel', reason })
  }

  async pause(reason = 'paused by its caller'): Promise<void> {
    checkValue('the reason of handle.pause()', 'reason', reason, is.text)
    return this.#engine.pause(this.id, reason)
  }

  resume(): Promise<void> {
    return this.#engine.activate(this.id)
  }

  /** Whoever waits for the end of a run that waits for a person is told so: it could be for ever. */
  #warnOfDoubt(rest: Extract<RunOutcome<O>, { status: 'waiting' }>): void {
    for (const { signal, key } of rest.for) {
      if (signal !== ownSignal.resolve) continue
      const detail = `Find out whether it happened, then: tutti resolve ${this.id} ${key} --done or --not-done. A step that knows that it did not happen throws notDone().`
      process.emitWarning(`the run '${this.id}' waits: '${key}' may happen once only, and nobody knows whether it did`, { code: 'TOOL_IN_DOUBT', detail })
    }
  }

  /** No failure of the run: its journal holds none. */
  #closed(stands: string): TuttiError {
    return new TuttiError('ENGINE_CLOSED', `the app was closed, and the run '${this.id}' ${stands}: it has not failed, and goes on where its journal ends`, {
      data: { run: this.id },
      hint: `An app that opens the same store goes on with it; there, app.get('${this.id}') is its handle.`,
    })
  }

  /** The first rest of the run that is not passed over, or its end; of an app that was closed, where the journal says that it stands. @param passes asked once for each rest after which the run may go on */
  async #rest(passes: (rest: RunOutcome<O>) => boolean): Promise<RunOutcome<O> | undefined> {
    let said = ''
    let changed = true
    let wake = (): void => {}
    const unwatch = this.#engine.watchStanding(this.id, () => {
      changed = true
      wake()
    })
    try {
      while (!this.#engine.closed || changed) {
        changed = false
        const rest = this.#engine.standing(this.id)?.type === 'running' ? undefined : await this.#look()
        const text = textOf(rest)
        if (rest && (text === '' || (text !== said && !passes(rest)))) return rest
        said = text
        if (!changed && !this.#engine.closed)
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      unwatch()
    }
    await this.#engine.close().catch(() => {})
    return this.#look()
  }

  /** Also when the app was closed: its journal is opened for that alone. @throws ENGINE_CLOSED when it cannot be */
  #look(): Promise<RunOutcome<O> | undefined> {
    if (!this.#engine.closed) return this.#standsAt()
    return lookInto(this.#engine.store, () => this.#standsAt()).catch((cause: unknown) => {
      if (TuttiError.is(cause, 'RUN_NOT_FOUND') || TuttiError.is(cause, 'ENGINE_CLOSED')) throw cause
      throw new TuttiError(
        'ENGINE_CLOSED',
        `the app was closed, and what became of the run '${this.id}' cannot be read any more: ${sayThrown(cause).message}`,
        {
          data: { run: this.id },
          cause,
        },
      )
    })
  }

  async #standsAt(): Promise<RunOutcome<O> | undefined> {
    const here = this.#engine.standing(this.id)
    if (here?.type === 'running') return undefined
    if (here?.type === 'stopped')
      return (await this.#endedElsewhere()) ?? { status: 'failed', error: here.error, partial: undefined, usage: await this.#usage() }
    if (here?.type === 'waiting') return this.#waiting(here.waits)
    if (here?.type === 'ended' && here.last) return this.#endedWith(here.last)
    const head = await this.#engine.store.head(this.id)
    if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${this.id}' in this store`, { data: { run: this.id } })
    if (head.status === 'running') return undefined
    if (head.status === 'waiting') return this.#waiting(head.waiting ?? [])
    if (head.status === 'queued') return this.#queued()
    return this.#endedAt(head.lastSeq)
  }

  /** In the moment between two looks it may have begun. */
  async #queued(): Promise<RunOutcome<O> | undefined> {
    const place = await this.#engine.store.place(this.id)
    return place && { status: 'queued', ...place, usage: noUsage }
  }

  async #endedAt(lastSeq: number): Promise<RunOutcome<O>> {
    return this.#endedWith((await this.#lastWord(lastSeq - LAST_ENTRIES)) ?? (await this.#lastWord(0)))
  }

  /** True when the run has ended and holds nothing after `seq`: whoever asks from there on would wait for ever. */
  async #endedBy(seq: number): Promise<boolean> {
    const here = this.#engine.standing(this.id)
    if (here && here.type !== 'ended') return false
    const head = await this.#engine.store.head(this.id)
    if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${this.id}' in this store`, { data: { run: this.id } })
    return ENDED.includes(head.status) && head.lastSeq <= seq
  }

  /** A run that stopped here may have been brought to its end by another process. */
  async #endedElsewhere(): Promise<RunOutcome<O> | undefined> {
    const head = await this.#engine.store.head(this.id).catch(() => undefined)
    return head && ENDED.includes(head.status) ? this.#endedAt(head.lastSeq) : undefined
  }

  async #waiting(waits: readonly OpenWait[]): Promise<RunOutcome<O>> {
    const waitingFor = waits.map(({ signal, key, until, data }) => ({
      signal,
      key,
      ...(until === undefined ? {} : { until: new Date(until) }),
      ...(data === undefined ? {} : { data }),
    }))
    return { status: 'waiting', for: waitingFor, usage: await this.#usage() }
  }

  async #endedWith(last: Entry | undefined): Promise<RunOutcome<O>> {
    switch (last?.type) {
      case 'run.completed':
        return { status: 'completed', output: decode(await this.#load(last.output)) as O, usage: last.usage }
      case 'run.failed':
        return {
          status: 'failed',
          error: rebuildError(last.error),
          partial: last.partial === undefined ? undefined : decode(await this.#load(last.partial)),
          usage: last.usage,
        }
      case 'run.cancelled':
        return { status: 'cancelled', error: cancellation(last), partial: undefined, usage: last.usage }
      default: {
        if (last?.type === 'run.suspended' && last.why === 'paused') return { status: 'paused', reason: last.reason ?? '', usage: await this.#usage() }
        const error =
          last?.type === 'run.suspended' && last.error ? rebuildError(last.error) : new TuttiError('RUN_CRASH_LOOP', `the run '${this.id}' is suspended`)
        return { status: 'failed', error, partial: undefined, usage: await this.#usage() }
      }
    }
  }

  /** What ended or suspended the run, if it stands after entry `after`. */
  async #lastWord(after: number): Promise<Entry | undefined> {
    let last: Entry | undefined
    for await (const entry of this.#engine.store.read(this.id, { after: Math.max(0, after) }))
      if (isTerminal(entry) || entry.type === 'run.suspended') last = entry
    return last
  }

  /** What the journal has settled so far. */
  async #usage(): Promise<Usage> {
    // Summed as whole micro-USD: 0.1 and 0.2 are no 0.3.
    let used = nothing
    const exhaustions = new Exhaustions()
    for await (const entry of this.#engine.store.read(this.id)) {
      exhaustions.see(entry)
      if ('settle' in entry && entry.settle) used = sum(used, entry.settle)
    }
    const { microUsd, ...counts } = used
    return { usd: microUsd / 1_000_000, ...counts, activeMs: 0, ...exhaustions.inUsage }
  }

  async #load(value: Value): Promise<Json> {
    return isBlobRef(value) ? (JSON.parse(await this.#engine.blob(value['~blob'], this.id)) as Json) : value
  }

  /** History from the store, then what the feed shows; without a gap and without doubles. */
  async *#sightings(after: number): AsyncIterable<Sighting> {
    const seen = new Seen(this.#engine, this.id, after)
    let seq = after
    try {
      for (;;) {
        for (const part of seen.parts()) yield part
        for await (const sighting of seen.since(seq)) {
          if (sighting.type === 'entry') seq = sighting.entry.seq
          yield sighting
          if (sighting.type === 'entry' && isTerminal(sighting.entry)) return
        }
        if (this.#engine.standing(this.id)?.type === 'stopped' || this.#engine.closed || (await this.#endedBy(seq))) return
        await seen.more()
      }
    } finally {
      seen.close()
    }
  }
}

/** The error itself: who caught one of another rest has another. */
const withPartial = (error: TuttiError, partial: unknown): TuttiError => (partial === undefined ? error : Object.assign(error, { partial }))

/** What a rest after which the run may go on says; the same twice is said once. Empty for an end. */
function textOf(rest: RunOutcome<unknown> | undefined): string {
  if (rest?.status === 'queued') return 'queued'
  if (rest?.status === 'paused') return `paused ${rest.reason}`
  return rest?.status === 'waiting' ? JSON.stringify(rest.for) : ''
}
