/** For tests: one question to a gateway, asked in a real run, and everything that can be seen of it. */
import type { Budget } from '../budget/index.ts'
import type { TuttiError } from '../errors/index.ts'
import { type Entry, type JournalStore, memoryStore } from '../journal/index.ts'
import { chainOf, toMessages } from '../message/index.ts'
import { type Clock, type Scope, systemClock } from '../primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run, type StreamPart } from '../run/index.ts'
import { askModel, type GatewayOptions, gateway, gatewayKey } from './gateway.ts'
import type { AskModel, Gateway, ModelAnswer, ModelRequest } from './model.port.ts'

/** Waits are over at once, and kept to be looked at. */
class ImpatientClock implements Clock {
  readonly waitedMs: number[] = []
  #now = 1_800_000_000_000
  now(): number {
    return this.#now
  }
  alarm(at: number, fire: () => void): () => void {
    // Leases and patience are set far off below; a backoff never is.
    const far = at - this.#now > 120_000
    if (!far) {
      this.waitedMs.push(at - this.#now)
      this.#now = Math.max(this.#now, at)
    }
    const timer = far ? undefined : setImmediate(fire)
    return () => timer && clearImmediate(timer)
  }
}

/** For the gateway: what it sets takes its time. */
function patient(clock: Clock): Clock {
  const began = systemClock.now()
  const now = (): number => clock.now() + systemClock.now() - began
  return { now, alarm: (at, fire) => systemClock.alarm(systemClock.now() + at - now(), fire) }
}

/** What became of one question. */
export interface Told {
  readonly answer: ModelAnswer | undefined
  readonly error: TuttiError | undefined
  readonly entries: readonly Entry[]
  readonly parts: readonly StreamPart[]
  readonly waitedMs: readonly number[]
}

/** A request of one text. */
export const request = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => {
  const messages = toMessages(text)
  return { messages, thread: { at: messages.length, chain: chainOf(messages) }, ...more }
}

/** Asks once, in a run of its own over the embedded engine and the memory store. */
export async function ask(
  question: Partial<AskModel> & { request?: ModelRequest },
  o: {
    budget?: Budget
    deadlineMs?: number
    gateway?: Partial<GatewayOptions>
    models?: Gateway
    unwatched?: boolean
    clock?: Clock
    store?: JournalStore
    scope?: Partial<Scope>
  } = {},
): Promise<Told> {
  const impatient = new ImpatientClock()
  const clock = o.clock ?? impatient
  const one = flow('one', async (_input: null, run: Run) => await askModel(run, { name: 'turn:1', agent: 'helper', request: request('hello'), ...question }))
  const services = new Map([
    [gatewayKey.service, o.models ?? gateway({ env: {}, cwd: import.meta.dirname, clock: o.clock ?? patient(impatient), ...o.gateway })],
  ])
  const engine = new EmbeddedEngine({ store: o.store ?? memoryStore(), flows: [one], services, clock, leaseMs: 1e9, patienceMs: 1e9 })
  const parts: StreamPart[] = []
  const run = 'asked' as Run['id']
  if (!o.unwatched) engine.feed.watch(run, (sighting) => sighting.type === 'part' && parts.push(sighting.part))
  const { budget, deadlineMs: deadline, scope } = o
  const id = await engine.start(one, null, { id: run, budget, deadline, scope })
  const outcome = await new EmbeddedHandle<ModelAnswer>(engine, id).outcome()
  const entries: Entry[] = []
  for await (const entry of engine.store.read(id)) entries.push(entry)
  await engine.close({ graceMs: 0 })
  return {
    answer: outcome.status === 'completed' ? outcome.output : undefined,
    error: outcome.status === 'failed' ? outcome.error : undefined,
    entries,
    parts,
    waitedMs: impatient.waitedMs,
  }
}
