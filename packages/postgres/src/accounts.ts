/**
 * Accounts that outlive runs, inside the transaction of whoever calls: read and locked first, judged by tutti, written last.
 *
 * Owns: the tables `accounts` and `holds`. Does not own: what fits (`judge` of tutti), the locks on runs, which are taken before.
 * Rows are locked from the root to the leaves (`rank`), and made in that order, before any of them is locked: so no two processes wait for each other.
 * Whoever holds the lock of a run is the only one to read and write what it holds.
 */
import type { PoolClient } from 'pg'
import {
  type AccountClaim,
  type AccountColumns,
  type AccountFilter,
  type AccountState,
  type AccountTable,
  type Amounts,
  type AppendJob,
  accountIn,
  byPeriod,
  FORGOTTEN_AT_ONCE,
  isWanted,
  judge,
  type OpenHold,
  refusedText,
  type StandingChange,
  type Subject,
  sumsText,
} from 'tutti/store'
import { ask, type Database, type Statement } from './database.ts'
import { columnsOf, unnested } from './unnest.ts'

interface AccountRow extends AccountColumns {
  readonly erased: boolean
}

interface HoldRow {
  readonly run: string
  readonly token: string
  readonly accounts: readonly string[]
  readonly amounts: string
}

/** What is asked of the accounts of a run. */
export type Asking = Pick<AppendJob, 'run'> & { readonly standing: StandingChange }

const columns = 'a.id, a.per, a.every, a.tenant, a.member, a.period, a.begins, a.ends, a.keep_until, a.sums, a.erased'
const newColumns = {
  id: 'text',
  rank: 'int',
  per: 'text',
  every: 'text',
  tenant: 'text',
  member: 'text',
  period: 'text',
  begins: 'bigint',
  ends: 'bigint',
  keep_until: 'bigint',
  sums: 'text',
} as const
const names = Object.keys(newColumns).join(', ')
const changeColumns = { id: 'text', sums: 'text' } as const
const holdColumns = { run: 'text', token: 'text', accounts: 'text', amounts: 'text' } as const
const dropColumns = { run: 'text', token: 'text' } as const

/** The accounts that these may need, locked. To be sent behind the lock on their runs, in the same breath. */
export class Accounts {
  /** As they were read, until they are needed: one that is damaged harms nobody else. */
  readonly #rows = new Map<string, AccountRow>()
  readonly #states = new Map<string, AccountState>()
  readonly #holds = new Map<string, Map<string, OpenHold>>()
  readonly #changed = new Set<string>()
  readonly #kept = new Map<string, readonly [run: string, token: string, hold: OpenHold]>()
  readonly #dropped = new Map<string, readonly [run: string, token: string]>()

  static async lock(client: PoolClient, asking: readonly Asking[]): Promise<Accounts> {
    const runs = [...new Set(asking.map(({ run }) => run))]
    const claims = new Map(asking.flatMap(({ standing: { hold } }) => (hold?.claims ?? []).map((claim) => [claim.id, claim] as const)))
    const [, holds, rows] = await Promise.all([
      claims.size > 0 ? ask(client, makeStatement([...claims.values()])) : undefined,
      ask<HoldRow>(client, { name: 'holds', text: `${holdsOfRuns} ORDER BY h.run, h.token`, values: [runs] }),
      ask<AccountRow>(client, {
        name: 'accounts',
        text: `
          SELECT ${columns} FROM accounts a
          WHERE a.id = ANY ($2) OR a.id IN (SELECT unnest(h.accounts) FROM holds h JOIN runs r ON r.id = h.run WHERE r.run = ANY ($1))
          ORDER BY a.rank, a.id FOR UPDATE`,
        values: [runs, [...claims.keys()]],
      }),
    ])
    return new Accounts(holds.rows, rows.rows)
  }

  private constructor(holds: readonly HoldRow[], rows: readonly AccountRow[]) {
    for (const { run, token, accounts, amounts } of holds) {
      const ofRun = this.#holds.get(run) ?? new Map<string, OpenHold>()
      this.#holds.set(run, ofRun.set(token, { accounts, amounts: JSON.parse(amounts) as Amounts }))
    }
    for (const row of rows) this.#rows.set(row.id, row)
  }

