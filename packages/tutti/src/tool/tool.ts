import { notDone, TuttiError } from '../errors/index.ts'
import type { Effect } from '../journal/index.ts'
import {
  checkOptions,
  checkValue,
  type Declared,
  type Duration,
  durationMs,
  type Elsewhere,
  type InOf,
  insteadOf,
  is,
  jsonSchemaOf,
  type ModelSchema,
  type OutOf,
  type Schema,
  sayGiven,
  sayText,
} from '../primitives/index.ts'
import type { Approve, Awaitable, Recorded, StepContext, Tool, ToolSource } from '../run/index.ts'
import { queued } from './queue.ts'

type ToolOptions = Parameters<typeof tool>[0]
const OPTIONS: Declared<ToolOptions> = {
  ...{ name: true, description: is.text, input: is.schema, output: is.schema, effect: true, execute: true, approve: true },
  ...{ timeout: true, idle: true, longest: true, concurrency: true, undo: is.function, reconcile: is.function },
}

/** What a user may know from elsewhere, and how it is written here. */
export const TOOL_ELSEWHERE: Elsewhere = {
  ...insteadOf('parameters inputSchema schema argsSchema', 'input: schema'),
  ...insteadOf('outputSchema', 'output: schema'),
  ...insteadOf('func run handler invoke', 'execute: (input) => input'),
  ...insteadOf('needsApproval requireApproval requiresApproval', 'approve: true'),
  ...insteadOf('id', "name: 'find_order'"),
  ...insteadOf('timeoutMs', "timeout: '10s'"),
  ...insteadOf('rollback compensate', 'undo: (output) => undefined'),
  ...insteadOf('readOnlyHint', "effect: 'read'"),
  ...insteadOf('idempotent idempotentHint', "effect: 'idempotent'"),
}

/**
 * Declares something a model may call.
 *
 * @param o.name 1 to 64 of a-z A-Z 0-9 _ -: what providers accept
 * @param o.effect what it does to the world: `'read'` nothing; `'idempotent'` may be repeated with its key; `'once'` must not be repeated,
 *   so a call whose outcome is unknown is in doubt until `reconcile` or a person says what became of it
 * @param o.approve true, or when it answers true: a person is asked before the call
 * @param o.timeout default: none but the run's deadline
 * @param o.idle a call that shows no sign of life (`ctx.heartbeat()`) for so long is given up with RUN_STEP_IDLE. Default: none
 * @param o.longest characters of a result that a model is still shown whole; of a longer one it reads the beginning, and goes on with `read_result`. Default: as its agent says
 * @param o.concurrency calls of this tool at once, over all runs of this process; others wait. Default: any number
 * @param o.undo takes a call back when the run ends failed or cancelled; given what was recorded. It may be called more than once, with the same idempotency key
 * @throws CONFIG_INVALID when its name or its schema cannot be shown to a model
 */
