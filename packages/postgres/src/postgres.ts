/**
 * Journals in Postgres: one truth for many processes.
 *
 * Owns: the connections, from the first call to `close`. Does not own: what entries mean.
 * Invariants: I1 (an append resolves when its transaction is durable), I2 (the epoch is checked by the statement that writes), I6, I10.
 * On a crash of a process everything acknowledged is there; on a crash of the server, as its own settings promise. A server that is away for a while is waited for.
 */
import {
  type AccountFilter,
  type AccountState,
  type Admission,
  type Admitted,
  type Answer,
  type AppendJob,
  appendJob,
  type Commit,
  CommitQueue,
  type Created,
  checkBlob,
  checkOptions,
  corruptEntry,
  createJob,
  type Declared,
  type Entry,
  type FlowVersion,
  hasEnded,
  type InboxMessage,
  type Job,
  type JournalStore,
  type Lease,
  type LimitBook,
  type NewRun,
  nextTurn,
  type PartBook,
  postJob,
  type QueuePlace,
  READ_PAGE,
  type Removal,
  type RunFilter,
  type RunHead,
  type RunId,
  removedMeanwhile,
  type ScheduleChange,
  type ScheduleState,
  type StandingHold,
  type Subject,
  TuttiError,
} from 'tutti/store'
import { listAccounts } from './accounts.ts'
import { Changes } from './changes.ts'
import { Database } from './database.ts'
import { limitsIn } from './limits.ts'
import { Parts } from './parts.ts'
import { Reader } from './reader.ts'
import { quoted, SCHEMA_VERSION } from './schema.ts'
import { writeGroup } from './writer.ts'

export interface PostgresOptions {
  /** The schema (namespace) of its tables. Default `tutti`. */
  readonly schema?: string | undefined
  /** Connections of this process at most; one more listens. Default 10. */
  readonly connections?: number | undefined
  /** Default `'sync'`: an acknowledged entry survives whatever the server's own settings promise. `'relaxed'` may lose the last moments when the server crashes. */
  readonly durability?: 'sync' | 'relaxed' | undefined
  /** How long a server that does not answer is waited for before `JOURNAL_UNWRITABLE` (ms). Default 30,000. */
  readonly patienceMs?: number | undefined
}

const OPTIONS: Declared<PostgresOptions> = { schema: true, connections: true, durability: true, patienceMs: true }

/** What `tutti doctor` shows of a journal in Postgres. */
export interface PostgresStats {
  /** Host, port and database. */
  readonly place: string
  readonly server: string
  readonly schema: string
  readonly schemaVersion: number
  /** Bytes of its tables and their indexes. */
  readonly bytes: number
  /** Moving average of a commit of this process. */
  readonly commitMs: number
}

export interface PostgresStore extends JournalStore {
  readonly parts: PartBook
  stats(): Promise<PostgresStats>
}

/**
 * A store in the database at `url`; its tables are made at the first call.
 *
 * ```ts
 * const app = tutti({ flows: [desk], store: postgres('postgres://tutti:secret@localhost:5432/tutti') })
 * ```
 * @throws CONFIG_INVALID when `url` is not an address of Postgres; the first call: CONFIG_INVALID | JOURNAL_UNWRITABLE | JOURNAL_NEWER
 */
export function postgres(url: string, options: PostgresOptions = {}): PostgresStore {
  checkOptions('postgres()', options, OPTIONS)
  return new DatabaseStore(url, options)
}

const TABLES = ['entries', 'runs', 'inbox', 'blob_uses', 'blobs', 'parts', 'accounts']
const MAINTAIN_LOCK_MS = 30_000
const AVERAGED = 0.1

class DatabaseStore implements PostgresStore {
  readonly '~store' = 'postgres'
  readonly #schema: string
  readonly #database: Database
  readonly #reader: Reader
  readonly #changes: Changes
  readonly limits: LimitBook
  readonly parts: Parts
  /** Appends that wait for what was shown before them; those of one run stay in their order. */
  readonly #waiting = new Map<RunId, Promise<void>>()
  readonly #queue = new CommitQueue((jobs) => this.#write(jobs))
  #opening: Promise<void> | undefined
  #isOpen = false
  #commitMs = 0