  /** The line that is written instead of the first entry, when the hold does not fit. */
  change({ run, standing }: Asking): string | undefined {
    const refusal = judge(this.#tableOf(run), standing)
    return refusal && standing.hold && refusedText(standing.hold, refusal)
  }

  /** What was changed, to be sent before the end of the transaction. */
  writes(): readonly Statement[] {
    const statements: Statement[] = []
    if (this.#changed.size > 0) {
      const changes = columnsOf(changeColumns)
      for (const id of this.#changed) changes.add({ id, sums: sumsText(this.#states.get(id) as AccountState) })
      statements.push({
        name: 'accounts-write',
        text: `UPDATE accounts a SET sums = c.sums FROM ${unnested(changeColumns, 1)} AS c(id, sums) WHERE a.id = c.id`,
        values: changes.values,
      })
    }
    if (this.#dropped.size > 0) {
      const dropped = columnsOf(dropColumns)
      for (const [run, token] of this.#dropped.values()) dropped.add({ run, token })
      statements.push({
        name: 'holds-drop',
        text: `DELETE FROM holds h USING ${unnested(dropColumns, 1)} AS d(run, token), runs r WHERE r.run = d.run AND h.run = r.id AND h.token = d.token`,
        values: dropped.values,
      })
    }
    if (this.#kept.size > 0) {
      const kept = columnsOf(holdColumns)
      for (const [run, token, { accounts, amounts }] of this.#kept.values())
        kept.add({ run, token, accounts: `{${accounts.join(',')}}`, amounts: JSON.stringify(amounts) })
      statements.push({
        name: 'holds-keep',
        text: `
          INSERT INTO holds (run, token, accounts, amounts)
          SELECT r.id, k.token, k.accounts::text[], k.amounts FROM ${unnested(holdColumns, 1)} AS k(run, token, accounts, amounts) JOIN runs r ON r.run = k.run`,
        values: kept.values,
      })
    }
    return statements
  }

  #state(id: string): AccountState | undefined {
    const known = this.#states.get(id)
    const row = known ? undefined : this.#rows.get(id)
    if (row) this.#states.set(id, stateOf(row))
    return this.#states.get(id)
  }

  #tableOf(run: string): AccountTable {
    const holds = this.#holds.get(run) ?? new Map<string, OpenHold>()
    this.#holds.set(run, holds)
    const place = (token: string): string => `${run} ${token}`
    return {
      state: (id) => this.#state(id),
      keep: (state) => {
        this.#states.set(state.id, state)
        this.#changed.add(state.id)
      },
      hold: (token) => holds.get(token),
      open: () => [...holds.keys()],
      keepHold: (token, hold) => {
        holds.set(token, hold)
        this.#kept.set(place(token), [run, token, hold])
      },
      dropHold: (token) => {
        holds.delete(token)
        // One that was made in this very transaction is not there yet.
        this.#kept.delete(place(token))
        this.#dropped.set(place(token), [run, token])
      },
    }
  }
}

const holdsOfRuns = 'SELECT r.run, h.token, h.accounts, h.amounts FROM holds h JOIN runs r ON r.id = h.run WHERE r.run = ANY ($1)'

/** Makes those that are not there, empty, in the order in which they are locked. */
function makeStatement(claims: readonly AccountClaim[]): Statement {
  const rows = columnsOf(newColumns)
  for (const claim of claims)
    rows.add({
      ...{ id: claim.id, rank: rankOf(claim), per: claim.per, every: claim.every, tenant: claim.tenant ?? null, member: claim.user ?? claim.flow ?? null },
      ...{ period: claim.period, begins: claim.from, ends: claim.until, keep_until: claim.keepUntil, sums: sumsText({ ...claim, ...empty }) },
    })
  return {
    name: 'accounts-make',
    text: `
      WITH given AS (SELECT * FROM ${unnested(newColumns, 1)} AS g(${names})),
      made AS (
        INSERT INTO accounts (${names}) SELECT ${names} FROM given g
        WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = g.id) ORDER BY rank, id ON CONFLICT DO NOTHING RETURNING begins)
      DELETE FROM accounts WHERE id IN (
        SELECT id FROM accounts WHERE keep_until <= (SELECT max(begins) FROM made) ORDER BY keep_until LIMIT ${FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED)`,
    values: rows.values,
  }
}

const zero: Amounts = { microUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 0, toolCalls: 0 }
const empty = { spent: zero, held: zero }

/** The root before the leaves. */
const rankOf = ({ per, every }: AccountClaim): number => ['tenant', 'user', 'flow'].indexOf(per) * 3 + ['month', 'day', 'hour'].indexOf(every)

const stateOf = (row: AccountRow): AccountState => accountIn(row, row.erased)

/** What they used stays counted; whose it was is forgotten. */
export async function forgetAccounts(client: PoolClient, { tenant, user }: Subject): Promise<void> {
  await ask(client, {
    text: "UPDATE accounts SET tenant = NULL, member = NULL, erased = true WHERE tenant = $1 AND ($2::text IS NULL OR (per = 'user' AND member = $2))",
    values: [tenant, user ?? null],
  })
}

export async function listAccounts(database: Database, filter: AccountFilter): Promise<readonly AccountState[]> {
  const rows = await database.rows<AccountRow>({ text: `SELECT ${columns} FROM accounts a WHERE a.ends > $1`, values: [filter.at ?? 0] })
  return rows
    .map(stateOf)
    .filter((state) => isWanted(filter, state))
    .sort(byPeriod)
}
