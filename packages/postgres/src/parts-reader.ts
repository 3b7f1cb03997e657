/**
 * One reader of what other processes show of a run.
 *
 * Owns: its row in `part_readers`, which tells them that somebody follows; how far it has read. A row of an attempt that is missing between two others, because the
 * server forgot it, makes the rest of that attempt void: the reader is told `reset`, and nothing more of it.
 */
import type { Json, PartReader, RunId, ShownPart } from 'tutti/store'
import type { Changes } from './changes.ts'
import type { Database } from './database.ts'

export interface PartsReaderOptions {
  readonly database: Database
  readonly changes: Changes
  readonly opened: () => Promise<unknown>
  readonly run: RunId
  readonly more: () => void
}

interface PartRow extends Omit<ShownPart, 'part'> {
  readonly n: number
  readonly place: number
  readonly body: string
}

const RENEW_MS = 5_000
const HOLDS_MS = 20_000
let readers = 0

export class PartsReader implements PartReader {
  readonly #o: PartsReaderOptions
  readonly #name: string
  readonly #unfollow: () => void
  readonly #renewing: NodeJS.Timeout
  /** Of each attempt, which row comes next; `lost` when one is missing. */
  readonly #next = new Map<string, number | 'lost'>()
  #last = 0
  #announced: Promise<unknown> | undefined
  #closed = false

  constructor(o: PartsReaderOptions) {
    this.#o = o
    this.#name = `${readers++}`
    this.#unfollow = o.changes.followParts(o.run, o.more)
    this.#renewing = setInterval(() => this.#announce(), RENEW_MS).unref()
    this.#announce()
  }

  async read(): Promise<readonly ShownPart[]> {
    await this.#announced
    const rows = await this.#rows(this.#last)
    this.#last = Math.max(this.#last, ...rows.map(({ n }) => n))
    const isComplete = rows.every((row, i) => (this.#expected(row, rows.slice(0, i)) ?? row.place) === row.place)
    // One with a lower number may have been written by another process a moment later.
    const all = isComplete ? rows : await this.#rows(0)
    return all.flatMap((row) => this.#take(row))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#renewing)
    this.#unfollow()
    const { database, changes, run } = this.#o
    const values = [run, changes.self, this.#name]
    this.#announced
      ?.then(() => database.rows({ name: 'part-leave', text: 'DELETE FROM part_readers WHERE run = $1 AND reader = $2 AND name = $3', values }))
      .catch(() => {})
  }

  #expected(row: PartRow, before: readonly PartRow[]): number | undefined {
    const next = this.#next.get(streamOf(row)) ?? 0
    return next === 'lost' ? undefined : next + before.filter((other) => streamOf(other) === streamOf(row)).length
  }

  #take({ n: _, place, body, ...row }: PartRow): readonly ShownPart[] {
    const stream = streamOf(row)
    const next = this.#next.get(stream) ?? 0
    if (next === 'lost' || place < next) return []
    if (place > next) {
      this.#next.set(stream, 'lost')
      return [{ ...row, part: { type: 'reset' } }]
    }
    this.#next.set(stream, place + 1)
    return (JSON.parse(body) as readonly Json[]).map((part) => ({ ...row, part }))
  }

  #rows(after: number): Promise<readonly PartRow[]> {
    const { database, changes, run } = this.#o
    return database.rows<PartRow>({
      name: 'part-read',
      text: `SELECT n, key, activation, attempt, place, after_seq AS after, body FROM parts WHERE run = $1 AND writer <> $2 AND n > $3 ORDER BY n`,
      values: [run, changes.self, after],
    })
  }

  #announce(): void {
    if (this.#closed) return
    const { database, changes, run, opened } = this.#o
    const text = `
      INSERT INTO part_readers (run, reader, name, until) SELECT $1, $2, $3, now() + $4 * interval '1 millisecond' WHERE EXISTS (SELECT FROM runs r WHERE r.run = $1)
      ON CONFLICT (run, reader, name) DO UPDATE SET until = excluded.until`
    this.#announced = opened()
      .then(() => database.rows({ name: 'part-follow', text, values: [run, changes.self, this.#name, HOLDS_MS] }))
      // It is said again soon.
      .catch(() => {})
  }
}

const streamOf = ({ key, activation, attempt }: Pick<PartRow, 'key' | 'activation' | 'attempt'>): string => `${activation} ${attempt} ${key}`
