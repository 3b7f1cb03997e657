/**
 * The way to one Postgres database: a pool of connections that see the schema of tutti.
 *
 * Owns: the connections. Does not own: what is asked over them.
 * A server that is away for a while (a restart, a failover) is waited for. Whoever writes is told when what was asked may have been done all the same.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientBase, Pool, type PoolClient, types as pgTypes, type QueryResult } from 'pg'
import { TuttiError } from 'tutti/store'
import { placeOf } from './address.ts'
import { faultOf, kindOf } from './fault.ts'
import { migrate, quoted } from './schema.ts'

export interface DatabaseOptions {
  readonly url: string
  readonly schema: string
  readonly connections: number
  readonly durability: 'sync' | 'relaxed'
  readonly patienceMs: number
}

/** A statement; one with a name is planned once a connection. */
export interface Statement {
  readonly name?: string | undefined
  readonly text: string
  readonly values?: readonly unknown[] | undefined
}

const INT8 = 20
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000
const CONNECT_MS = 10_000
/** At the first use a wrong address is likelier than a server that is about to come back. */
const OPEN_PATIENCE_MS = 2_000

export class Database {
  /** For messages: without the password. */
  readonly place: string
  readonly #o: DatabaseOptions
  #made: Pool | undefined

  /** @throws CONFIG_INVALID when the address is none of Postgres */
  constructor(o: DatabaseOptions) {
    this.#o = o
    this.place = placeOf(o.url)
  }

  async open(): Promise<void> {
    await this.#patiently(OPEN_PATIENCE_MS, () => this.#with((client) => migrate(client, this.#o.schema)))
  }

  /** Asks on any connection, again when it was lost: only what reads. */
  async rows<R extends object>(statement: Statement): Promise<readonly R[]> {
    const { rows } = await this.#patiently(this.#o.patienceMs, () => this.#pool.query<R>(queryOf(statement)))
    return rows
  }

  /**
   * Does `work` with one connection. It is done again when another transaction was in its way, or when the connection was lost: then `again` is true, and what was
   * asked before may have been done.
   */
  async write<T>(work: (client: PoolClient, again: boolean) => Promise<T>): Promise<T> {
    let again = false
    return this.#patiently(this.#o.patienceMs, () =>
      this.#with(async (client) => {
        try {
          return await work(client, again)
        } catch (error) {
          again ||= kindOf(error) === 'lost'
          throw error
        }
      }),
    )
  }

  /** Outside of any transaction. */
  async maintain(text: string, lockMs: number): Promise<void> {
    await this.#patiently(0, () =>
      this.#with(async (client) => {
        await client.query(`SET lock_timeout = ${lockMs}`)
        try {
          await client.query(text)
        } finally {
          await client.query('RESET lock_timeout').catch(() => {})
        }
      }),
    )
  }

  /** A later call connects again. */
  async close(): Promise<void> {
    const pool = this.#made
    this.#made = undefined
    await pool?.end()
  }

  get #pool(): Pool {
    if (this.#made) return this.#made
    const o = this.#o
    const pool = new Pool({ ...connectionOf(o), max: o.connections, pipeline: true, allowExitOnIdle: true, onConnect: (client) => this.#prepare(client) })
    // One that idles and is lost is not asked again.
    pool.on('error', () => {})
    this.#made = pool
    return pool
  }

  async #with<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let failure: Error | undefined
    try {
      return await work(client)
    } catch (error) {
      failure = error as Error
      throw error
    } finally {
      // One that failed in the middle of a transaction may still be in it.
      client.release(failure && kindOf(failure) !== 'collided' && !TuttiError.is(failure) ? failure : undefined)
    }
  }

  async #patiently<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
    const until = performance.now() + patienceMs
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await work()
      } catch (error) {
        if (kindOf(error) === 'final' || performance.now() + pauseMs > until) throw faultOf(error, this.place)
        await sleep(pauseMs * (0.5 + Math.random()))
      }
    }
  }

  async #prepare(client: ClientBase): Promise<void> {
    // One that is lost while it is in use: whoever uses it is told by what was asked.
    client.on('error', () => {})
    const { schema, durability } = this.#o
    // A server that is set to forget the last moments would break what an acknowledgement means.
    const commit =
      durability === 'relaxed' ? "'off'" : "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END"
    await client.query(`SET search_path TO ${quoted(schema)}`)
    await client.query(`SELECT set_config('synchronous_commit', ${commit}, false)`)
  }
}

/** What a connection to the database is made with. */
export const connectionOf = ({ url }: Pick<DatabaseOptions, 'url'>) => ({
  connectionString: url,
  connectionTimeoutMillis: CONNECT_MS,
  keepAlive: true,
  fallback_application_name: 'tutti',
  types: {
    // Numbers of runs and times fit a double.
    getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
      oid === INT8 ? Number : pgTypes.getTypeParser(oid, format as 'text')) as typeof pgTypes.getTypeParser,
  },
})

const queryOf = ({ name, text, values }: Statement) => ({ text, ...(name !== undefined && { name }), ...(values && { values: [...values] }) })

export const ask = <R extends object>(client: PoolClient, statement: Statement): Promise<QueryResult<R>> => client.query<R>(queryOf(statement))
