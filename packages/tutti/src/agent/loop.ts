/**
 * The agent loop: ask the model, do what it asks for, tell it, until it answers. One loop for every agent, streamed or not.
 *
 * Keys: turn n is the model step `turn:n`; the calls of that turn are `turn:n/<tool>`. Calls of one turn run beside one another, each a step of
 * its own, and are told in the order in which the model made them.
 */
import { TuttiError } from '../errors/index.ts'
import { type Message, pendingCalls, type ToolCallPart, type ToolResultPart, textOf, userText } from '../message/index.ts'
import { askModel, type ModelAnswer, type ModelLike, type ToolSpec } from '../model/index.ts'
import type { JsonSchema, ModelSchema } from '../primitives/index.ts'
import type { Run, Tool, ToolSource } from '../run/index.ts'
import { callTool } from '../tool/index.ts'
import { readAnswer } from './answer.ts'
import { Conversation } from './conversation.ts'
import { Progress } from './progress.ts'

/** An agent as its loop needs it: made once, when it is declared. */
export interface AgentPlan {
  readonly name: string
  readonly model: ModelLike | undefined
  // biome-ignore lint/suspicious/noExplicitAny: tools of anything
  readonly tools: readonly Tool<any, any>[]
  /** Asked for their tools when the loop begins. */
  readonly sources: readonly ToolSource[]
  readonly specs: readonly ToolSpec[]
  readonly output: { readonly schema: ModelSchema; readonly shown: { readonly name: string; readonly schema: JsonSchema } } | undefined
  readonly turns: number
  readonly toolCalls: number | undefined
}

/** Answers that may be sent back because they do not fit, before the agent fails. */
const MAX_REPAIRS = 2

export async function runLoop(run: Run, plan: AgentPlan, system: string | undefined, prompt: readonly Message[]): Promise<unknown> {
  const conversation = new Conversation(prompt)
  const progress = new Progress(plan.name)
  let called = 0
  let repairs = 0
  for (let turn = 1; turn <= plan.turns; turn++) {
    const answer = await askModel(run, questionOf(plan, turn, system, conversation))
    conversation.add(answer.message)
    const calls = pendingCalls(answer.message)
    if (calls.length > 0) {
      called += calls.length
      if (plan.toolCalls !== undefined && called > plan.toolCalls)
        throw new TuttiError('AGENT_TOOL_LIMIT', `the agent '${plan.name}' asked for ${called} tool calls; its limit is ${plan.toolCalls}`, {
          data: { agent: plan.name, asked: called, limit: plan.toolCalls },
        })
      const results = await callAll(run, plan, turn, calls)
      conversation.add({ role: 'tool', parts: results })
      progress.note(calls, results)
      continue
    }
    const answered = await readAnswer(answer, plan.output?.schema, conversation)
    const cut = answer.finish === 'length' && !(plan.output && answered.ok)
    if (cut) throw truncated(plan, answer)
    if (answered.ok) return answered.output
    if (++repairs > MAX_REPAIRS) throw invalid(plan, answer, answered.says)
    conversation.add(userText(`Your answer was not accepted: ${answered.says}\nAnswer again, in full, with that put right.`))
  }
  throw new TuttiError('AGENT_TURN_LIMIT', `the agent '${plan.name}' used its ${plan.turns} turns and has not answered`, {
    data: { agent: plan.name, turns: plan.turns },
  })
}

function questionOf(plan: AgentPlan, turn: number, system: string | undefined, conversation: Conversation): Parameters<typeof askModel>[1] {
  return {
    name: `turn:${turn}`,
    agent: plan.name,
    model: plan.model,
    request: {
      system,
      messages: conversation.messages,
      thread: conversation.thread,
      ...(plan.specs.length ? { tools: plan.specs } : {}),
      ...(plan.output ? { output: plan.output.shown } : {}),
    },
  }
}

async function callAll(run: Run, plan: AgentPlan, turn: number, calls: readonly ToolCallPart[]): Promise<readonly ToolResultPart[]> {
  return run.all(
    calls.map((call): Promise<ToolResultPart> => {
      const tool = plan.tools.find(({ name }) => name === call.tool)
      if (tool) return callTool(run, tool, call, `turn:${turn}/${call.tool}`)
      const names = plan.tools.map(({ name }) => name).join(', ')
      return Promise.resolve({
        type: 'tool-result',
        id: call.id,
        tool: call.tool,
        output: `TOOL_UNKNOWN: there is no tool '${call.tool}'; you may call ${names || 'none'}`,
        failed: true,
      })
    }),
  )
}

/** Half an answer is not passed on as a whole one; it is in `data`. */
function truncated(plan: AgentPlan, answer: ModelAnswer): TuttiError {
  return new TuttiError('MODEL_OUTPUT_TRUNCATED', `the answer of '${plan.name}' was cut at the output limit of ${answer.model.id}`, {
    data: { agent: plan.name, model: answer.model.id, text: textOf(answer.message) },
  })
}

function invalid(plan: AgentPlan, answer: ModelAnswer, says: string): TuttiError {
  return new TuttiError('MODEL_OUTPUT_INVALID', `the answer of '${plan.name}' does not fit its schema after ${MAX_REPAIRS} repairs: ${says}`, {
    data: { agent: plan.name, model: answer.model.id, complaint: says },
  })
}
