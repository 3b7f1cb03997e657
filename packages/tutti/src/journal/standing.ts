/**
 * What a commit does to the accounts that outlive its run: judged in the transaction that writes its entries, once nothing else can refuse it.
 *
 * Owns: the order. Does not own: what locks accounts and keeps them (the stores), the arithmetic (`budget/account.ts`).
 * Invariants: I7 (what is held is durable with the entry that says so, or neither is), a hold that does not fit harms no other commit of its group: of its own it
 * changes the first entry. What a hold was granted for is counted once, in the periods in which it was granted. A hold of which nothing more is said is settled
 * in full by whatever ends its run, or removes it.
 */
import {
  type AccountClaim,
  type AccountRefusal,
  type AccountState,
  type Amounts,
  accountExceeded,
  emptySums,
  nothing,
  refusalOf,
  unsound,
  withHeld,
  withSettled,
} from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { entryText } from './codec.ts'
import type { AccountFilter, AccountTable, StandingChange, StandingHold } from './standing.port.ts'

/** Why the hold does not fit, if there is one that does not. Everything is read before anything is changed. @throws JOURNAL_CORRUPT */
export function judge(table: AccountTable, { hold, settles = [], closes = false }: StandingChange): AccountRefusal | undefined {
  const settled = new Map(settles.map(({ token, actual }) => [token, actual]))
  if (closes) for (const token of table.open()) if (!settled.has(token)) settled.set(token, undefined)
  for (const token of settled.keys()) for (const id of table.hold(token)?.accounts ?? []) table.state(id)
  for (const { id } of hold?.claims ?? []) table.state(id)
  for (const [token, actual] of settled) settle(table, token, actual)
  return hold && holdIn(table, hold)
}

/** An account whose time to be remembered is over may be gone. */
function settle(table: AccountTable, token: string, actual: Amounts | undefined): void {
  const open = table.hold(token)
  if (!open) return
  table.dropHold(token)
  const used = actual && !unsound(actual) ? actual : open.amounts
  for (const id of open.accounts) {
    const state = table.state(id)
    if (state) table.keep({ ...state, ...withSettled(state, open.amounts, used) })
  }
}

function holdIn(table: AccountTable, { token, claims, amounts }: StandingHold): AccountRefusal | undefined {
  // Asked again, because whoever asked did not learn the answer: the call was not made.
  settle(table, token, nothing)
  const states = claims.map((claim): AccountState => ({ ...emptySums, ...table.state(claim.id), ...claim }))
  for (const [i, claim] of claims.entries()) {
    const refusal = refusalOf(claim, states[i] as AccountState, amounts)
    if (refusal) return refusal
  }
  for (const state of states) table.keep({ ...state, ...withHeld(state, amounts) })
  table.keepHold(token, { accounts: claims.map(({ id }: AccountClaim) => id), amounts })
  return undefined
}

/** The line that is written instead of the first entry. */
export function refusedText({ instead }: StandingHold, refusal: AccountRefusal): string {
  return entryText({ ...instead, error: accountExceeded(refusal, instead.key) })
}

/** Whether `text` is what such a hold was refused with: of a commit that is written again, because nobody knows whether it was. */
export function isRefusedText({ instead }: StandingHold, text: string): boolean {
  const shape = (line: string): string => {
    const { error: _, ...rest } = JSON.parse(line) as { error: unknown }
    return JSON.stringify(rest)
  }
  return shape(text) === shape(entryText({ ...instead, error: { code: '', message: '' } }))
}

export function isWanted({ per, tenant, user, flow, at }: AccountFilter, state: AccountState): boolean {
  const isLike = (wanted: string | undefined, is: string | undefined): boolean => wanted === undefined || wanted === is
  return (
    isLike(per, state.per) && isLike(tenant, state.tenant) && isLike(user, state.user) && isLike(flow, state.flow) && (at === undefined || state.until > at)
  )
}

/** Those of one period together, the newest first. */
export const byPeriod = (a: AccountState, b: AccountState): number =>
  b.from - a.from || a.per.localeCompare(b.per) || b.until - a.until || nameOf(a).localeCompare(nameOf(b))

const nameOf = ({ flow, tenant, user }: AccountState): string => flow ?? `${tenant ?? ''}\0${user ?? ''}`

/** An account, as stores with columns keep it. */
export interface AccountColumns {
  readonly id: string
  readonly per: AccountState['per']
  readonly every: AccountState['every']
  readonly tenant: string | null
  /** The user, or the flow. */
  readonly member: string | null
  readonly period: string
  readonly begins: number
  readonly ends: number
  readonly keep_until: number
  readonly sums: string
}

/** With each account that is new a store forgets so many of before: more than come. */
export const FORGOTTEN_AT_ONCE = 8

/** @throws JOURNAL_CORRUPT */
export function accountIn(row: AccountColumns, isErased: boolean): AccountState {
  const { id, per, every, tenant, member, period, begins: from, ends: until, keep_until: keepUntil, sums } = row
  const whose = per === 'flow' ? { flow: member ?? undefined } : { tenant: tenant ?? undefined, ...(member !== null && { user: member }) }
  return { id, per, every, ...whose, period, from, until, keepUntil, ...parseSums(id, sums), ...(isErased && { isErased: true }) }
}

/** What a store keeps of an account as text: what is held, what is spent, and what it was limited to. */
type Sums = Pick<AccountState, 'spent' | 'held' | 'limits'>

/** @throws JOURNAL_CORRUPT: to go on from what it holds would lift a limit */
export function parseSums(id: string, text: string): Sums {
  let sums: Partial<Sums> | undefined
  try {
    sums = JSON.parse(text) as Partial<Sums>
  } catch {
    // Said below.
  }
  const isSound = (amounts: unknown): boolean => typeof amounts === 'object' && amounts !== null && Object.values(amounts).every(Number.isFinite)
  if (isSound(sums?.spent) && isSound(sums?.held) && typeof sums?.limits === 'object') return sums as Sums
  throw new TuttiError('JOURNAL_CORRUPT', `the account '${id}' does not hold what was written`, { data: { account: id } })
}

export const sumsText = ({ spent, held, limits }: Sums): string => JSON.stringify({ spent, held, limits })
