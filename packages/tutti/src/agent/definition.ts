/** What a team knows of an agent: enough to let it speak in a conversation that goes on after it. Kept beside the flow, for nobody else needs it. */
import { TuttiError } from '../errors/index.ts'
import { jsonSchemaOf, type ModelSchema } from '../primitives/index.ts'
import type { AnyFlow, Awaitable, Run } from '../run/index.ts'
import { declareMemory, refuseThread } from './compact.ts'
import type { Conversation } from './conversation.ts'
import { type AgentPlan, type Handoffs, type LoopEnd, runLoop } from './loop.ts'

interface Begun {
  readonly plan: AgentPlan
  readonly system: string | undefined
}

export interface AgentDefinition {
  readonly plan: AgentPlan
  /** It is given a prompt as it is, so it can go on from any conversation. */
  readonly takesPrompt: boolean
  /** Its plan with what its tools are in this run, and its instructions. */
  begin(run: Run): Awaitable<Begun>
}

const definitions = new WeakMap<AnyFlow, AgentDefinition>()

export function define<F extends AnyFlow>(agent: F, definition: AgentDefinition): F {
  definitions.set(agent, definition)
  return agent
}

/** `undefined` for a flow that is no agent, or none that takes a prompt. */
export function agentOf(flow: AnyFlow): AgentDefinition | undefined {
  const definition = definitions.get(flow)
  return definition?.takesPrompt ? definition : undefined
}

export interface StintOptions {
  /** What it is to answer, instead of what it was declared with. */
  readonly output?: AgentPlan['output']
  readonly handoffs?: Handoffs | undefined
}

/** One stint of an agent in a conversation that it shares, or comes back to. */
export function takeStint(run: Run, definition: AgentDefinition, conversation: Conversation, o: StintOptions = {}): Promise<LoopEnd> {
  refuseThread(run, definition.plan)
  declareMemory(run, definition.plan.memory)
  const begun = definition.begin(run)
  const go = ({ plan, system }: Begun): Promise<LoopEnd> => runLoop(run, withOptions(plan, o), system, conversation)
  return begun instanceof Promise ? begun.then(go) : go(begun as Begun)
}

/** @throws TOOL_DUPLICATE */
function withOptions(plan: AgentPlan, o: StintOptions): AgentPlan {
  const taken = o.handoffs?.specs.find(({ name }) => plan.tools.some((tool) => tool.name === name))
  if (taken)
    throw new TuttiError('TOOL_DUPLICATE', `the agent '${plan.name}' has a tool called '${taken.name}', and so is the way to hand over to another`, {
      data: { agent: plan.name, tool: taken.name },
    })
  return o.output || o.handoffs ? { ...plan, ...(o.output ? { output: o.output } : {}), handoffs: o.handoffs } : plan
}

/** What the model writes is what the schema takes in. @throws CONFIG_INVALID for one that cannot be shown */
export const answerOf = (name: string, schema: ModelSchema): NonNullable<AgentPlan['output']> => ({
  schema,
  shown: { name: `${name}-answer`.replaceAll(/[^A-Za-z0-9_-]/g, '_'), schema: jsonSchemaOf(schema, 'input') },
})
