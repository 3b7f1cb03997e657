/**
 * Parts of steps that are under way, through a table, so that a reader in another process is shown them.
 *
 * Owns: the tables `parts` and `part_readers`, both unlogged: a server that crashes forgets them, and a reader says so. Does not own: what a part means.
 * Invariants: one row of an attempt after the other, numbered without a gap (`place`); what was shown of a step is there before its outcome is (`written` is awaited by
 * whoever appends it). What nobody follows is not written: it waits here, and whoever comes later is given the whole of it.
 * Rows go when their step has had its outcome for a while, so that a reader who is slow has them; those that a process left behind go with the next sweep, or with
 * their run.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json, PartBook, PartReader, RunId, ShownPart } from 'tutti/store'
import type { Changes } from './changes.ts'
import type { Database } from './database.ts'
import { PartsReader } from './parts-reader.ts'
import { columnsOf, unnested } from './unnest.ts'

/** How long what is shown is gathered, and how often it is looked whether anybody came for what nobody follows. */
const GATHER_MS = 40
const LOOK_MS = 250
/** How long after its outcome what was shown of a step can be read. */
const LINGER_MS = 10_000
/** So long an outcome waits for what was shown before it, when the database is slow. */
const LONGEST_WAIT_MS = 1_000
const LEFT_BEHIND = "interval '1 hour'"

interface Row {
  readonly place: number
  readonly after: number
  readonly parts: Json[]
}
/** What one attempt at a step shows. */
interface Stream extends Pick<ShownPart, 'key' | 'activation' | 'attempt'> {
  rows: Row[]
  next: number
}

const columns = { run: 'text', key: 'text', activation: 'int', attempt: 'int', place: 'int', after_seq: 'int', body: 'text' } as const
const names = Object.keys(columns).join(', ')
const insert = `
  WITH given AS (SELECT * FROM ${unnested(columns, 1)} AS g(${names})),
  added AS (
    INSERT INTO parts (${names}, writer) SELECT ${names}, $8 FROM given g WHERE EXISTS (SELECT FROM runs r WHERE r.run = g.run) ON CONFLICT DO NOTHING)
  SELECT pg_notify($9, n) FROM unnest($10::text[]) n`
const sweep = `
  DELETE FROM parts p WHERE (p.run, p.key) IN (SELECT * FROM unnest($1::text[], $2::text[])) OR p.written < now() - ${LEFT_BEHIND}
    OR (p.written < now() - $3 * interval '1 millisecond'
      AND EXISTS (SELECT FROM runs r WHERE r.run = p.run AND r.status IN ('completed', 'failed', 'cancelled')))`

/** The runs of which something is shown here. */
interface Shown {
  readonly streams: Map<string, Stream>
  /** Somebody elsewhere follows it. */
  isFollowed: boolean
}

export class Parts implements PartBook {
  readonly #database: Database
  readonly #changes: Changes
  readonly #opened: () => Promise<unknown>
  readonly #runs = new Map<RunId, Shown>()
  #settled: { readonly run: RunId; readonly key: string }[] = []
  #isNew = false
  #timer: NodeJS.Timeout | undefined
  #sweeping: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  /** @param opened the tables are there */
  constructor(database: Database, changes: Changes, opened: () => Promise<unknown>) {
    this.#database = database
    this.#changes = changes
    this.#opened = opened
  }

  show(run: RunId, { key, activation, attempt, after, part }: ShownPart): boolean {
    if (key.includes('\0')) return false
    const shown = this.#runs.get(run) ?? { streams: new Map<string, Stream>(), isFollowed: false }
    this.#runs.set(run, shown)
    let stream = shown.streams.get(key)
    if (!stream || stream.activation !== activation || stream.attempt !== attempt) {
      // What an earlier attempt showed and nobody was told is void.
      stream = { key, activation, attempt, rows: [], next: 0 }
      shown.streams.set(key, stream)
    }
    add(stream, after, part)
    this.#isNew = true
    this.#timer ??= setTimeout(() => void this.#send(), GATHER_MS).unref()
    return shown.isFollowed
  }

