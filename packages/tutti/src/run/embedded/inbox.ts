/** What others sent to a run: read from the store, written into the journal, so that it becomes an outcome like any other. */
import type { Budget } from '../../budget/index.ts'
import type { Entry, InboxMessage, Value } from '../../journal/index.ts'
import { type Complaint, check, decode, failpoint, type Json, SparseSet, sayComplaints } from '../../primitives/index.ts'
import type { WaitOp } from '../engine.port.ts'
import type { Draft } from './draft.ts'
import type { RunGround } from './ground.port.ts'
import type { RunStore } from './run-store.port.ts'

interface SentSignal {
  readonly id: string
  readonly signal: string
  readonly value: Value
  /** The wait it is for; left out, any wait for this signal. */
  readonly to?: string | undefined
}

export class Inbox {
  readonly #activation: RunGround
  readonly #store: RunStore
  /** Recorded before anyone waited for them. */
  #early: SentSignal[]
  readonly #taken = new SparseSet<string>()
  /** Verdicts on effects that are not in doubt. */
  readonly #undoubted = new SparseSet<string>()
  #taking: Promise<void> | undefined
  #again = false

  constructor(activation: RunGround, store: RunStore, record: readonly Entry[]) {
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
    const found = this.#early.find((sent) => isFor(sent, op))
    if (!found) return
    this.#early = this.#early.filter((early) => early !== found)
    this.#offer(found, []).catch(() => {})
  }

  /** One is there that is for whoever asks for its name. */
  isEarly(signal: string): boolean {
    return this.#early.length > 0 && this.#early.some((sent) => sent.to === undefined && sent.signal === signal)
  }

  /** Messages that nothing in a run at rest can ever take: verdicts on effects that are not in doubt. */
  useless(): readonly string[] {
    return [...this.#undoubted].filter((id) => !this.#taken.has(id))
  }

  async #takeAll(): Promise<void> {
    const { pause } = this.#activation
    for (const message of await this.#store.inbox(this.#activation.run)) {
      if (this.#activation.over) return
      if (this.#taken.has(message.id) || (pause.asked && message.type !== 'cancel')) continue
      this.#taken.add(message.id)
      failpoint('message taken, answer not recorded', this.#activation.run)
      await this.#takeOne(message).catch(() => {})
    }
  }

  #takeOne(message: InboxMessage): Promise<void> {
    switch (message.type) {
      case 'signal':
        return this.#takeSignal(message)
      case 'cancel':
        return this.#append({ type: 'run.cancelling', reason: message.reason }, message.id, ...this.#activation.pause.drop())
      case 'pause':
        return this.#takePause(message)
      case 'grant':
        return this.#takeGrant(message)
      case 'resolve':
        return this.#takeVerdict(message)
    }
  }

  /** It raises the limits of the run, and of every scope whose limits are what it waits for. */
  async #takeGrant(message: Extract<InboxMessage, { type: 'grant' }>): Promise<void> {
    const { ledger, room } = this.#activation
    const more = message.more as Budget
    const accounts = ['', ...room.accounts]
    for (const account of accounts) ledger.grant(account, more)
    const granted = accounts.map((key): Draft => ({ type: 'budget.granted', key, more }))
    await this.#activation.append(granted, { taken: [message.id] })
    room.changed()
  }

  /** Its answer is the suspension, once nothing is under way. */
  async #takePause({ id, reason }: Extract<InboxMessage, { type: 'pause' }>): Promise<void> {
    this.#activation.pause.ask(id, reason)
  }

  /** The effect takes it, together with what comes of it; one that nobody doubts yet is looked at again when somebody does. */
  async #takeVerdict(message: Extract<InboxMessage, { type: 'resolve' }>): Promise<void> {
    const { id, key, attempt } = message
    const doubt = this.#activation.doubts.get(key)
    // What was said of an earlier attempt, twice perhaps, is no answer to this doubt.
    if (doubt && attempt !== undefined && attempt < doubt.data.attempt) return this.#activation.append([], { taken: [id] })
    if (doubt && (attempt === undefined || attempt === doubt.data.attempt)) return doubt.resolve(message)
    this.#taken.delete(id)
    this.#undoubted.add(id)
  }

  #takeSignal({ id, signal, value, key }: Extract<InboxMessage, { type: 'signal' }>): Promise<void> {
    return this.#offer({ id, signal, value, ...(key === undefined ? {} : { to: key }) }, [id])
  }

  /** Gives a signal to the first wait that it is for and whose schema accepts it; without a wait, it stays for one to come. */
  async #offer(sent: SentSignal, taken: readonly string[]): Promise<void> {
    const value = decode((await this.#activation.load(sent.value)) as Json)
    const tried = new Set<string>()
    let refused: Draft | undefined
    for (let op = this.#waitFor(sent, tried); op; op = this.#waitFor(sent, tried)) {
      tried.add(op.key)
      const checked = await check(op.schema, value)
      refused = checked.ok ? undefined : refusal(op, sent, checked.complaints)
      if (refused || !this.#activation.waits.has(op.key)) continue
      this.#activation.answered(op.key)
      return this.#activation.append([{ type: 'signal.received', key: op.key, signal: op.signal, id: sent.id, value: sent.value }], { taken })
    }
    if (refused) return this.#activation.append([refused], { taken })
    this.#early.push(sent)
    if (taken.length > 0) await this.#activation.append([{ type: 'signal.received', ...sent }], { taken })
  }

  #waitFor(sent: SentSignal, tried: ReadonlySet<string>): WaitOp | undefined {
    for (const op of this.#activation.waits.values()) if (!tried.has(op.key) && isFor(sent, op)) return op
    return undefined
  }

  #append(draft: Draft, ...taken: readonly string[]): Promise<void> {
    return this.#activation.append([draft], { taken })
  }
}

/** The run waits on; whoever sent it finds out why. */
function refusal({ key, signal }: WaitOp, { id, value }: SentSignal, complaints: readonly Complaint[]): Draft {
  const message = `the signal '${signal}' does not fit its schema: ${sayComplaints(complaints)}`
  const error = { code: 'RUN_INPUT_INVALID', message, data: complaints.map(({ at, says }) => ({ at, says })) }
  return { type: 'signal.refused', key, signal, id, error, value }
}

const isFor = ({ signal, to }: SentSignal, op: WaitOp): boolean => (to === undefined ? op.signal === signal : op.key === to)

/** Signals of the record that no wait has used. */
function earlyOf(record: readonly Entry[]): SentSignal[] {
  const received = record.filter((entry) => entry.type === 'signal.received')
  if (received.length === 0) return []
  const refused = record.filter((entry) => entry.type === 'signal.refused')
  const used = new Set([...received.filter((entry) => entry.key !== undefined), ...refused].map((entry) => entry.id))
  return received.filter((entry) => entry.key === undefined && !used.has(entry.id)).map(({ id, signal, value, to }) => ({ id, signal, value, to }))
}
