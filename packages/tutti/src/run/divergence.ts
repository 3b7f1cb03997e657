/**
 * Divergence: does the flow still do what its record says? The five rules of DESIGN §5, in one place.
 *
 * 1. Ask number i of a scope with another key, sort or fingerprint than recorded, or a recorded key asked at another number: at once. So is a step
 *    where the record holds a scope, and a scope where it holds a step.
 * 2. A key that the record does not hold is parked until the record is delivered (the pump does so).
 * 3. The flow ends while something recorded was never asked for, unless its key lies in a child scope that is still open.
 * 4. A recorded key stays unasked for as long as the pump is patient; nothing executes before all of them were asked for.
 * 5. An ended run executes nothing.
 */
import { TuttiError } from '../errors/index.ts'
import { SparseSet } from '../primitives/index.ts'
import type { Ask } from './ask.ts'
import { sayRedeclared } from './declared-change.ts'
import type { AskOp, NoteOp } from './engine.port.ts'
import { aboveOf, NOWHERE, placeOf, type RecordedAsk, type RunRecord } from './record.ts'
import type { RunScope } from './scope.ts'

export class Divergence {
  readonly #record: RunRecord
  readonly #asked = new SparseSet<string>()
  readonly #retuned: NoteOp[] = []

  constructor(record: RunRecord) {
    this.#record = record
  }

  /** Rule 1. @throws JOURNAL_DIVERGED */
  check(op: AskOp, byKey: RecordedAsk | undefined, scope: RunScope): void {
    const at = placeOf(op.at)
    const there = this.#record.byAt(at)
    if (there && (there.key !== op.key || there.sort !== op.op || there.fingerprint !== op.fingerprint)) throw this.#other(there, op, scope)
    const below = this.#record.below(at)
    if (below !== undefined) throw diverged(`at ask ${at} the journal holds a scope with '${below}', the code asks for ${op.op} '${op.key}'`, below, op.key)
    this.#checkAbove(at, op.key)
    if (byKey && byKey.at !== at) throw diverged(`'${op.key}' was recorded as ask ${byKey.at}, the code asks it as ask ${at}`, byKey.at, at)
    if (byKey) this.#asked.add(op.key)
  }

  #other(there: RecordedAsk, op: AskOp, scope: RunScope): TuttiError {
    const redeclared = sayRedeclared(this.#record, there, op, scope)
    const why = redeclared === undefined ? '' : `${redeclared}: `
    if (there.key !== op.key || there.sort !== op.op) {
      const at = there.at || 'first'
      return diverged(
        `${why}at ask ${at} the journal holds ${there.sort} '${there.key}', the code asks for ${op.op} '${op.key}'`,
        there.key,
        op.key,
        redeclared,
      )
    }
    const how = redeclared === undefined ? ['with input ', there.fingerprint, op.fingerprint] : ['', 'otherwise', 'as it is declared now']
    return diverged(`${why}'${op.key}' was recorded ${how[0]}${how[1]}, the code asks it ${how[0]}${how[2]}`, there.fingerprint, op.fingerprint, redeclared)
  }

  /** Rule 1, for a scope that is opened. @throws JOURNAL_DIVERGED */
  checkScope(scope: Pick<RunScope, 'key' | 'at'>): void {
    const at = placeOf(scope.at)
    const there = this.#record.byAt(at)
    if (there) throw diverged(`at ask ${at} the journal holds ${there.sort} '${there.key}', the code opens the scope '${scope.key}'`, there.key, scope.key)
    const below = this.#record.below(at)
    if (below !== undefined && !below.startsWith(`${scope.key}/`))
      throw diverged(`at ask ${at} the journal holds a scope with '${below}', the code opens the scope '${scope.key}'`, below, scope.key)
    this.#checkAbove(at, scope.key)
  }

  /** An item of a map lies below a place that has no entry of its own. */
  #checkAbove(at: string, key: string): void {
    const place = aboveOf(at)
    const above = place === '' ? undefined : this.#record.byAt(place)
    if (above) throw diverged(`at ask ${above.at} the journal holds ${above.sort} '${above.key}', the code asks for '${key}' below it`, above.key, key)
  }

  wasAsked(key: string): boolean {
    return this.#asked.has(key)
  }

  delivered(key: string): void {
    this.#asked.add(key)
  }

  /** A step is asked with other instructions, another model or other settings than were recorded: not a divergence, but worth a note, once a step. */
  compareTunable({ key }: AskOp, recorded: RecordedAsk, tunable: string): void {
    if (recorded.tunable === tunable || this.#record.retuned(key)) return
    const text = 'goes on with other instructions, another model or other settings than were recorded'
    this.#retuned.push({
      op: 'note',
      key,
      at: NOWHERE,
      fingerprint: tunable,
      name: undefined,
      text,
      data: { recorded: recorded.tunable ?? null, now: tunable },
    })
  }

  /** What is to be noted once the run goes on. */
  get retuned(): readonly NoteOp[] {
    return this.#retuned
  }

  /** Rule 3. */
  leftBehind(open: ReadonlySet<RunScope>): TuttiError | undefined {
    const scopes = [...open].filter((scope) => scope.parent !== undefined)
    for (const { key } of this.#record.asks()) {
      if (this.#asked.has(key) || scopes.some((scope) => key.startsWith(`${scope.key}/`))) continue
      return diverged(`the flow ended, but the journal goes on with '${key}', which it never asked for`, key, '(end of the flow)')
    }
    return undefined
  }

  /** Rule 4. */
  neverAsked(key: string, parked: readonly Ask[]): TuttiError {
    const waits = parked.filter((ask) => !ask.settled).map((ask) => ask.key)
    return diverged(`the journal goes on with '${key}', but the code does not ask for it; it waits for ${sayKeys(waits)}`, key, waits.join(', '))
  }

  /** Asks that the record does not hold and that the flow still waits for. */
  beyond(parked: readonly Ask[]): readonly string[] {
    return parked.filter((ask) => !ask.settled && !this.#record.byKey(ask.key)).map((ask) => ask.key)
  }

  /** Rule 5. */
  endedButWaits(parked: readonly Ask[]): TuttiError {
    const waits = this.beyond(parked)
    return diverged(`the run has ended, but the code goes on to wait for ${sayKeys(waits)}`, '(end of the run)', waits.join(', '))
  }
}

const sayKeys = (keys: readonly string[]): string => (keys.length ? keys.map((key) => `'${key}'`).join(', ') : 'nothing that a journal could hold')

function diverged(message: string, recorded: string, asked: string, redeclared?: string): TuttiError {
  return new TuttiError('JOURNAL_DIVERGED', message, { data: { recorded, asked, ...(redeclared === undefined ? {} : { redeclared }) } })
}
