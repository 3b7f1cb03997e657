/**
 * Hooks: what a person put around an agent, its models and its tools. Each verdict is a recorded step, so that a replay goes the same way without asking again;
 * a hook that is not there costs nothing. A hook that throws ends the agent: it fails closed.
 *
 * Keys: `beforeAgent`, `turn:2:beforeModel`, `turn:2:afterModel`, `turn:2/<tool>:beforeTool`, `turn:2/<tool>:afterTool`, `turn:4:afterAgent`.
 */
import { TuttiError } from '../errors/index.ts'
import { canonical, checkOptions, type Declared, encode, hash128, sayGiven } from '../primitives/index.ts'
import type { Awaitable, Run, StepContext } from '../run/index.ts'
import { toolApproval } from '../tool/index.ts'

/** Where a hook stands, and what it may look at. `value` is what `replace` takes the place of. */
export interface HookEvent {
  readonly agent: string
  /** From 1; 0 before the first. */
  readonly turn: number
  /** Around a tool: which. */
  readonly tool?: string
  /** Before the agent and before the model: the messages. After the model: its message. Before a tool: its arguments; after it: its output. After the agent: its answer. */
  readonly value: unknown
}

/**
 * Nothing: go on. `deny`: a tool is not called, or its output withheld, and the model told why; anywhere else the agent ends with AGENT_DENIED. `guide`: the model is told
 * this; a call is then not made, an answer not given. `replace`: goes on with this instead. `confirm`: a person is asked, as for a tool with `approve`; they may say
 * what to go on with. What a person refuses is denied.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that says nothing is a function without a return
export type HookVerdict = void | undefined | { deny: string } | { guide: string } | { replace: unknown } | { confirm: true | string }

export type AgentHook = (event: HookEvent, ctx: StepContext) => Awaitable<HookVerdict>

export interface AgentHooks {
  beforeAgent?: AgentHook | undefined
  beforeModel?: AgentHook | undefined
  afterModel?: AgentHook | undefined
  beforeTool?: AgentHook | undefined
  afterTool?: AgentHook | undefined
  afterAgent?: AgentHook | undefined
}

const HOOKS: Declared<AgentHooks> = { beforeAgent: true, beforeModel: true, afterModel: true, beforeTool: true, afterTool: true, afterAgent: true }

/** A hook under a name that is none would never be asked. @throws CONFIG_INVALID */
export function checkHooks(agent: string, hooks: AgentHooks = {}): void {
  checkOptions(`the hooks of the agent '${agent}'`, hooks, HOOKS)
  for (const [on, hook] of Object.entries(hooks))
    if (hook !== undefined && typeof hook !== 'function')
      throw new TuttiError('CONFIG_INVALID', `the agent '${agent}' has a hook '${on}' that is no function`, {
        hint: 'It is given an event: (event) => undefined',
      })
}

/** What became of a verdict: nothing is left to be asked of anyone. */
export type Judged =
  | { readonly says: 'go'; readonly value: unknown }
  | { readonly says: 'deny'; readonly why: string }
  | { readonly says: 'guide'; readonly why: string }

type Verdicts = { deny: string; guide: string; replace: unknown; confirm: true | string }
const VERDICTS: Declared<Verdicts> = { deny: true, guide: true, replace: true, confirm: true }

/** What a hook says, if it is anything: a word that is misspelled would let pass what was to be held. What is left undefined is not said. @throws CONFIG_INVALID */
function verdictOf(whose: string, said: unknown): HookVerdict {
  if (said === undefined || said === null) return undefined
  checkOptions<object>(`the verdict of ${whose}`, said, VERDICTS)
  const { deny, guide, confirm } = said as Partial<Record<keyof Verdicts, unknown>>
  for (const [word, value] of Object.entries({ deny, guide, confirm }))
    if (value !== undefined && typeof value !== 'string' && !(word === 'confirm' && value === true))
      throw new TuttiError('CONFIG_INVALID', `${whose} says ${word} with ${sayGiven(value)}`, { hint: `Give a text, or return nothing: { ${word}: 'why' }.` })
  const words = Object.entries(said).filter(([word, value]) => value !== undefined || word === 'replace')
  return words.length > 0 ? (Object.fromEntries(words) as HookVerdict) : undefined
}

interface Place {
  readonly turn: number
  readonly tool?: string
  /** Where the hook stands, as a key: `turn:2`, `turn:2/find`. Left out: the agent itself. */
  readonly at?: string
  /** What stands for the value in the fingerprint. Default: the value itself. */
  readonly basis?: string
}

export class Hooks {
  readonly #run: Run
  readonly #agent: string
  readonly #hooks: AgentHooks

  constructor(run: Run, agent: string, hooks: AgentHooks) {
    this.#run = run
    this.#agent = agent
    this.#hooks = hooks
  }

  has(on: keyof AgentHooks): boolean {
    return this.#hooks[on] !== undefined
  }

  async judge(on: keyof AgentHooks, value: unknown, { turn, tool, at, basis }: Place): Promise<Judged> {
    const hook = this.#hooks[on]
    if (!hook) return { says: 'go', value }
    const event: HookEvent = { agent: this.#agent, turn, ...(tool === undefined ? {} : { tool }), value }
    const verdict = await this.#run['~core'].ask<HookVerdict>({
      name: at === undefined ? on : `${at}:${on}`,
      kind: 'code',
      effect: 'read',
      reached: () => undefined,
      fingerprint: hash128(canonical([on, basis ?? value])),
      plan: () => ({ execute: async (ctx) => ({ value: verdictOf(`the hook '${on}' of the agent '${this.#agent}'`, await hook(event, ctx)) }) }),
    })
    if (!verdict) return { says: 'go', value }
    if ('deny' in verdict) return { says: 'deny', why: verdict.deny }
    if ('guide' in verdict) return { says: 'guide', why: verdict.guide }
    if ('replace' in verdict) return { says: 'go', value: verdict.replace }
    return 'confirm' in verdict ? this.#confirm(on, event, verdict.confirm) : { says: 'go', value }
  }

  async #confirm(on: keyof AgentHooks, { agent, tool, value }: HookEvent, why: true | string): Promise<Judged> {
    const shown = tool === undefined ? { agent, hook: on } : { tool, [on === 'beforeTool' ? 'input' : 'output']: encode(value), hook: on }
    const answer = await this.#run.wait(toolApproval, { data: { ...shown, ...(why === true ? {} : { why }) } })
    if (!answer.ok) return { says: 'deny', why: answer.why ?? 'a person refused' }
    return { says: 'go', value: answer.input === undefined ? value : answer.input }
  }
}