export function tool<N extends string, IS extends ModelSchema, O>(o: {
  name: N
  description: string
  input: IS
  effect: Effect
  execute: (input: OutOf<IS>, ctx: StepContext) => Awaitable<O>
  // biome-ignore lint/suspicious/noExplicitAny: what it validates to is what the model sees
  output?: Schema<O, any> | undefined
  approve?: Approve<OutOf<IS>> | undefined
  timeout?: Duration | undefined
  idle?: Duration | undefined
  longest?: number | undefined
  concurrency?: number | undefined
  undo?: ((output: NoInfer<O>, input: OutOf<IS>, ctx: StepContext) => Awaitable<void>) | undefined
  reconcile?: ((idempotencyKey: string, input: OutOf<IS>) => Awaitable<{ done: true; output: NoInfer<O> } | { done: false } | 'unknown'>) | undefined
}): Tool<InOf<IS>, Recorded<O>, N> {
  checkOptions<object>(typeof o?.name === 'string' ? `the tool '${o.name}'` : 'tool()', o, OPTIONS, TOOL_ELSEWHERE)
  checkToolName(o.name)
  if (typeof o.description !== 'string')
    throw new TuttiError('CONFIG_INVALID', `the tool '${o.name}' has no description`, {
      hint: "Say to the model what it is for: description: 'Finds an order by its number.'",
    })
  if (typeof o.execute !== 'function') throw new TuttiError('CONFIG_INVALID', `the tool '${o.name}' has no function`, { hint: 'execute: (input) => …' })
  if (!['read', 'idempotent', 'once'].includes(o.effect))
    throw new TuttiError(
      'CONFIG_INVALID',
      `the tool '${o.name}' ${o.effect === undefined ? 'does not say what it does to the world' : `has the effect ${sayGiven(o.effect)}, and there is none of that name`}`,
      {
        hint: "Set effect to 'read', 'idempotent' or 'once'.",
      },
    )
  if (o.undo && o.effect === 'read')
    throw new TuttiError('CONFIG_INVALID', `the tool '${o.name}' has an undo and says that it changes nothing`, {
      hint: "Set effect to 'idempotent' or 'once'.",
    })
  if (o.reconcile && o.effect !== 'once')
    throw new TuttiError('CONFIG_INVALID', `the tool '${o.name}' has a reconcile and is '${o.effect}', so nobody would ask it`, {
      hint: "It is asked of a tool whose effect is 'once'.",
    })
  // A word that is neither yes nor a question would ask nobody.
  if (o.approve !== undefined && typeof o.approve !== 'boolean' && typeof o.approve !== 'function')
    throw new TuttiError('CONFIG_INVALID', `the approve of the tool '${o.name}' is ${sayGiven(o.approve)}`, {
      hint: 'Give true, or a function that answers whether a person is asked.',
    })
  checkValue(`the input of the tool '${o.name}'`, 'input', o.input, is.schema)
  jsonSchemaOf(o.input, 'input')
  if (o.concurrency !== undefined && !(Number.isInteger(o.concurrency) && o.concurrency > 0))
    throw new TuttiError('CONFIG_INVALID', `the tool '${o.name}' has a concurrency of ${o.concurrency}`, { hint: 'Give a whole number above zero.' })
  checkLongest(o.longest, `the tool '${o.name}'`)
  for (const name of ['timeout', 'idle'] as const) if (o[name] !== undefined) durationMs(o[name], `the ${name} of the tool '${o.name}'`)
  return {
    name: o.name,
    effect: o.effect,
    '~tool': {
      description: o.description,
      inputSchema: o.input,
      outputSchema: o.output,
      approve: o.approve as Approve<never> | undefined,
      timeout: o.timeout,
      idle: o.idle,
      longest: o.longest,
      undo: o.undo as never,
      reconcile: o.reconcile as never,
      flow: undefined,
      execute: executeOf(o.name, o.execute as (input: unknown, ctx: StepContext) => unknown, o.concurrency),
    },
  } as unknown as Tool<InOf<IS>, Recorded<O>, N>
}

function executeOf(name: string, execute: (input: unknown, ctx: StepContext) => unknown, concurrency: number | undefined): typeof execute {
  if (concurrency === undefined) return execute
  return queued(concurrency, execute, (cause) =>
    notDone(`the tool '${name}' was given up before its turn came: ${(cause as Error | undefined)?.message ?? 'no reason'}`, { cause }),
  )
}

/** Fewer characters could not even say how to read on. @throws CONFIG_INVALID */
export function checkLongest(longest: number | undefined, whose: string): void {
  if (longest === undefined || (typeof longest === 'number' && longest >= 1_000)) return
  throw new TuttiError('CONFIG_INVALID', `the longest result of ${whose} is ${typeof longest === 'number' ? `${longest} characters` : sayGiven(longest)}`, {
    hint: 'Give 1,000 or more; Infinity shows every result whole.',
  })
}

/** @throws CONFIG_INVALID */
export function checkToolName(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw new TuttiError('CONFIG_INVALID', `${sayText(name)} cannot name a tool`, { hint: 'Use 1 to 64 of a-z A-Z 0-9 _ -, as model providers do.' })
}

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
export const isTool = (value: unknown): value is Tool<any, any> => typeof value === 'object' && value !== null && '~tool' in value
export const isToolSource = (value: unknown): value is ToolSource => typeof value === 'object' && value !== null && '~tools' in value
