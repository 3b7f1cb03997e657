/** `tutti budgets`: what tenants, users and flows have used of their standing budgets. */
import type { Per } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { readSpending, type Spending, type SpentAmounts } from '../spending.ts'
import { type AppFileBudgets, budgetsOf } from './app-file.ts'
import { homeOf, openForReading } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { inOneLine, pad, padLeft, paintFor } from './paint.ts'
import { sayCount, sayUsd } from './quantity.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface BudgetsOptions extends CommonOptions, AppFileOptions {
  readonly per?: string | undefined
  readonly tenant?: string | undefined
  readonly user?: string | undefined
  readonly flow?: string | undefined
  readonly past?: boolean | undefined
}

const pers: readonly string[] = ['tenant', 'user', 'flow'] satisfies readonly Per[]

export async function budgets(terminal: Terminal, { per, tenant, user, flow, past, app, json, ...o }: BudgetsOptions): Promise<number> {
  if (per !== undefined && !pers.includes(per))
    throw new TuttiError('CONFIG_USAGE', `there are no budgets per '${per}'`, { hint: 'It is tenant, user or flow.' })
  const home = homeOf(terminal, o)
  const declared: AppFileBudgets = app === undefined ? undefined : await budgetsOf(app, terminal.cwd)
  const store = openForReading(home)
  const all = store ? await readSpending(store, { ...{ per: per as Per | undefined, tenant, user, flow, past }, budgets: declared, now: Date.now() }) : []
  await store?.close()
  if (json) printJson(terminal.out, { accounts: all })
  else if (all.length === 0)
    printLine(
      terminal.err,
      `Nothing was used of standing budgets${past ? '' : ' in the periods of now'} in ${home.place}. Declare them: tutti({ budgets: [{ per: 'tenant', every: 'day', usd: 5 }] })`,
    )
  else for (const line of table(all, paintFor(terminal.out))) printLine(terminal.out, line)
  return 0
}

function table(all: readonly Spending[], paint: ReturnType<typeof paintFor>): string[] {
  const rows = all.flatMap((account) => limitedIn(account).map((name, i) => rowOf(account, name, i === 0)))
  const head = ['PERIOD', 'WHOSE', 'SPENT', 'HELD', 'LIMIT', 'LEFT']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]): string => row.map((text, i) => (i < 2 ? pad : padLeft)(text, widths[i] ?? 0)).join('  ')
  return [paint('dim', line(head)), ...rows.map(line)]
}

type Name = keyof Spending['limit']

const limitedIn = ({ limit }: Spending): readonly Name[] => Object.keys(limit) as Name[]

function rowOf(account: Spending, name: Name, isFirst: boolean): readonly string[] {
  const { every, period, limit } = account
  const [spent, held, most] = [amountOf(account.spent, name), amountOf(account.held, name), limit[name] ?? 0]
  const say = (amount: number): string => (name === 'usd' ? sayUsd(Math.round(amount * 1_000_000)) : `${sayCount(amount)} ${words[name]}`)
  return [isFirst ? `${every} ${period}` : '', isFirst ? whose(account) : '', say(spent), say(held), say(most), say(Math.max(0, most - spent - held))]
}

const words: Readonly<Record<Name, string>> = {
  usd: '',
  tokens: 'tokens',
  inputTokens: 'tokens in',
  outputTokens: 'tokens out',
  modelCalls: 'calls',
  toolCalls: 'tools',
}

const amountOf = (amounts: SpentAmounts, name: Name): number => (name === 'tokens' ? amounts.inputTokens + amounts.outputTokens : amounts[name])

function whose({ per, tenant, user, flow, isErased }: Spending): string {
  if (isErased) return `${per} (erased)`
  if (per === 'flow') return inOneLine(`flow ${flow}`)
  return inOneLine(per === 'tenant' ? `tenant ${tenant}` : user === undefined ? `nobody of ${tenant}` : `user ${user} of ${tenant}`)
}
