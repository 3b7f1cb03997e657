/**
 * Divergence: does the flow still do what its record says? The five rules of DESIGN §5, in one place.
 *
 * 1. Ask number i of a scope with another key, sort or fingerprint than recorded, or a recorded key asked at another number: at once.
 * 2. A key that the record does not hold is parked until the record is delivered (the pump does so).
 * 3. The flow ends while an outcome was never asked for, unless its key lies in a child scope that is still open.
 * 4. The next recorded key stays unasked for as long as the pump is patient.
 * 5. An ended run executes nothing.
 */
import { TuttiError } from '../errors/index.ts'
import type { Ask } from './ask.ts'
import type { Op } from './engine.port.ts'
import { placeOf, type RecordedAsk, type RunRecord } from './record.ts'
import type { RunScope } from './scope.ts'

export class Divergence {
  readonly #record: RunRecord
  readonly #asked = new Set<string>()
  readonly #tunables: string[] = []

  constructor(record: RunRecord) {
    this.#record = record
  }

  /** Rule 1. @throws JOURNAL_DIVERGED */
  check(op: Op, byKey: RecordedAsk | undefined): void {
    const at = placeOf(op.at)
    const there = this.#record.byAt(at)
    if (there && (there.key !== op.key || there.sort !== op.op))
      throw diverged(`at ask ${at || 'first'} the journal holds ${there.sort} '${there.key}', the code asks for ${op.op} '${op.key}'`, there.key, op.key)
    if (there && there.fingerprint !== op.fingerprint)
      throw diverged(`'${op.key}' was recorded with input ${there.fingerprint}, the code asks it with input ${op.fingerprint}`, there.fingerprint, op.fingerprint)
    if (byKey && byKey.at !== at) throw diverged(`'${op.key}' was recorded as ask ${byKey.at}, the code asks it as ask ${at}`, byKey.at, at)
    if (byKey) this.#asked.add(op.key)
  }

  wasAsked(key: string): boolean {
    return this.#asked.has(key)
  }

  delivered(key: string): void {
    this.#asked.add(key)
  }

  noteTunable(key: string): void {
    this.#tunables.push(key)
  }

  /** Steps whose instructions, model or settings are others now than when they were recorded. */
  get tunables(): readonly string[] {
    return this.#tunables
  }

  /** Rule 3. */
  leftBehind(cursor: number, asks: ReadonlyMap<string, Ask>, open: ReadonlySet<RunScope>): TuttiError | undefined {
    const scopes = [...open].filter((scope) => scope.parent !== undefined)
    for (let i = cursor; i < this.#record.outcomes.length; i++) {
      const outcome = this.#record.outcomes[i]
      const key = outcome && 'key' in outcome ? outcome.key : undefined
      if (key === undefined || asks.has(key) || this.#asked.has(key) || key.endsWith('~deadline')) continue
      if (scopes.some((scope) => key.startsWith(`${scope.key}/`))) continue
      return diverged(`the flow ended, but the journal goes on with '${key}', which it never asked for`, key, '(end of the flow)')
    }
    return undefined
  }

  /** Rule 4. */
  neverAsked(key: string, parked: readonly Ask[]): TuttiError {
    const waits = parked.filter((ask) => !ask.settled).map((ask) => ask.key)
    return diverged(`the journal goes on with '${key}', but the code does not ask for it; it waits for ${sayKeys(waits)}`, key, waits.join(', '))
  }

  /** Rule 5. */
  endedButWaits(parked: readonly Ask[]): TuttiError {
    const waits = parked.filter((ask) => !ask.settled).map((ask) => ask.key)
    return diverged(`the run has ended, but the code goes on to wait for ${sayKeys(waits)}`, '(end of the run)', waits.join(', '))
  }
}

const sayKeys = (keys: readonly string[]): string => (keys.length ? keys.map((key) => `'${key}'`).join(', ') : 'nothing that a journal could hold')

function diverged(message: string, recorded: string, asked: string): TuttiError {
  return new TuttiError('JOURNAL_DIVERGED', message, { data: { recorded, asked } })
}
