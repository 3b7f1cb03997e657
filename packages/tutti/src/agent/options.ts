/** What an agent is declared with, and what is wrong with it, said when it is declared. */
import { type Budget, declaredLimits } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { Memory } from '../memory/index.ts'
import type { Prompt } from '../message/index.ts'
import { checkModelsOf, type ModelLike } from '../model/index.ts'
import { checkOptions, type Declared, type Elsewhere, insteadOf, is, type ModelSchema, type Schema, type Scope, sayGiven } from '../primitives/index.ts'
import type { Awaitable, Tool, ToolSource } from '../run/index.ts'
import { checkLongest, isTool, isToolSource } from '../tool/index.ts'
import { AGENT_ELSEWHERE } from './elsewhere.ts'
import { type AgentHooks, checkHooks } from './hooks.ts'
import type { ToolSelection } from './select.ts'

interface Counts {
  turns?: number | undefined
  toolCalls?: number | undefined
  repeats?: number | false | undefined
}
type AgentLimits = Counts & Budget

export interface AgentCommon {
  /** Default: the app's model, else the one chosen from the environment, else `tutti/extractive`. */
  model?: ModelLike | undefined
  instructions?: string | ((ctx: { scope: Readonly<Scope> }) => Awaitable<string>) | undefined
  description?: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: tools of anything
  tools?: readonly (Tool<any, any> | ToolSource)[] | undefined
  /** Declared, not built yet (FLOW_NOT_YET). */
  guardrails?: readonly { readonly name: string; readonly on: readonly string[] }[] | undefined
  /** What it is shown of its conversation is kept within a window of tokens; in a team, of the conversation that it shares. Structure, not a tunable. */
  // biome-ignore lint/suspicious/noExplicitAny: memory of anything
  memory?: Memory<any> | undefined
  /** A folder of skills by the rules of agentskills.io: each a folder with a SKILL.md. They are listed in its instructions; the model reads one with `load_skill` when it fits. */
  skills?: string | undefined
  /**
   * `turns`: model calls in all, default 16. `toolCalls`: default without limit. `repeats`: how often the same calls may come with the same results before the agent is told so, and at
   * the next time ends as AGENT_STUCK, default 3; `false` for one that polls. The rest is a budget of its own.
   */
  limits?: AgentLimits | undefined
  /** True: it keeps a list of what is to be done, with a tool of its own (`todo`), and has it before its eyes. */
  plan?: boolean | undefined
  /** Results that are too long are cut: the model reads their beginning, and goes on with `read_result`. `longest`: characters still shown whole, default 40,000. */
  results?: { longest?: number | undefined } | undefined
  /** Shows the model only the tools that fit what is asked, where there are more than `top`; it finds others with `find_tools`. Default: all are shown. */
  toolSelection?: ToolSelection | undefined
  version?: string | undefined
  /** What looks at it before and after: each verdict is recorded. They are structure, not tunables. */
  hooks?: AgentHooks | undefined
}

export type AgentOptions = AgentCommon & {
  name: string
  input?: Schema | undefined
  prompt?: ((input: never) => Prompt) | undefined
  output?: ModelSchema | undefined
}

const OPTIONS: Declared<AgentOptions> = {
  ...{ name: true, description: is.text, version: is.text, input: is.schema, prompt: is.function, output: is.schema },
  ...{ model: true, instructions: is.textOrFunction, tools: is.list, toolSelection: is.object, skills: is.text, results: is.object },
  ...{ memory: true, plan: is.flag, limits: true, hooks: true, guardrails: is.list },
}
const LIMITS: Declared<AgentLimits> = {
  ...{ turns: true, toolCalls: true, repeats: true },
  ...{ usd: true, tokens: true, inputTokens: true, outputTokens: true, modelCalls: true, onExhausted: true },
}

export const LIMITS_ELSEWHERE: Elsewhere = {
  ...insteadOf('maxSteps maxTurns steps', 'turns: 8'),
  ...insteadOf('maxToolCalls', 'toolCalls: 20'),
  ...insteadOf('cost', 'usd: 0.05'),
  ...insteadOf('maxTokens', 'outputTokens: 4_000'),
}

/** @throws CONFIG_INVALID | BUDGET_INVALID | FLOW_NOT_YET */
export function checkAgent(o: AgentOptions): void {
  const who = `the agent '${String(o?.name)}'`
  checkOptions(typeof o?.name === 'string' ? who : 'agent()', o, OPTIONS, AGENT_ELSEWHERE)
  refuseNotYet(o)
  checkModelsOf(`the model of ${who}`, o.model)
  if (o.input && !o.prompt)
    throw new TuttiError('CONFIG_INVALID', `${who} has an input schema but no prompt`, {
      hint: 'Give `prompt: (input) => …`: how the input reads to the model.',
    })
  checkHooks(o.name, o.hooks)
  if (o.limits !== undefined) checkLimits(who, o.limits)
  if (o.results !== undefined) checkOptions(`the results of ${who}`, o.results, { longest: true })
  checkLongest(o.results?.longest, who)
}

function checkLimits(who: string, limits: AgentLimits): void {
  checkOptions(`the limits of ${who}`, limits, LIMITS, LIMITS_ELSEWHERE)
  const { turns, toolCalls, repeats, ...budget } = limits
  checkCount(who, { turns }, 1)
  checkCount(who, { toolCalls }, 0)
  if (repeats !== false) checkCount(who, { repeats }, 1)
  declaredLimits(budget, `the budget of ${who}`)
}

/** Infinity is no limit, and may be said. */
function checkCount(who: string, count: { readonly [name: string]: number | undefined }, least: number): void {
  for (const [name, value] of Object.entries(count)) {
    if (value === undefined || ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least)) continue
    throw new TuttiError('CONFIG_INVALID', `the limits of ${who} say ${sayGiven(value)} for ${name}`, { hint: `It is a whole number from ${least}.` })
  }
}

/** What is declared and not built yet is refused, never ignored: a guardrail that does nothing would be a lie. */
function refuseNotYet(o: AgentCommon & { name: string }): void {
  if (o.guardrails?.length)
    throw new TuttiError('FLOW_NOT_YET', `the agent '${o.name}' has guardrails, which this version declares but cannot do yet`, {
      data: { agent: o.name, declared: 'guardrails' },
    })
  for (const [i, tool] of (o.tools ?? []).entries()) {
    if (!isTool(tool) && !isToolSource(tool))
      throw new TuttiError('CONFIG_INVALID', `tool ${i + 1} of the agent '${o.name}' is ${sayGiven(tool)}`, {
        hint: 'Declare it with tool(), or take a foreign one with adopt().',
      })
  }
}
