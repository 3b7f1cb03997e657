/**
 * Agents: a model, its instructions, its tools, and what it answers, as a flow.
 *
 * Owns: the declaration. The loop is in `loop.ts`; what it has said and heard in `conversation.ts`; its answer in `answer.ts`.
 * Without tools and without an output schema an agent is one model call.
 */
import type { Budget } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type Memory, memoryPlan } from '../memory/index.ts'
import type { Prompt } from '../message/index.ts'
import { toMessages } from '../message/index.ts'
import type { ModelLike } from '../model/index.ts'
import type { InOf, ModelSchema, OutOf, Schema, Scope } from '../primitives/index.ts'
import { type AnyFlow, type Awaitable, defineFlow, type Flow, type FlowShape, type Run, type Tool, type ToolSource } from '../run/index.ts'
import { checkLongest, isTool, isToolSource } from '../tool/index.ts'
import { Conversation } from './conversation.ts'
import { type AgentDefinition, answerOf, define, takeStint } from './definition.ts'
import { type AgentHooks, checkHooks } from './hooks.ts'
import type { AgentPlan } from './loop.ts'
import { DEFAULT_REPEATS } from './progress.ts'
import { selectionOf, type ToolSelection } from './select.ts'
import { skillsOf, withSkills } from './skills.ts'
import { checkSources, withSources } from './sourced.ts'
import { specOf } from './spec.ts'
import { todoTool } from './todo.ts'

