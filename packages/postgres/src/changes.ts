/**
 * What other processes changed, as Postgres tells it (LISTEN and NOTIFY).
 *
 * Owns: one connection that listens, while somebody watches; what is to be said to others. Does not own: what a change means.
 * A notice is a hint, sent after the commit it is about and outside of it: inside, commits would wait for each other. What is urgent goes at once, the next batch while
 * one is under way; progress of runs is gathered. One that is lost with its sender, or while the listener is cut off, is made good: watchers are told of everything when it
 * listens again, and every few seconds.
 */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import type { RunId } from 'tutti/store'
import { connectionOf, type Database } from './database.ts'

type Watcher = (run?: RunId, what?: 'progress') => void

const PROGRESS_MS = 50
const LOOK_MS = 5_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** A notice holds less than 8,000 bytes. */
const NOTICE_BYTES = 7_500
/** Instead of the name of a run. */
const EVERYTHING = '*'

export class Changes {
  readonly #url: string
  readonly #channel: string
  readonly #database: Database
  /** Tells what this process says and writes from what others do. */
  readonly self = randomBytes(6).toString('base64url')
  readonly #watchers = new Set<Watcher>()
  /** Who reads what others show of a run. */
  readonly #readers = new Map<RunId, Set<() => void>>()
  readonly #urgent = new Set<string>()
  readonly #progress = new Set<string>()
  /** Progress that was gathered, and is said with what comes next. */
  readonly #ripe = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #look: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #listener: Client | undefined
  #again: NodeJS.Timeout | undefined
  #pauseMs = FIRST_PAUSE_MS

  constructor(url: string, schema: string, database: Database) {
    this.#url = url
    this.#channel = `tutti:${schema}`
    this.#database = database
  }

  watch(watcher: Watcher): () => void {
    const own: Watcher = (run, what) => watcher(run, what)
    this.#watchers.add(own)
    this.#begin()
    return () => {
      this.#watchers.delete(own)
      this.#stopIfAlone()
    }
  }

  /** Calls `more` when another process may have shown something of this run. */
  followParts(run: RunId, more: () => void): () => void {
    const own = (): void => more()
    const readers = this.#readers.get(run) ?? new Set()
    this.#readers.set(run, readers.add(own))
    this.#begin()
    return () => {
      readers.delete(own)
      if (readers.size === 0 && this.#readers.get(run) === readers) this.#readers.delete(run)
      this.#stopIfAlone()
    }
  }

  /** The channel and the notices by which others hear that parts of these runs were written: sent by the statement that writes them. */
  noticesOfParts(runs: readonly RunId[]): readonly [channel: string, notices: readonly string[]] {
    return [this.#channel, noticesOf([this.self, 'parts'], runs)]
  }

  /** Somebody may wait for this: told here at once, and to the others as soon as can be. */
  urgent(run?: RunId): void {
    this.#tell(run)
    this.#urgent.add(run ?? EVERYTHING)
    this.#send()
  }

  /** A run went on: for those who look at it from elsewhere. */
  progress(run: RunId): void {
    this.#progress.add(run)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#sendProgress()
    }, PROGRESS_MS).unref()
  }

  /** Waits for what is to be said. */
  async close(): Promise<void> {
    this.#stop()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sendProgress()
    await this.#sending
  }

  #sendProgress(): void {
    for (const each of this.#progress) this.#ripe.add(each)
    this.#progress.clear()
    this.#send()
  }

  #send(): void {
    if (this.#sending || this.#urgent.size + this.#ripe.size === 0) return
    const [urgent, ripe] = [[...this.#urgent], [...this.#ripe.difference(this.#urgent)]]
    const notices = [...noticesOf([this.self, 'changed'], urgent), ...noticesOf([this.self, 'progress'], ripe)]
    this.#urgent.clear()
    this.#ripe.clear()
    this.#sending = this.#database
      .rows({ name: 'notify', text: 'SELECT pg_notify($1, n) FROM unnest($2::text[]) n', values: [this.#channel, notices] })
      .then(
        () => {},
        // Whoever waits looks by itself after a while.
        () => {},
      )
      .finally(() => {
        this.#sending = undefined
        this.#send()
      })
  }

  #tell(run?: RunId, what?: 'progress'): void {
    for (const watcher of this.#watchers) watcher(run, what)
  }

  #tellReaders(run?: RunId): void {
    const told = run === undefined ? [...this.#readers.values()] : [this.#readers.get(run) ?? []]
    for (const readers of told) for (const more of readers) more()
  }

  #tellAll(): void {
    this.#tell()
    this.#tellReaders()
  }

  #begin(): void {
    if (this.#look) return
    this.#look = setInterval(() => this.#tellAll(), LOOK_MS).unref()
    this.#listen()
  }

  #stopIfAlone(): void {
    if (this.#watchers.size + this.#readers.size === 0) this.#stop()
  }

  #stop(): void {
    clearInterval(this.#look)
    this.#look = undefined
    clearTimeout(this.#again)
    const listener = this.#listener
    this.#listener = undefined
    listener?.end().catch(() => {})
  }

  #listen(): void {
    const client = new Client(connectionOf({ url: this.#url }))
    this.#listener = client
    const lost = (): void => {
      if (this.#listener !== client) return
      this.#listener = undefined
      client.end().catch(() => {})
      this.#again = setTimeout(() => this.#listen(), this.#pauseMs).unref()
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    }
    client.on('error', lost)
    client.on('end', lost)
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''))
    client
      .connect()
      .then(() => client.query(`LISTEN "${this.#channel.replaceAll('"', '""')}"`))
      .then(() => {
        this.#pauseMs = FIRST_PAUSE_MS
        unref(client)
        // What was said before is not heard any more.
        this.#tellAll()
      })
      .catch(lost)
  }

  #heard(payload: string): void {
    const [self, what, ...names] = JSON.parse(payload) as readonly string[]
    if (self === this.self) return
    for (const name of names) {
      const run = name === EVERYTHING ? undefined : (name as RunId)
      if (what === 'parts') this.#tellReaders(run)
      else this.#tell(run, what === 'progress' ? what : undefined)
    }
  }
}

/** A process that only listens may end. */
function unref(client: Client): void {
  ;(client as Client & { connection?: { stream?: { unref?(): void } } }).connection?.stream?.unref?.()
}

/** Who says it and what, then the names of the runs. */
function noticesOf(start: readonly [self: string, what: 'changed' | 'progress' | 'parts'], names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  const notices: string[] = []
  let notice: string[] = [...start]
  let bytes = 0
  for (const name of names) {
    const more = Buffer.byteLength(JSON.stringify(name)) + 1
    // The name of a run that fits no notice is not said: everybody looks at everything instead.
    if (more > NOTICE_BYTES / 2) return [JSON.stringify([...start, EVERYTHING])]
    if (bytes + more > NOTICE_BYTES) {
      notices.push(JSON.stringify(notice))
      notice = [...start]
      bytes = 0
    }
    notice.push(name)
    bytes += more
  }
  return [...notices, JSON.stringify(notice)]
}
