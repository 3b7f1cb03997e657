/** How an agent fails, said so that a person knows what happened. */
import { type ErrorCode, TuttiError } from '../errors/index.ts'
import { textOf } from '../message/index.ts'
import type { ModelAnswer } from '../model/index.ts'
import type { Circling } from './progress.ts'

/** Half an answer is not passed on as a whole one; it is in `data`. */
export function truncated(agent: string, answer: ModelAnswer): TuttiError {
  return new TuttiError('MODEL_OUTPUT_TRUNCATED', `the answer of '${agent}' was cut at the output limit of ${answer.model.id}`, {
    data: { agent, model: answer.model.id, text: textOf(answer.message) },
  })
}

export function stuck(agent: string, { seen, tools, turns, says }: Circling): TuttiError {
  return new TuttiError('AGENT_STUCK', `the agent '${agent}' ${says}, also after it was told so`, { data: { agent, seen, tools: tools.join(', '), turns } })
}

export function limited(
  code: Extract<ErrorCode, 'AGENT_TURN_LIMIT' | 'AGENT_TOOL_LIMIT'>,
  agent: string,
  what: string,
  data: { [key: string]: number },
): TuttiError {
  return new TuttiError(code, `the agent '${agent}' ${what}`, { data: { agent, ...data } })
}

export function denied(agent: string, hook: string, why: string): TuttiError {
  return new TuttiError('AGENT_DENIED', `the agent '${agent}' was stopped by its hook '${hook}': ${why}`, { data: { agent, hook, why } })
}
