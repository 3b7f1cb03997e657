/** The limits of a journal file, inside the transaction of whoever writes it. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { LimitAnswer, LimitAsk, LimitChange } from './limit.port.ts'
import { changeIn, type Slot, takeFrom } from './limit-window.ts'

export class SqliteLimits {
  readonly #read: StatementSync
  readonly #write: StatementSync

  constructor(db: DatabaseSync) {
    this.#read = db.prepare('SELECT slots FROM limits WHERE name = ?')
    this.#write = db.prepare('INSERT INTO limits (name, slots) VALUES (:name, :slots) ON CONFLICT (name) DO UPDATE SET slots = :slots')
  }

  take(ask: LimitAsk): LimitAnswer {
    const slots = this.#slots(ask.name)
    const answer = takeFrom(slots, ask)
    if (answer.taken) this.#keep(ask.name, slots)
    return answer
  }

  change(change: LimitChange): undefined {
    const slots = this.#slots(change.name)
    changeIn(slots, change)
    this.#keep(change.name, slots)
  }

  #slots(name: string): Slot[] {
    const row = this.#read.get(name) as { slots: string } | undefined
    return row ? (JSON.parse(row.slots) as Slot[]) : []
  }

  #keep(name: string, slots: readonly Slot[]): void {
    this.#write.run({ name, slots: JSON.stringify(slots) })
  }
}
