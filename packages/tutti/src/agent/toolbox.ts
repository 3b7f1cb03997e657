/**
 * What a model is shown of the tools of its agent, turn by turn. Once a tool is shown it stays, in its place, so that what a provider has cached of the prompt stays good.
 *
 * Owns: which tools are shown, the long results of this loop. Does not own: the search among them (select.ts), the calls.
 */
import type { ToolCallPart, ToolResultPart } from '../message/index.ts'
import type { ToolSpec } from '../model/index.ts'
import { SparseSet } from '../primitives/index.ts'
import type { Run, Tool } from '../run/index.ts'
import { READ_RESULT, Results } from './results.ts'
import { FIND_TOOLS, finderOf, namesFound, type Selection, selectTools } from './select.ts'
import type { Skills } from './skills.ts'
import { specOf } from './spec.ts'
import { todoTool } from './todo.ts'

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

export interface ToolboxPlan {
  readonly tools: readonly AnyTool[]
  readonly specs: readonly ToolSpec[]
  /** Characters that a result may have, of an agent that says so. */
  readonly longestResult?: number | undefined
  readonly selection?: Selection | undefined
  /** It plans: its list is always at hand. */
  readonly todo?: boolean | undefined
  /** Its skills can always be loaded. */
  readonly skills?: Skills | undefined
}

export class Toolbox {
  readonly #plan: ToolboxPlan
  readonly #results: Results
  /** The skills that were read. */
  readonly #skills = new SparseSet<string>()
  readonly #finder: AnyTool | undefined
  /** Only some are shown. */
  readonly #selects: boolean
  #specs: readonly ToolSpec[]

  /** @param always shown whatever is selected, behind the agent's own tools; called by somebody else */
  constructor(plan: ToolboxPlan, always: readonly ToolSpec[] = []) {
    const { tools, specs, selection, longestResult } = plan
    this.#plan = plan
    this.#results = new Results(longestResult)
    this.#selects = selection !== undefined && tools.length > selection.top
    this.#finder = this.#selects && selection?.find ? finderOf(tools, specs, selection) : undefined
    // The same array every turn: its hash is computed once.
    const own = this.#selects ? specs.filter(({ name }) => (plan.todo && name === todoTool.name) || name === plan.skills?.loader.name) : specs
    this.#specs = always.length > 0 ? [...own, ...always] : own
    if (this.#finder) this.#show([specOf(this.#finder)])
    // Said from the start, where somebody said that results are to be cut: a tool that comes later costs what was cached of the prompt.
    if (tools.length > 0 && (longestResult !== undefined || tools.some((each) => each['~tool'].longest !== undefined)))
      this.#show([specOf(this.#results.reader)])
  }

  get specs(): readonly ToolSpec[] {
    return this.#specs
  }

  /** What a model is told that does not see all results any more: which of them it can read, and which skills. */
  get readable(): string {
    const { loader } = this.#plan.skills ?? {}
    const skills = this.#skills.size > 0 ? `Skills that were read, and can be read again with ${loader?.name}: ${[...this.#skills].join(', ')}.` : ''
    return [this.#results.said, skills].filter(Boolean).join('\n')
  }

  /** Which are shown first, by what is asked; recorded. */
  async open(run: Run, question: string): Promise<void> {
    const { selection, tools, specs } = this.#plan
    if (this.#selects && selection && selection.top > 0) this.#showNamed(await selectTools(run, tools, specs, question, selection))
  }

  /** Also one that is not shown: it is the agent's all the same. */
  tool(name: string): AnyTool | undefined {
    if (name === FIND_TOOLS && this.#finder) return this.#finder
    return this.#plan.tools.find((each) => each.name === name) ?? (name === READ_RESULT && this.#isShown(name) ? this.#results.reader : undefined)
  }

  /** What is told of a call: cut where it is too long, and what it found is shown from the next turn on. */
  take(result: ToolResultPart, { input }: ToolCallPart): ToolResultPart {
    const { loader } = this.#plan.skills ?? {}
    if (loader && result.tool === loader.name && !result.failed) this.#skills.add((input as { name: string }).name)
    if (result.tool === FIND_TOOLS && this.#finder) {
      if (!result.failed) this.#showNamed(namesFound(result.output))
      return result
    }
    const shown = this.#results.shorten(result, this.#plan.tools.find(({ name }) => name === result.tool)?.['~tool'].longest)
    if (this.#results.any && !this.#isShown(READ_RESULT)) this.#show([specOf(this.#results.reader)])
    return shown
  }

  #isShown(name: string): boolean {
    return this.#specs.some((spec) => spec.name === name)
  }

  #showNamed(names: readonly string[]): void {
    this.#show(names.flatMap((name) => this.#plan.specs.find((spec) => spec.name === name) ?? []))
  }

  #show(specs: readonly ToolSpec[]): void {
    const fresh = specs.filter(({ name }) => !this.#isShown(name))
    if (fresh.length > 0) this.#specs = [...this.#specs, ...fresh]
  }
}
