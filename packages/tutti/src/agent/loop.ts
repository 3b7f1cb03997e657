/**
 * The agent loop: ask the model, do what it asks for, tell it, until it answers. One loop for every agent, streamed or not.
 *
 * Keys: turn n is the model step `turn:n`; the calls of that turn are `turn:n/<tool>`. Calls of one turn run beside one another, each a step of
 * its own, and are told in the order in which the model made them. Every call is told what became of it before the model is asked again.
 */
import { TuttiError } from '../errors/index.ts'
import type { Excerpt, MemoryPlan } from '../memory/index.ts'
import { type Message, pendingCalls, type ToolCallPart, type ToolResultPart, textOf, toMessages, userText } from '../message/index.ts'
import { type AskModel, askModel, givenAnswer, type ModelAnswer, type ModelLike, type ToolSpec } from '../model/index.ts'
import { canonical, encode, hash128, type JsonSchema, type ModelSchema } from '../primitives/index.ts'
import type { Run, Tool, ToolSource } from '../run/index.ts'
import { callTool, declined } from '../tool/index.ts'
import { readAnswer } from './answer.ts'
import { compact } from './compact.ts'
import type { Conversation } from './conversation.ts'
import { denied, limited, stuck, truncated } from './failure.ts'
import { type AgentHooks, Hooks } from './hooks.ts'
import { Progress } from './progress.ts'
import { Repairs } from './repairs.ts'
import type { Selection } from './select.ts'
import type { Skills } from './skills.ts'
import { hearSteering, isSteered } from './steer.ts'
import { Todo } from './todo.ts'
import { Toolbox } from './toolbox.ts'

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
  /** Characters of a result that is still shown whole. */
  readonly longestResult?: number | undefined
  /** Left out: all tools are shown. */
  readonly selection?: Selection | undefined
  readonly turns: number
  readonly toolCalls: number | undefined
  /** How often the same calls with the same results are let pass; `false`: nobody looks. */
  readonly repeats: number | false
  readonly hooks: AgentHooks
  /** It keeps a list of what is to be done. */
  readonly todo?: boolean | undefined
  /** It has skills: listed in its instructions, loaded with a tool. */
  readonly skills?: Skills | undefined
  /** What it is shown of its conversation is kept within a window. Left out: all of it is shown. */
  readonly memory?: MemoryPlan | undefined
  /** In a team: the calls by which it hands over to another. Left out: none. */
  readonly handoffs?: Handoffs | undefined
}

/** Calls that are not made but decide who goes on. */
export interface Handoffs {
  readonly specs: readonly ToolSpec[]
  /** What becomes of such a call, as far as the conversation tells; of several in one turn only the first is judged. */
  judge(call: ToolCallPart): Handoff | { readonly refused: string }
}
export interface Handoff {
  readonly to: string
  readonly reason: string
}

/** How a loop ends, when it does not fail. */
export type LoopEnd = { readonly output: unknown; readonly handoff?: undefined } | { readonly handoff: Handoff }

/** What was said is in the conversation afterwards, so that another loop may go on from there. */
export function runLoop(run: Run, plan: AgentPlan, system: string | undefined, conversation: Conversation): Promise<LoopEnd> {
  return new AgentLoop(run, plan, system, conversation).toEnd()
}

class AgentLoop {
  readonly #run: Run
  readonly #plan: AgentPlan
  readonly #system: string | undefined
  readonly #conversation: Conversation
  /** Of an agent with memory: what it is shown. */
  readonly #excerpt: Excerpt | undefined
  readonly #hooks: Hooks
  readonly #progress: Progress | undefined
  readonly #toolbox: Toolbox
  readonly #repairs: Repairs
  /** So many messages were there before it began. */
  readonly #told: number
  readonly #todo: Todo | undefined
  #called = 0
  #warned = false

  constructor(run: Run, plan: AgentPlan, system: string | undefined, conversation: Conversation) {
    this.#run = run
    this.#plan = plan
    this.#progress = plan.repeats === false ? undefined : new Progress(plan.repeats)
    this.#system = system
    this.#conversation = conversation
    this.#excerpt = plan.memory && conversation.excerptFor(plan.name, plan.memory)
    this.#told = conversation.messages.length
    this.#todo = plan.todo ? new Todo() : undefined
    this.#hooks = new Hooks(run, plan.name, plan.hooks)
    this.#toolbox = new Toolbox(plan, plan.handoffs?.specs)
    this.#repairs = new Repairs(plan.name)
  }