interface AgentCommon {
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
  limits?: ({ turns?: number; toolCalls?: number; repeats?: number | false } & Budget) | undefined
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

/**
 * Declares an agent. With `input`, `prompt` says how it reads to the model; without, it takes a prompt. With `output` it answers that schema,
 * checked and repaired; without, text.
 *
 * Costs: one model call a turn. @throws AGENT_TURN_LIMIT | AGENT_TOOL_LIMIT | AGENT_STUCK | AGENT_DENIED | MODEL_OUTPUT_INVALID | MODEL_OUTPUT_TRUNCATED and what its models and tools throw
 * @example
 * const greeter = agent({ name: 'greeter', instructions: 'Greet in one sentence.' })
 */
export function agent<N extends string, IS extends Schema, OS extends ModelSchema>(
  o: AgentCommon & { name: N; input: IS; prompt: (input: OutOf<IS>) => Prompt; output: OS },
): Flow<InOf<IS>, OutOf<OS>, N>
export function agent<N extends string, IS extends Schema>(
  o: AgentCommon & { name: N; input: IS; prompt: (input: OutOf<IS>) => Prompt; output?: undefined },
): Flow<InOf<IS>, string, N>
export function agent<N extends string, OS extends ModelSchema>(
  o: AgentCommon & { name: N; input?: undefined; prompt?: undefined; output: OS },
): Flow<Prompt, OutOf<OS>, N>
export function agent<N extends string>(o: AgentCommon & { name: N; input?: undefined; prompt?: undefined; output?: undefined }): Flow<Prompt, string, N>
export function agent(
  o: AgentCommon & { name: string; input?: Schema | undefined; prompt?: ((input: never) => Prompt) | undefined; output?: ModelSchema | undefined },
): AnyFlow {
  refuseNotYet(o)
  if (Array.isArray(o.model) && o.model.length === 0) throw new TuttiError('CONFIG_INVALID', `the agent '${o.name}' has an empty list of models`)
  if (o.input && !o.prompt)
    throw new TuttiError('CONFIG_INVALID', `the agent '${o.name}' has an input schema but no prompt`, {
      hint: 'Give `prompt: (input) => …`: how the input reads to the model.',
    })
  checkHooks(o.name, o.hooks)
  const plan = planOf(o)
  const { turns: _, toolCalls: __, repeats: ___, ...budget } = o.limits ?? {}
  const definition: AgentDefinition = {
    plan,
    takesPrompt: !o.prompt,
    begin: async (run) => ({
      plan: await withSources(run, plan),
      system: await withSkills(run, plan.name, plan.skills, await instructionsOf(o, run)),
    }),
  }
  const made = defineFlow<never, unknown>({
    kind: 'agent',
    name: o.name,
    options: { version: o.version, description: o.description, ...(Object.keys(budget).length ? { budget } : {}) },
    inputSchema: o.input,
    outputSchema: undefined,
    parts: plan.tools.flatMap((tool) => tool['~tool'].flow ?? []),
    shape: shapeOf(plan),
    sources: plan.sources,
    execute: async (input, run) => {
      const prompt = o.prompt ? o.prompt(input as never) : (input as Prompt)
      const end = await takeStint(run, definition, new Conversation(toMessages(prompt)))
      return 'output' in end ? end.output : undefined
    },
  })
  return define(made, definition)
}

function planOf(o: Parameters<typeof refuseNotYet>[0] & { name: string; output?: ModelSchema | undefined }): AgentPlan {
  const skills = skillsOf(o.name, o.skills)
  // biome-ignore lint/suspicious/noExplicitAny: tools of anything
  const tools = [...(o.plan ? [todoTool] : []), ...(skills ? [skills.loader] : []), ...((o.tools ?? []).filter(isTool) as Tool<any, any>[])] as Tool<any, any>[]
  const names = new Set<string>()
  for (const tool of tools) {
    if (names.has(tool.name))
      throw new TuttiError('TOOL_DUPLICATE', `the agent '${o.name}' has two tools called '${tool.name}'`, { data: { agent: o.name, tool: tool.name } })
    names.add(tool.name)
  }
  const sources = (o.tools ?? []).filter(isToolSource)
  checkSources(o.name, sources)
  checkLongest(o.results?.longest, `the agent '${o.name}'`)
  return {
    name: o.name,
    model: o.model,
    tools,
    sources,
    specs: tools.map(specOf),
    output: o.output && answerOf(o.name, o.output),
    longestResult: o.results?.longest,
    selection: selectionOf(o.name, o.toolSelection),
    turns: o.limits?.turns ?? 16,
    toolCalls: o.limits?.toolCalls,
    repeats: o.limits?.repeats ?? DEFAULT_REPEATS,
    hooks: o.hooks ?? {},
    todo: o.plan,
    skills,
    memory: memoryPlan(o.name, o.memory),
  }
}

/** Instructions that are computed are recorded: a replay reads the same ones. */
function instructionsOf(o: AgentCommon, run: Run): string | undefined | Promise<string> {
  const { instructions } = o
  if (typeof instructions !== 'function') return instructions
  return run.step('instructions', { scope: run.scope }, async (given) => instructions(given))
}

/** What is declared and not built yet is refused, never ignored: a guardrail that does nothing would be a lie. */
function refuseNotYet(o: AgentCommon & { name: string }): void {
  if (o.guardrails?.length)
    throw new TuttiError('FLOW_NOT_YET', `the agent '${o.name}' has guardrails, which this version declares but cannot do yet`, {
      data: { agent: o.name, declared: 'guardrails' },
    })
  for (const tool of o.tools ?? []) {
    if (!isTool(tool) && !isToolSource(tool))
      throw new TuttiError('CONFIG_INVALID', `the agent '${o.name}' has something among its tools that is none`, {
        hint: 'Declare it with tool(), or take a foreign one with adopt().',
      })
  }
}

/** An agent with flows as tools is drawn with them; without, it is one box. */
function shapeOf({ name, tools }: AgentPlan): FlowShape | undefined {
  const flows = tools.flatMap(({ name: called, '~tool': { flow } }) => (flow ? [{ name: called, part: flow }] : []))
  if (flows.length === 0) return undefined
  return {
    nodes: [{ name }, ...flows],
    edges: [{ to: name }, ...flows.map((flow) => ({ from: name, to: flow.name, says: 'calls', dotted: true })), { from: name }],
  }
}
