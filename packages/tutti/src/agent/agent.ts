/**
 * Agents: a model, its instructions, its tools, and what it answers, as a flow.
 *
 * Owns: the declaration. The loop is in `loop.ts`; what it has said and heard in `conversation.ts`; its answer in `answer.ts`.
 * Without tools and without an output schema an agent is one model call.
 */
import { TuttiError } from '../errors/index.ts'
import { memoryPlan } from '../memory/index.ts'
import { type Prompt, toMessages } from '../message/index.ts'
import { checkModelsOf } from '../model/index.ts'
import type { InOf, ModelSchema, OutOf, Schema } from '../primitives/index.ts'
import { type AnyFlow, defineFlow, type Flow, type FlowShape, type Run, type Tool } from '../run/index.ts'
import { isTool, isToolSource } from '../tool/index.ts'
import { Conversation } from './conversation.ts'
import { type AgentDefinition, answerOf, define, takeStint } from './definition.ts'
import type { AgentPlan, LoopEnd } from './loop.ts'
import { type AgentCommon, type AgentOptions, checkAgent } from './options.ts'
import { DEFAULT_REPEATS } from './progress.ts'
import { selectionOf } from './select.ts'
import { skillsOf, withSkills } from './skills.ts'
import { checkSources, withSources } from './sourced.ts'
import { specOf } from './spec.ts'
import { todoTool } from './todo.ts'

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
export function agent(o: AgentOptions): AnyFlow {
  checkAgent(o)
  const plan = planOf(o)
  const { turns: _, toolCalls: __, repeats: ___, ...budget } = o.limits ?? {}
  const definition: AgentDefinition = {
    plan,
    takesPrompt: !o.prompt,
    begin: (run) => (isPlain(o, plan) ? { plan, system: o.instructions } : prepared(o, plan, run)),
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
    execute: (input, run) => {
      const prompt = o.prompt ? o.prompt(input as never) : (input as Prompt)
      return takeStint(run, definition, new Conversation(toMessages(prompt))).then(outputOf)
    },
  })
  return define(made, definition)
}

const outputOf = (end: LoopEnd): unknown => ('output' in end ? end.output : undefined)

/** Nothing has to be asked before it can begin. */
function isPlain(o: AgentCommon, plan: AgentPlan): o is AgentCommon & { instructions?: string } {
  return typeof o.instructions !== 'function' && plan.sources.length === 0 && !plan.skills
}

async function prepared(o: AgentCommon, plan: AgentPlan, run: Run): Promise<{ plan: AgentPlan; system: string | undefined }> {
  return { plan: await withSources(run, plan), system: await withSkills(run, plan.name, plan.skills, await instructionsOf(o, run)) }
}

function planOf(o: AgentOptions): AgentPlan {
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
  const memory = memoryPlan(o.name, o.memory)
  checkModelsOf(`the model that summarizes for the agent '${o.name}'`, memory?.model)
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
    memory,
  }
}

/** Instructions that are computed are recorded: a replay reads the same ones. */
function instructionsOf(o: AgentCommon, run: Run): string | undefined | Promise<string> {
  const { instructions } = o
  if (typeof instructions !== 'function') return instructions
  return run.step('instructions', { scope: run.scope }, async (given) => instructions(given))
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