  follow(run: RunId, more: () => void): PartReader {
    return new PartsReader({ database: this.#database, changes: this.#changes, opened: this.#opened, run, more })
  }

  /** What was shown of this run waits to be written. */
  isBehind(run: RunId): boolean {
    const shown = this.#runs.get(run)
    return shown !== undefined && [...shown.streams.values()].some(({ rows }) => rows.length > 0)
  }

  /** Resolves once what was shown so far is written, or cannot be: it is provisional, and holds nobody up for long. */
  written(): Promise<void> {
    return Promise.race([this.#send(), sleep(LONGEST_WAIT_MS, undefined, { ref: false })])
  }

  /** These steps have their outcome; of the run nothing more is shown when it has ended. */
  settled(run: RunId, keys: readonly string[], hasEnded: boolean): void {
    const streams = this.#runs.get(run)?.streams
    if (!streams) return
    for (const key of hasEnded ? [...streams.keys()] : keys) {
      if (streams.delete(key)) this.#settled.push({ run, key })
    }
    if (streams.size === 0) this.#runs.delete(run)
    if (this.#settled.length > 0) this.#sweeping ??= setTimeout(() => void this.#sweep(), LINGER_MS).unref()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    clearTimeout(this.#sweeping)
    this.#sweeping = undefined
    this.#runs.clear()
    await this.#sending
  }

  /** One after the other, so that rows come into the table in their order. */
  #send(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const sending = (this.#sending ?? Promise.resolve()).then(() => this.#sendAll())
    this.#sending = sending
    return sending.then(() => {
      if (this.#sending !== sending) return
      this.#sending = undefined
      if (!this.#timer && this.#behind().length > 0) this.#timer = setTimeout(() => void this.#send(), this.#isNew ? GATHER_MS : LOOK_MS).unref()
    })
  }

  #behind(): readonly RunId[] {
    return [...this.#runs.keys()].filter((run) => this.isBehind(run))
  }

  async #sendAll(): Promise<void> {
    const behind = this.#behind()
    if (behind.length === 0) return
    this.#isNew = false
    try {
      const rows = await this.#database.rows<{ run: RunId }>({
        name: 'part-readers',
        text: 'SELECT DISTINCT run FROM part_readers WHERE run = ANY ($1) AND reader <> $2 AND until > now()',
        values: [behind, this.#changes.self],
      })
      const followed = new Set(rows.map(({ run }) => run))
      for (const run of behind) {
        const shown = this.#runs.get(run)
        if (shown) shown.isFollowed = followed.has(run)
      }
      if (followed.size > 0) await this.#insert([...followed])
    } catch {
      // The server is away: it is tried again with what comes next.
    }
  }

  async #insert(runs: readonly RunId[]): Promise<void> {
    const given = columnsOf(columns)
    const sent: Stream[] = []
    for (const run of runs)
      for (const stream of this.#runs.get(run)?.streams.values() ?? []) {
        const { key, activation, attempt, rows } = stream
        for (const { place, after, parts } of rows) given.add({ run, key, activation, attempt, place, after_seq: after, body: JSON.stringify(parts) })
        sent.push(stream)
      }
    // What is shown meanwhile is a row of its own.
    for (const stream of sent) if (stream.rows.length > 0) stream.next = (stream.rows.at(-1) as Row).place + 1
    const [channel, notices] = this.#changes.noticesOfParts(runs)
    await this.#database.rows({ name: 'part-add', text: insert, values: [...given.values, this.#changes.self, channel, notices] })
    for (const stream of sent) stream.rows = stream.rows.filter(({ place }) => place >= stream.next)
  }

  async #sweep(): Promise<void> {
    this.#sweeping = undefined
    const settled = this.#settled.splice(0)
    const values = [settled.map(({ run }) => run), settled.map(({ key }) => key), LINGER_MS]
    await this.#database.rows({ name: 'part-sweep', text: sweep, values }).catch(() => {})
  }
}

/** What follows closely is one row; text is joined, and of values that grow the last one is enough. */
function add(stream: Stream, after: number, part: Json): void {
  const last = stream.rows.at(-1)
  if (!last || last.after !== after || last.place < stream.next) {
    const place = Math.max(stream.next, (last?.place ?? -1) + 1)
    stream.rows.push({ place, after, parts: [part] })
    return
  }
  const before = last.parts.at(-1) as { readonly type?: string; readonly text?: string }
  const { type, text } = part as { readonly type?: string; readonly text?: string }
  if (type === 'text' && before.type === 'text') last.parts[last.parts.length - 1] = { type, text: `${before.text}${text}` }
  else if (type === 'partial' && before.type === 'partial') last.parts[last.parts.length - 1] = part
  else last.parts.push(part)
}
