/** Flows of the user's own, from a module: its `flows` export (a list or an object), else its default export. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type StandingBudget, StandingBudgets } from '../budget/index.ts'
import { sayThrown, TuttiError } from '../errors/index.ts'
import { type AnyFlow, isFlow, type Schedule, type Tool, type ToolSource } from '../run/index.ts'
import { type DeclaredSource, isTool, isToolSource } from '../tool/index.ts'

interface FlowModule {
  readonly budgets?: unknown
  readonly flows?: unknown
  readonly schedules?: unknown
  readonly default?: unknown
}

// biome-ignore lint/suspicious/noExplicitAny: tools of anything
type AnyTool = Tool<any, any>

export type AppFileBudgets = StandingBudgets | undefined

interface AppFile {
  readonly flows: readonly AnyFlow[]
  readonly schedules: readonly Schedule[]
  readonly budgets: AppFileBudgets
}

/** The flows of a module, and what starts them by the clock: its `schedules` export, or that of what it exports. @throws CONFIG_USAGE */
export async function appOf(file: string, cwd: string): Promise<AppFile> {
  const module = await importModule(file, cwd)
  const inside = module.schedules ?? (module.default as { schedules?: unknown } | undefined)?.schedules ?? []
  const schedules = Object.values(inside as object).filter((each): each is Schedule => typeof each === 'object' && each !== null && '~schedule' in each)
  return { flows: await flowsOf(file, cwd), schedules, budgets: await budgetsOf(file, cwd) }
}

/** The standing budgets of a module: its `budgets` export, or that of what it exports. @throws CONFIG_USAGE | CONFIG_INVALID | BUDGET_INVALID */
export async function budgetsOf(file: string, cwd: string): Promise<AppFileBudgets> {
  const module = await importModule(file, cwd)
  const budgets = module.budgets ?? (module.default as { budgets?: unknown } | undefined)?.budgets
  if (budgets === undefined) return undefined
  if (!Array.isArray(budgets))
    throw new TuttiError('CONFIG_USAGE', `the budgets that ${file} exports are no list`, {
      hint: "export const budgets = [{ per: 'tenant', every: 'day', usd: 5 }]",
    })
  return budgets.length === 0 ? undefined : new StandingBudgets(budgets as readonly StandingBudget[])
}

/** @throws CONFIG_USAGE */
export async function flowsOf(file: string, cwd: string): Promise<AnyFlow[]> {
  const module = await importModule(file, cwd)
  const exported = module.flows ?? module.default ?? module
  const inside = isFlow(exported) ? [exported] : ((exported as { flows?: unknown } | null)?.flows ?? exported)
  const flows = (Array.isArray(inside) ? inside : Object.values((inside ?? {}) as object)).filter(isFlow)
  if (flows.length === 0) throw new TuttiError('CONFIG_USAGE', `${file} exports no flows`, { hint: 'export const flows = [desk]' })
  return flows
}

export interface AppTools {
  readonly flows: readonly AnyFlow[]
  /** Exported by themselves. */
  readonly tools: readonly AnyTool[]
  /** Those of its agents, and of flows with agents for parts, and those that are exported (also in a list, `tools`). */
  readonly sources: readonly DeclaredSource[]
}

/** What a module has for tools, and where it finds more. A module without flows is not refused here. @throws CONFIG_USAGE when it cannot be loaded */
export async function toolsOfApp(file: string, cwd: string): Promise<AppTools> {
  const module = await importModule(file, cwd)
  const flows = await flowsOf(file, cwd).catch(() => [])
  const exported = [module, module.default].flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : [])).flat()
  const sources = new Set<ToolSource>(exported.filter(isToolSource))
  const seen = new Set<AnyFlow>()
  const visit = (flow: AnyFlow): void => {
    if (seen.has(flow)) return
    seen.add(flow)
    for (const source of flow['~flow'].sources ?? []) sources.add(source)
    for (const part of flow['~flow'].parts) visit(part)
  }
  for (const flow of [...flows, ...exported.filter(isFlow)]) visit(flow)
  return { flows, tools: [...new Set(exported.filter(isTool))], sources: [...sources] as DeclaredSource[] }
}

async function importModule(file: string, cwd: string): Promise<FlowModule> {
  try {
    return (await import(pathToFileURL(resolve(cwd, file)).href)) as FlowModule
  } catch (cause) {
    throw new TuttiError('CONFIG_USAGE', `${file} cannot be loaded: ${sayThrown(cause).message}`, {
      cause,
      hint: 'Give the module that exports your flows.',
    })
  }
}