  async toEnd(): Promise<LoopEnd> {
    const { name, turns } = this.#plan
    if (this.#hooks.has('beforeAgent')) await this.#hear('beforeAgent', 0)
    await this.#toolbox.open(this.#run, questionIn(this.#conversation))
    for (let turn = 1; turn <= turns; turn++) {
      if (isSteered(this.#run)) await hearSteering(this.#run, this.#conversation)
      const end = await this.#take(turn)
      if (end && (turn === turns || 'handoff' in end || !isSteered(this.#run) || !(await hearSteering(this.#run, this.#conversation)))) return end
    }
    throw limited('AGENT_TURN_LIMIT', name, `used its ${turns} turns and has not answered`, { turns })
  }

  /** One turn; how the agent ends, if it does. */
  async #take(turn: number): Promise<LoopEnd | undefined> {
    if (this.#excerpt?.isFull) await this.#makeRoom(this.#excerpt, turn).catch((error) => this.#giveUp(error))
    if (this.#hooks.has('beforeModel')) await this.#hear('beforeModel', turn)
    let asked: ModelAnswer
    try {
      asked = givenAnswer(`turn:${turn}`, await askModel(this.#run, this.#question(turn)))
    } catch (error) {
      return this.#giveUp(error)
    }
    this.#excerpt?.learn(asked, this.#toolbox.specs.length)
    const { answer, guide } = this.#hooks.has('afterModel') ? await this.#lookAt(asked, turn) : { answer: asked, guide: undefined }
    this.#conversation.add(answer.message)
    const calls = pendingCalls(answer.message)
    if (guide !== undefined) return this.#guide(guide, calls, turn)
    // Awaited here: a promise that is only handed on is waited for in two turns more.
    return calls.length > 0 ? await this.#act(calls, turn) : await this.#answer(answer, turn)
  }

  async #makeRoom(excerpt: Excerpt, turn: number): Promise<void> {
    const { memory } = this.#plan
    if (!memory || !(await compact(this.#run, { ...this.#plan, memory }, excerpt, turn, this.#toolbox.readable))) return
    const list = this.#todo?.restated(excerpt.messages)
    if (list !== undefined) this.#conversation.add(userText(list))
  }

  /** An agent whose budget is used up has answered nothing, but what it found out is not lost. */
  #giveUp(error: unknown): never {
    const messages = this.#conversation.messages.slice(this.#told)
    if (TuttiError.is(error, 'BUDGET_EXCEEDED') && messages.length > 0) this.#run['~core'].gathered(encode({ agent: this.#plan.name, messages }))
    throw error
  }

  #question(turn: number): AskModel {
    const { name, model, output, memory } = this.#plan
    const { specs } = this.#toolbox
    const { from } = this.#repairs
    const { messages, thread } = this.#excerpt ?? this.#conversation
    return {
      name: `turn:${turn}`,
      agent: name,
      model,
      from,
      ...(turn === 1 && memory?.model !== undefined ? { later: { whose: `the model that summarizes for '${name}'`, model: memory.model } } : {}),
      request: {
        system: this.#system,
        messages,
        thread,
        tools: specs.length > 0 ? specs : undefined,
        output: output?.shown,
      },
    }
  }

  /** What a hook says of the messages before a model hears them. */
  async #hear(on: 'beforeAgent' | 'beforeModel', turn: number): Promise<void> {
    const { messages, thread } = this.#excerpt ?? this.#conversation
    const at = turn === 0 ? {} : { at: `turn:${turn}` }
    const judged = await this.#hooks.judge(on, messages, { turn, basis: thread.chain, ...at })
    if (judged.says === 'deny') throw denied(this.#plan.name, on, judged.why)
    if (judged.says === 'guide') this.#conversation.add(userText(judged.why))
    else if (judged.value !== messages) this.#conversation.restart(toMessages(judged.value as Parameters<typeof toMessages>[0]))
  }

  /** What a hook says of an answer: another message in its stead, or a word to the model. */
  async #lookAt(answer: ModelAnswer, turn: number): Promise<{ answer: ModelAnswer; guide?: string | undefined }> {
    const { message } = answer
    const judged = await this.#hooks.judge('afterModel', message, { turn, at: `turn:${turn}` })
    if (judged.says === 'deny') throw denied(this.#plan.name, 'afterModel', judged.why)
    if (judged.says === 'guide') return { answer, guide: judged.why }
    if (judged.value === message) return { answer }
    return { answer: { ...answer, message: assistantMessage(judged.value), outputText: undefined } }
  }

  /** Nothing that the model asked for is done; it is told this instead. */
  #guide(says: string, calls: readonly ToolCallPart[], turn: number): undefined {
    if (calls.length === 0) this.#conversation.add(userText(says))
    else this.#conversation.add({ role: 'tool', parts: calls.map((call) => declined(this.#run, call, `turn:${turn}/${call.tool}`, `Not called: ${says}`)) })
  }

  #act(calls: readonly ToolCallPart[], turn: number): Promise<LoopEnd | undefined> {
    const { name, toolCalls } = this.#plan
    this.#called += calls.length
    if (toolCalls !== undefined && this.#called > toolCalls)
      throw limited('AGENT_TOOL_LIMIT', name, `asked for ${this.#called} tool calls; its limit is ${toolCalls}`, { asked: this.#called, limit: toolCalls })
    const leaving = this.#leaving(calls)
    const [only] = calls
    return calls.length === 1 && only
      ? this.#call(only, turn, leaving).then((told) => this.#acted(calls, [told], leaving))
      : this.#run.all(calls.map((call) => this.#call(call, turn, leaving))).then((told) => this.#acted(calls, told, leaving))
  }

  /** Tells the model what became of its calls; how the agent ends, if it does. */
  #acted(calls: readonly ToolCallPart[], told: readonly (ToolResultPart | Guided)[], leaving: Leaving | undefined): LoopEnd | undefined {
    const results = told.map((each, i) => this.#toolbox.take('guide' in each ? each.result : each, calls[i] as ToolCallPart))
    this.#conversation.add({ role: 'tool', parts: results })
    const said = told.flatMap((each) => ('guide' in each ? each.guide : []))
    if (said.length > 0) this.#conversation.add(userText(said.join('\n')))
    if (leaving && 'to' in leaving.became) return { handoff: leaving.became }
    const list = this.#todo?.after(this.#run, calls, results)
    if (list !== undefined) this.#conversation.add(userText(list))
    this.#watch(calls, results)
    return undefined
  }

  /** The first call of a turn that hands over, and what becomes of it. */
  #leaving(calls: readonly ToolCallPart[]): Leaving | undefined {
    const { handoffs } = this.#plan
    const call = calls.find((each) => this.#handsOver(each))
    return handoffs && call && { call, became: handoffs.judge(call) }
  }

  #handsOver({ tool }: ToolCallPart): boolean {
    return this.#plan.handoffs?.specs.some(({ name }) => name === tool) ?? false
  }

  /** An agent that goes in circles is told so once; if that does not help, it ends. */
  #watch(calls: readonly ToolCallPart[], results: readonly ToolResultPart[]): void {
    const circling = this.#progress?.note(calls, results)
    if (!circling) return
    if (this.#warned) throw stuck(this.#plan.name, circling)
    this.#warned = true
    this.#conversation.add(userText(`You ${circling.says}. Nothing new will come of that: do something else, or answer with what you know.`))
  }

  #call(call: ToolCallPart, turn: number, leaving: Leaving | undefined): Promise<ToolResultPart | Guided> {
    if (leaving && this.#handsOver(call)) return this.#handOver(call, `turn:${turn}/${call.tool}`, leaving)
    const tool = this.#toolbox.tool(call.tool)
    const key = `turn:${turn}/${call.tool}`
    if (tool)
      return this.#hooks.has('beforeTool') || this.#hooks.has('afterTool') ? this.#callJudged(tool, call, turn, key) : callTool(this.#run, tool, call, key)
    const names = this.#toolbox.specs.map(({ name }) => name).join(', ')
    return Promise.resolve(declined(this.#run, call, key, `TOOL_UNKNOWN: there is no tool '${call.tool}'; you may call ${names || 'none'}`))
  }

  /** Nothing is done, but who goes on, and why, stands in the journal beside the calls of that turn. */
  async #handOver(call: ToolCallPart, key: string, { call: first, became }: Leaving): Promise<ToolResultPart> {
    const refused = call !== first ? 'one hands over once in a turn' : 'refused' in became ? became.refused : undefined
    const says = refused === undefined ? `Handed over to ${(became as Handoff).to}.` : `Not handed over: ${refused}`
    const value = await this.#run['~core'].ask<string>({
      name: key,
      kind: 'tool',
      effect: 'read',
      fingerprint: hash128(canonical([call.tool, call.input, says])),
      label: { tool: call.tool, input: call.input },
      plan: () => ({ execute: () => ({ value: says }) }),
    })
    return refused === undefined ? { type: 'tool-result', id: call.id, tool: call.tool, output: value } : failedResult(call, value)
  }

  // biome-ignore lint/suspicious/noExplicitAny: a tool of anything
  async #callJudged(tool: Tool<any, any>, call: ToolCallPart, turn: number, key: string): Promise<ToolResultPart | Guided> {
    const place = { turn, tool: call.tool, at: key }
    // What could not be read is not called, so there is nothing to look at.
    const before = call.malformed === undefined ? await this.#hooks.judge('beforeTool', call.input, place) : { says: 'go' as const, value: call.input }
    if (before.says !== 'go') return declined(this.#run, call, key, `${before.says === 'deny' ? 'Not allowed' : 'Not called'}: ${before.why}`)
    const result = await callTool(this.#run, tool, { ...call, input: before.value as ToolCallPart['input'] }, key)
    if (result.failed) return result
    const after = await this.#hooks.judge('afterTool', result.output, place)
    if (after.says === 'deny') return failedResult(call, `Withheld: ${after.why}`)
    if (after.says === 'guide') return { result, guide: after.why }
    return after.value === result.output ? result : { ...result, output: plainJson(after.value) }
  }

  async #answer(answer: ModelAnswer, turn: number): Promise<LoopEnd | undefined> {
    const plan = this.#plan
    const answered = await readAnswer(answer, plan.output?.schema, this.#conversation)
    const cut = answer.finish === 'length' && !(plan.output && answered.ok)
    if (cut) throw truncated(plan.name, answer)
    if (answered.ok) return this.#hooks.has('afterAgent') ? this.#judgeOutput(answered.output, turn) : { output: answered.output }
    this.#conversation.add(userText(this.#repairs.refuse(answer, answered.says)))
    return undefined
  }

  async #judgeOutput(output: unknown, turn: number): Promise<LoopEnd | undefined> {
    const judged = await this.#hooks.judge('afterAgent', output, { turn, at: `turn:${turn}` })
    if (judged.says === 'deny') throw denied(this.#plan.name, 'afterAgent', judged.why)
    if (judged.says === 'go') return { output: judged.value }
    this.#conversation.add(userText(judged.why))
    return undefined
  }
}

/** What is asked: the last that was said to it. */
const questionIn = ({ messages }: Conversation): string => textOf(messages.findLast(({ role }) => role === 'user') ?? { role: 'user', parts: [] })

interface Leaving {
  readonly call: ToolCallPart
  readonly became: Handoff | { readonly refused: string }
}

/** What became of a call, and what is to be said to the model beside it. */
interface Guided {
  readonly result: ToolResultPart
  readonly guide: string
}

const failedResult = ({ id, tool }: ToolCallPart, output: string): ToolResultPart => ({ type: 'tool-result', id, tool, output, failed: true })

const plainJson = (value: unknown): ToolResultPart['output'] => JSON.parse(JSON.stringify(value) ?? 'null')

function assistantMessage(value: unknown): Extract<Message, { role: 'assistant' }> {
  if (typeof value === 'string') return { role: 'assistant', parts: [{ type: 'text', text: value }] }
  const message = value as Partial<Message> | null
  if (message?.role === 'assistant' && Array.isArray(message.parts)) return message as Extract<Message, { role: 'assistant' }>
  throw new TuttiError('CONFIG_INVALID', "the hook 'afterModel' replaced the answer of the model with something that is no message of an assistant", {
    hint: "Return { replace: 'text' }, or the message it was given with other parts.",
  })
}
