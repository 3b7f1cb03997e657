/**
 * The accounts of a journal file, inside the transaction of whoever writes it.
 *
 * Owns: what it remembers of accounts, which is true while no other connection has written; what of it is to be written with the group. Does not own: the transaction.
 * An account that many commits of a group hold in is written once. In an encrypted journal the account of a user lies under a keyed hash, and its name is sealed.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { AccountClaim, AccountState, OpenHold } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { Subject } from './encryption.port.ts'
import type { DataKey } from './seal.ts'
import type { AccountFilter, AccountTable, StandingChange } from './standing.port.ts'
import { type AccountColumns, accountIn, byPeriod, FORGOTTEN_AT_ONCE, isWanted, judge, refusedText, sumsText } from './standing.ts'
import type { Vault } from './vault.ts'

interface AccountRow extends AccountColumns {
  readonly erased: number
  readonly key_id: number | null
}

const MOST_KNOWN = 20_000
/** No run is of this tenant, so nobody erases it. */
const NOBODY = { tenant: '' }

export class SqliteAccounts {
  readonly #vault: Vault
  readonly #statements: Statements
  /** `undefined`: not in the file. */
  readonly #known = new Map<string, AccountState | undefined>()
  readonly #changed = new Set<string>()
  readonly #new = new Set<string>()

  constructor(db: DatabaseSync, vault: Vault) {
    this.#vault = vault
    this.#statements = prepareAll(db)
  }

  /** The line that is written instead of the first entry, when the hold does not fit. @param run its number @throws JOURNAL_CORRUPT, and nothing is changed */
  change(run: number, { hold, ...rest }: StandingChange): string | undefined {
    const placed = hold && { ...hold, claims: this.#vault.seals ? hold.claims.map((claim) => this.#placed(claim)) : hold.claims }
    const refusal = judge(this.#tableOf(run), { ...rest, hold: placed })
    return refusal && hold && refusedText(hold, refusal)
  }

  /** Writes what this group changed. */
  write(): void {
    if (this.#changed.size === 0) return
    for (const id of this.#changed) this.#write(this.#known.get(id) as AccountState)
    this.#changed.clear()
    this.#new.clear()
    if (this.#known.size > MOST_KNOWN) this.#known.clear()
  }

  /** Another connection has written, or the transaction was rolled back. */
  forgetAll(): void {
    this.#known.clear()
    this.#changed.clear()
    this.#new.clear()
  }

  /** What they used stays counted; whose it was is forgotten. */
  forget({ tenant, user }: Subject): void {
    this.write()
    this.#known.clear()
    this.#statements.erase.run({ tenant, user: user ?? null })
  }

  #tableOf(run: number): AccountTable {
    const { hold, open, keepHold, dropHold } = this.#statements
    return {
      state: (id) => this.#state(id),
      keep: (state) => {
        this.#known.set(state.id, state)
        this.#changed.add(state.id)
      },
      hold: (token) => {
        const row = hold.get(run, token) as { hold: string } | undefined
        return row && (JSON.parse(row.hold) as OpenHold)
      },
      open: () => (open.all(run) as unknown as readonly { token: string }[]).map(({ token }) => token),
      keepHold: (token, held) => void keepHold.run(run, token, JSON.stringify(held)),
      dropHold: (token) => void dropHold.run(run, token),
    }
  }

  #state(id: string): AccountState | undefined {
    if (this.#known.has(id)) return this.#known.get(id)
    const row = this.#statements.find.get(id) as AccountRow | undefined
    const state = row && stateOf(row, this.#vault)
    this.#known.set(id, state)
    if (!state) this.#new.add(id)
    return state
  }

  #write(state: AccountState): void {
    const { id, per, every, tenant, user, flow, period, from, until, keepUntil } = state
    const key = this.#keyOf(state)
    const member = user ?? flow ?? null
    this.#statements.write.run({
      ...{ id, per, every, tenant: tenant ?? null, member: member !== null && key ? key.ofAccount(id).sealText('member', member) : member },
      ...{ period, begins: from, ends: until, keep_until: keepUntil, sums: sumsText(state), key: key?.id ?? null },
    })
    if (this.#new.has(id)) this.#statements.dropOld.run({ now: from })
  }

  #placed(claim: AccountClaim): AccountClaim {
    if (!this.#keyOf(claim)) return claim
    // Under a key of nobody's, so that it is found again once that of the user is gone.
    return { ...claim, id: Buffer.from(this.#vault.forScope(NOBODY).addressOf(`account ${claim.id}`)).toString('base64url') }
  }

  /** What the name of a user is sealed with; those of tenants and flows lie open, as in the lines of their runs. */
  #keyOf({ tenant, user }: Pick<AccountState, 'tenant' | 'user'>): DataKey | undefined {
    return this.#vault.seals && tenant !== undefined && user !== undefined ? this.#vault.forScope({ tenant, user }) : undefined
  }
}

/** The accounts of a file, as they lie there. */
export function listAccounts(db: DatabaseSync, vault: Vault, filter: AccountFilter): readonly AccountState[] {
  const rows = db.prepare('SELECT * FROM accounts WHERE ends > ?').all(filter.at ?? 0) as unknown as readonly AccountRow[]
  return rows
    .map((row) => stateOf(row, vault))
    .filter((state) => isWanted(filter, state))
    .sort(byPeriod)
}

function stateOf(row: AccountRow, vault: Vault): AccountState {
  const { key_id: key } = row
  const member = key === null ? row.member : opened(vault, key, row)
  return accountIn({ ...row, member }, row.erased === 1 || (key !== null && member === null))
}

/** Nothing, when its key was destroyed with all that was sealed with it. */
function opened(vault: Vault, key: number, { id, member }: AccountRow): string | null {
  try {
    return vault
      .byId(key)
      .ofAccount(id)
      .openText('member', member ?? '')
  } catch (error) {
    if (TuttiError.is(error, 'JOURNAL_CORRUPT')) return null
    throw error
  }
}

type Statements = ReturnType<typeof prepareAll>

function prepareAll(db: DatabaseSync) {
  const prepare = (sql: string): StatementSync => db.prepare(sql)
  return {
    find: prepare('SELECT * FROM accounts WHERE id = ?'),
    // The names stay as they are: of one that was erased none comes back.
    write: prepare(`
      INSERT INTO accounts (id, per, every, tenant, member, period, begins, ends, keep_until, sums, erased, key_id)
      VALUES (:id, :per, :every, :tenant, :member, :period, :begins, :ends, :keep_until, :sums, 0, :key) ON CONFLICT DO UPDATE SET sums = excluded.sums`),
    dropOld: prepare(`DELETE FROM accounts WHERE id IN (SELECT id FROM accounts WHERE keep_until <= :now ORDER BY keep_until LIMIT ${FORGOTTEN_AT_ONCE})`),
    erase: prepare(`
      UPDATE accounts SET tenant = NULL, member = NULL, erased = 1
      WHERE tenant = :tenant AND (:user IS NULL OR (per = 'user' AND member = :user))`),
    hold: prepare('SELECT hold FROM holds WHERE run = ? AND token = ?'),
    open: prepare('SELECT token FROM holds WHERE run = ?'),
    keepHold: prepare('INSERT OR REPLACE INTO holds (run, token, hold) VALUES (?, ?, ?)'),
    dropHold: prepare('DELETE FROM holds WHERE run = ? AND token = ?'),
  }
}