  constructor(url: string, { schema = 'tutti', connections = 10, durability = 'sync', patienceMs = 30_000 }: PostgresOptions) {
    this.#schema = schema
    this.#database = new Database({ url, schema, connections, durability, patienceMs })
    this.#reader = new Reader(this.#database)
    this.limits = limitsIn(this.#database, () => this.#opened())
    this.#changes = new Changes(url, schema, this.#database)
    this.parts = new Parts(this.#database, this.#changes, () => this.#opened())
  }

  async open(): Promise<void> {
    await this.#opened()
  }

  async create(start: NewRun): Promise<Created & { readonly created: true }> {
    this.#queue.forgive(start.run)
    const answer = await this.#submit<Created>(createJob(start), [start.run, start.flow, start.scope.tenant])
    if (answer.created && !start.lease) this.#changes.urgent(start.run)
    return answer as Created & { readonly created: true }
  }

  async append(commit: Commit): Promise<string | undefined> {
    const instead = await this.#submitInTurn(commit, appendJob(commit))
    const refused = instead === undefined ? [] : outcomesOf([commit.standing?.hold?.instead])
    this.parts.settled(commit.run, [...outcomesIn(commit), ...refused], hasEnded(commit.head?.status ?? 'running'))
    // What rests or has ended is what others wait for.
    if (commit.release || commit.head?.status !== undefined) this.#changes.urgent(commit.run)
    else this.#changes.progress(commit.run)
    return instead
  }

  /** What was shown of a step is to be read before its outcome is; an append of a run after one that waits for that waits too. */
  #submitInTurn(commit: Commit, job: AppendJob): Promise<string | undefined> {
    const { run } = commit
    const before = this.#waiting.get(run)
    const isBehind = outcomesIn(commit).length > 0 && this.parts.isBehind(run)
    if (!before && !isBehind) return this.#queue.submit<string | undefined>(job)
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const turn = (before ?? Promise.resolve())
      .then(() => (isBehind ? this.parts.written() : undefined))
      .then(() => {
        if (this.#waiting.get(run) === turn) this.#waiting.delete(run)
        resolve(this.#queue.submit<string | undefined>(job))
      })
    this.#waiting.set(run, turn)
    return promise
  }

  async *read(run: RunId, { after = 0 }: { readonly after?: number | undefined } = {}): AsyncGenerator<Entry> {
    this.#queue.forgive(run)
    const reader = await this.#opened()
    const number = await reader.numberOf(run)
    if (!number) return
    for (let last = after; ; last += READ_PAGE) {
      const page = await reader.page(run, number.id, last)
      yield* page
      if (page.length === READ_PAGE) {
        await nextTurn()
        continue
      }
      const now = await reader.numberOf(run)
      if (now?.id !== number.id) throw removedMeanwhile(run)
      if (last + page.length < number.least) throw corruptEntry(run, last + page.length + 1, 'is missing')
      return
    }
  }

  async blob(hash: string): Promise<string> {
    return checkBlob(hash, await (await this.#opened()).blob(hash))
  }

  async head(run: RunId): Promise<RunHead | undefined> {
    return (await this.#opened()).head(run)
  }

  async list(filter: RunFilter = {}): Promise<readonly RunHead[]> {
    return (await this.#opened()).list(filter)
  }

  async acquire(run: RunId, owner: string, now: number, until: number): Promise<Lease | undefined> {
    return this.#submit<Lease | undefined>({ op: 'acquire', run, owner, now, until }, [run, owner])
  }

  async admit(admission: Admission): Promise<Admitted> {
    return this.#submit<Admitted>({ op: 'admit', ...admission }, [admission.flow])
  }

  async place(run: RunId): Promise<QueuePlace | undefined> {
    return (await this.#opened()).place(run)
  }

  async renew(leases: readonly Lease[], until: number): Promise<readonly RunId[]> {
    return this.#submit<readonly RunId[]>({ op: 'renew', leases: [...leases], until }, [])
  }

  async post(run: RunId, message: InboxMessage): Promise<'posted' | 'duplicate'> {
    const answer = await this.#submit<'posted' | 'duplicate'>(postJob(run, message), [run, message.id])
    if (answer === 'posted') this.#changes.urgent(run)
    return answer
  }

  async inbox(run: RunId): Promise<readonly InboxMessage[]> {
    return (await this.#opened()).inbox(run)
  }

  async due(flows: readonly FlowVersion[], now: number, limit: number): Promise<readonly RunHead[]> {
    return (await this.#opened()).due(flows, now, limit)
  }

  async unheard(flows: readonly string[], limit: number): Promise<readonly RunHead[]> {
    return (await this.#opened()).unheard(flows, limit)
  }

  async accounts(filter: AccountFilter = {}): Promise<readonly AccountState[]> {
    await this.#opened()
    return listAccounts(this.#database, filter)
  }

  async schedules(): Promise<readonly ScheduleState[]> {
    return (await this.#opened()).schedules()
  }

  async keepSchedule(name: string, change: ScheduleChange): Promise<void> {
    await this.#submit<undefined>({ op: 'keep-schedule', name, change: { ...change } }, [name])
    this.#changes.urgent()
  }

  async dropSchedule(name: string): Promise<boolean> {
    const wasThere = await this.#submit<boolean>({ op: 'drop-schedule', name }, [name])
    this.#changes.urgent()
    return wasThere
  }

  async remove(runs: readonly RunId[], { dryRun = false, force = false }: Parameters<JournalStore['remove']>[1] = {}): Promise<Removal> {
    return this.#submit<Removal>({ op: 'remove', runs: [...runs], dryRun, force }, runs)
  }

  async shred(subject: Subject, step: 'begin' | 'end'): Promise<number> {
    const keys = await this.#submit<number>({ op: 'shred', subject, step }, [subject.tenant])
    // Written anew: what was removed is in none of the files of the tables any more.
    if (step === 'end') await this.#vacuum('VACUUM (FULL)')
    return keys
  }

  async compact(): Promise<void> {
    await this.#opened()
    await this.#vacuum('VACUUM')
  }

  watch(changed: (run?: RunId, what?: 'progress') => void): () => void {
    return this.#changes.watch(changed)
  }

  async stats(): Promise<PostgresStats> {
    await this.#opened()
    const [row] = await this.#database.rows<{ server: string; bytes: number }>({
      text: `
        SELECT current_setting('server_version') AS server, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
      values: [this.#schema],
    })
    return {
      place: this.#database.place,
      server: row?.server ?? '',
      schema: this.#schema,
      schemaVersion: SCHEMA_VERSION,
      bytes: row?.bytes ?? 0,
      commitMs: this.#commitMs,
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#waiting.values())
    await this.#queue.idle()
    await this.parts.close()
    await this.#opening?.catch(() => undefined)
    if (this.#isOpen) await this.#changes.close()
    this.#isOpen = false
    this.#opening = undefined
    await this.#database.close()
  }

  /** @param names what of the job is written as it is */
  async #submit<A extends Answer>(job: Job, names: readonly string[]): Promise<A> {
    for (const name of names)
      if (name.includes('\0'))
        throw new TuttiError('CONFIG_INVALID', `${JSON.stringify(name)} holds the character U+0000, which Postgres cannot keep in a name`, { data: { name } })
    return this.#queue.submit<A>(job)
  }

  async #write(jobs: readonly Job[]): Promise<readonly Answer[]> {
    if (!this.#isOpen) await this.#opened()
    const begun = performance.now()
    const answers = await writeGroup(this.#database, jobs)
    this.#commitMs += (performance.now() - begun - this.#commitMs) * (this.#commitMs === 0 ? 1 : AVERAGED)
    return answers
  }

  async #vacuum(command: string): Promise<void> {
    for (const table of TABLES) await this.#database.maintain(`${command} ${quoted(this.#schema)}.${table}`, MAINTAIN_LOCK_MS)
  }

  /** A database that could not be opened is tried again by the next call. */
  async #opened(): Promise<Reader> {
    this.#opening ??= this.#database.open().then(
      () => {
        this.#isOpen = true
      },
      (error: unknown) => {
        this.#opening = undefined
        throw error
      },
    )
    await this.#opening
    return this.#reader
  }
}

/** The steps that these entries end. */
const outcomesIn = ({ entries }: Commit): readonly string[] => outcomesOf(entries)

function outcomesOf(entries: readonly (Entry | StandingHold['instead'] | undefined)[]): readonly string[] {
  return entries.flatMap((entry) => (entry?.type === 'step.completed' || (entry?.type === 'step.failed' && entry.final) ? [entry.key] : []))
}
