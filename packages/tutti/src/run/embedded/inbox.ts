/** What others sent to a run: read from the store, written into the journal, so that it becomes an outcome like any other. */
import type { Budget } from '../../budget/index.ts'
import type { Entry, InboxMessage, JournalStore, Value } from '../../journal/index.ts'
import { check, decode, type Json } from '../../primitives/index.ts'
import type { WaitOp } from '../engine.port.ts'
import type { Draft, EmbeddedActivation } from './activation.ts'

interface EarlySignal {
  readonly id: string
  readonly signal: string
  readonly value: Value
}

export class Inbox {
  readonly #activation: EmbeddedActivation
  readonly #store: JournalStore
  #early: EarlySignal[]
  readonly #taken = new Set<string>()
  #taking: Promise<void> | undefined
  #again = false

  constructor(activation: EmbeddedActivation, store: JournalStore, record: readonly Entry[]) {
    this.#activation = activation
    this.#store = store
    this.#early = earlyOf(record)
  }

  /** Takes what is there now; a call during another is made up for by one more. */
  take(): Promise<void> {
    if (this.#taking) {
      this.#again = true
      return this.#taking
    }
    this.#taking = this.#takeAll().finally(() => {
      this.#taking = undefined
      if (this.#again) {
        this.#again = false
        return this.take()
      }
    })
    return this.#taking
  }

  /** A signal that came before anyone waited for it answers the first wait of its name. */
  offerEarly(op: WaitOp): void {
    const found = this.#early.find((early) => early.signal === op.signal)
    if (!found) return
    this.#early = this.#early.filter((early) => early !== found)
    this.#answer(op, found, []).catch(() => {})
  }

  async #takeAll(): Promise<void> {
    for (const message of await this.#store.inbox(this.#activation.run)) {
      if (this.#activation.over) return
      if (this.#taken.has(message.id)) continue
      this.#taken.add(message.id)
      await this.#takeOne(message).catch(() => {})
    }
  }

  #takeOne(message: InboxMessage): Promise<void> {
    switch (message.type) {
      case 'signal':
        return this.#takeSignal(message)
      case 'cancel':
        return this.#append({ type: 'run.cancelling', reason: message.reason }, message.id)
      case 'grant': {
        const more = message.more as Budget
        this.#activation.ledger.grant('', more)
        return this.#append({ type: 'budget.granted', key: '', more }, message.id)
      }
      case 'resolve': {
        const resolve = this.#activation.doubts.get(message.key)
        if (!resolve) return Promise.resolve()
        resolve(message)
        return this.#activation.append([], { taken: [message.id] })
      }
    }
  }

  async #takeSignal(message: Extract<InboxMessage, { type: 'signal' }>): Promise<void> {
    const early: EarlySignal = { id: message.id, signal: message.signal, value: message.value }
    for (const op of this.#activation.waits.values()) {
      if (message.key === undefined ? op.signal === message.signal : op.key === message.key) return this.#answer(op, early, [message.id])
    }
    this.#early.push(early)
    await this.#append({ type: 'signal.received', signal: message.signal, id: message.id, value: message.value }, message.id)
  }

  /** A value that the schema of this wait does not accept leaves it waiting. */
  async #answer(op: WaitOp, early: EarlySignal, taken: readonly string[]): Promise<void> {
    const loaded = await this.#activation.load(early.value)
    const checked = await check(op.schema, decode(loaded as Json))
    if (!this.#activation.waits.has(op.key)) {
      this.#early.push(early)
      return
    }
    if (!checked.ok) return this.#activation.append([], { taken })
    this.#activation.answered(op.key)
    await this.#activation.append([{ type: 'signal.received', key: op.key, signal: op.signal, id: early.id, value: early.value }], { taken })
  }

  #append(draft: Draft, taken: string): Promise<void> {
    return this.#activation.append([draft], { taken: [taken] })
  }
}

/** Signals of the record that no wait has used. */
function earlyOf(record: readonly Entry[]): EarlySignal[] {
  const received = record.filter((entry) => entry.type === 'signal.received')
  const used = new Set(received.filter((entry) => entry.key !== undefined).map((entry) => entry.id))
  return received.filter((entry) => entry.key === undefined && !used.has(entry.id)).map(({ id, signal, value }) => ({ id, signal, value }))
}
