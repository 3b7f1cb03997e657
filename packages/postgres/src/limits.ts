/**
 * Limits on what is asked of models, over all processes on one database.
 *
 * Owns: the table `limits`, a row a name, which whoever takes from it locks. It is unlogged: a server that crashes forgets the last minute, and nothing else.
 */
import type { PoolClient } from 'pg'
import { changeIn, type LimitAnswer, type LimitBook, type Slot, takeFrom } from 'tutti/store'
import { ask, type Database } from './database.ts'

/** @param opened the tables are there */
export function limitsIn(database: Database, opened: () => Promise<unknown>): LimitBook {
  const over = async <T>(name: string, work: (slots: Slot[]) => T): Promise<T> => {
    await opened()
    return database.write((client) => overRow(client, name, work))
  }
  return {
    take: (asked) => over<LimitAnswer>(asked.name, (slots) => takeFrom(slots, asked)),
    change: (change) => over<void>(change.name, (slots) => changeIn(slots, change)),
  }
}

async function overRow<T>(client: PoolClient, name: string, work: (slots: Slot[]) => T): Promise<T> {
  const begun = Promise.all([
    ask(client, { text: 'BEGIN' }),
    ask(client, { name: 'limit-make', text: "INSERT INTO limits (name, slots) VALUES ($1, '[]') ON CONFLICT DO NOTHING", values: [name] }),
    ask<{ slots: string }>(client, { name: 'limit-read', text: 'SELECT slots FROM limits WHERE name = $1 FOR UPDATE', values: [name] }),
  ])
  try {
    const [, , { rows }] = await begun
    const slots = JSON.parse(rows[0]?.slots ?? '[]') as Slot[]
    const answer = work(slots)
    await Promise.all([
      ask(client, { name: 'limit-write', text: 'UPDATE limits SET slots = $2 WHERE name = $1', values: [name, JSON.stringify(slots)] }),
      ask(client, { text: 'COMMIT' }),
    ])
    return answer
  } catch (error) {
    await ask(client, { text: 'ROLLBACK' }).catch(() => {})
    throw error
  }
}
