/** `flow()`: code as a named, versioned, typed unit; and what every other kind of flow is made with. */

import { declaredLimits } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import {
  checkOptions,
  type Declared,
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
import { checkRetry } from './check-retry.ts'
import type { AnyFlow, Approve, Flow, FlowBody, FlowOptions, Run, Tool } from './definition.port.ts'
import type { Awaitable } from './effect.port.ts'
import { queueLimits } from './queue-limits.ts'
import type { Recorded } from './recorded.ts'

/**
 * Declares a flow: `(input, run) => output`.
 *
 * @param name one segment of a key: up to 200 letters, digits, spaces and `-` `_` `.` `:` `'`
 * @param o version (default `'1'`), schemas, retry, deadline and budget
 * @throws CONFIG_INVALID for a name that could not stand in a key, or is longer
 * @example
 * const greet = flow('greet', async (name: string, run) => run.step('say', name, (n) => `hello ${n}`))
 */
export function flow<N extends string, IS extends Schema, OS extends Schema>(
  name: N,
  o: FlowOptions & { input: IS; output: OS },
  run: (input: OutOf<IS>, run: Run) => Awaitable<InOf<OS>>,
): Flow<InOf<IS>, OutOf<OS>, N>
export function flow<N extends string, IS extends Schema, O>(
  name: N,
  o: FlowOptions & { input: IS; output?: undefined },
  run: (input: OutOf<IS>, run: Run) => Awaitable<O>,
): Flow<InOf<IS>, Recorded<O>, N>
export function flow<N extends string, I, O>(
  name: N,
  o: FlowOptions & { input?: undefined; output?: undefined },
  run: (input: I, run: Run) => Awaitable<O>,
): Flow<I, Recorded<O>, N>
export function flow<N extends string, I, O>(name: N, run: (input: I, run: Run) => Awaitable<O>): Flow<I, Recorded<O>, N>
export function flow(name: string, second: unknown, third?: unknown): AnyFlow {
  checkName(name, 'flow')
  if (typeof second === 'object' && second !== null && '~standard' in second)
    throw new TuttiError('CONFIG_INVALID', `the flow '${name}' was given a schema where its options belong`, {
      hint: `Write flow('${name}', { input: schema }, …).`,
    })
  const execute = (third ?? second) as FlowBody['execute']
  if (typeof execute !== 'function')
    throw new TuttiError('CONFIG_INVALID', `the flow '${name}' has no function${typeof second === 'function' ? ' after its options' : ''}`, {
      hint: `Write flow('${name}', async (input, run) => …), or flow('${name}', { version: '2' }, async (input, run) => …).`,
    })
  const given = (third ? second : {}) as CodeOptions
  checkOptions(`the flow '${name}'`, given, CODE_OPTIONS, FLOW_ELSEWHERE)
  const { input, output, ...options } = given
  return defineFlow({ kind: 'flow', name, options, inputSchema: input, outputSchema: output, parts: [], execute })
}

type Declarable = Omit<FlowOptions, '~standard'>
type CodeOptions = Declarable & { readonly input?: Schema | undefined; readonly output?: Schema | undefined }

/** Those of whatever is declared as `flow()` is. */
export const FLOW_OPTIONS: Declared<Declarable> = {
  ...{ version: is.line, migrations: is.object, description: is.text },
  ...{ retry: true, deadline: true, budget: true, queue: true },
}
/** What a user may know from elsewhere, and how it is written here. */
export const FLOW_ELSEWHERE: Elsewhere = {
  ...insteadOf('timeout maxDuration executionTimeout', "deadline: '5m'"),
  ...insteadOf('retries maxRetries attempts retryPolicy', 'retry: { attempts: 3 }'),
  ...insteadOf('inputSchema schema', 'input: schema'),
  ...insteadOf('outputSchema', 'output: schema'),
  ...insteadOf('concurrency', 'queue: { concurrency: 8 }'),
  ...insteadOf('rateLimit', "queue: { rate: '10/s' }"),
  ...insteadOf('maxCost', 'budget: { usd: 0.05 }'),
  ...insteadOf('cron schedule', "schedule('nightly', { flow: desk, cron: '0 3 * * *' })"),
  ...insteadOf('id name run handler execute', 'flow(name, async (input, run) => input)'),
}
const CODE_OPTIONS: Declared<CodeOptions> = { ...FLOW_OPTIONS, input: is.schema, output: is.schema }

/** What a flow is defined by, whatever kind it is of. */
export interface FlowDefinition extends FlowBody {
  readonly name: string
}

/** Makes a flow of any kind (an agent, a chain, …) from its body. @throws CONFIG_INVALID */
export function defineFlow<I, O>(definition: FlowDefinition): Flow<I, O> {
  const { name, ...body } = definition
  checkName(name, 'flow')
  checkMigrations(name, body.options)
  checkLimits(name, body.options)
  const made = {
    name,
    version: body.options.version ?? '1',
    ...(body.options.description === undefined ? {} : { description: body.options.description }),
    '~flow': body,
    asTool: (o = {}) => flowAsTool(made, o),
  } as unknown as Flow<I, O>
  return made
}

/** What would show only when a run begins, or would hold nothing at all. @throws CONFIG_INVALID | BUDGET_INVALID */
function checkLimits(name: string, { retry, deadline, budget, queue }: FlowOptions): void {
  if (queue) queueLimits(name, queue)
  if (deadline !== undefined) durationMs(deadline, `the deadline of '${name}'`)
  if (budget !== undefined) declaredLimits(budget, `the budget of '${name}'`)
  if (retry === undefined) return
  checkRetry(`the retry of '${name}'`, retry)
}

/** A migration that says nothing, or speaks of another flow, is a mistake that would show only when a run is carried over. */
function checkMigrations(name: string, { migrations = {}, version = '1' }: FlowOptions): void {
  const wrong = (from: string, what: string, hint: string): TuttiError =>
    new TuttiError('CONFIG_INVALID', `the migration of '${name}' from version ${from} ${what}`, { data: { flow: name, from }, hint })
  for (const [from, migration] of Object.entries(migrations)) {
    if (from === version) throw wrong(from, 'leads to that very version', 'Give the flow a new version, or leave this entry out.')
    if (migration === true) continue
    if (typeof migration !== 'object' || migration === null) throw wrong(from, 'is none', 'Give true, or { rename, input }.')
    for (const key of Object.entries(migration.rename ?? {}).flat())
      if (typeof key !== 'string' || !key.startsWith(`${name}/`))
        throw wrong(from, `renames '${String(key)}'`, `Keys are written as \`tutti show\` prints them: '${name}/…'.`)
  }
}

export const isFlow = (value: unknown): value is AnyFlow => typeof value === 'object' && value !== null && '~flow' in value

/** @param what as it reads before "is": `the flow that app.start() was given` @throws CONFIG_INVALID */
export function checkFlow(what: string, given: unknown): asserts given is AnyFlow {
  if (isFlow(given)) return
  throw new TuttiError('CONFIG_INVALID', `${what} is ${sayGiven(given)}`, {
    hint:
      typeof given === 'function'
        ? "Make a flow of it: flow('name', async (input, run) => …)."
        : 'It is what flow(), agent(), team(), chain() and the like make.',
  })
}

/** Each key of a run begins with the name of its flow, and each line of a list shows it. */
const LONGEST_NAME = 200

/** What is declared, once, by whoever writes the code. @param most fewer where other names are made of it @throws CONFIG_INVALID */
export function checkName(name: unknown, what: string, most: number = LONGEST_NAME): asserts name is string {
  checkSegment(name, what)
  if (name.length > most)
    throw new TuttiError('CONFIG_INVALID', `the name ${sayText(name)} of ${oneOf(what)} has ${name.length} characters`, {
      hint: `A name has ${most} at most; what more there is to say belongs in a description.`,
    })
}

/** A name that is made while a run is under way, perhaps of what is in hand: however long, it is in a record already. @throws CONFIG_INVALID */
export function checkSegment(name: unknown, what: string): asserts name is string {
  if (typeof name !== 'string')
    throw new TuttiError('CONFIG_INVALID', `the name of ${oneOf(what)} is ${sayGiven(name)}`, {
      hint: "A name is a text: flow('desk', …), chain('desk', …), agent({ name: 'desk', … }), run.step('find', …).",
    })
  if (!/^[\p{L}\p{N}][\p{L}\p{N} _.:'-]*$/u.test(name))
    throw new TuttiError('CONFIG_INVALID', `${sayText(name)} cannot name ${oneOf(what)}`, {
      hint: "Use letters, digits, spaces and - _ . : '; no slash, for it separates the parts of a key.",
    })
}

const oneOf = (what: string): string => `${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`

/** Kinds of flow that, without an input schema, take a prompt. */
const takesPrompt: ReadonlySet<string> = new Set(['agent', 'team'])

const promptSchema: ModelSchema<unknown, string> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => {
      const prompt = typeof value === 'string' ? value : (value as { prompt?: unknown } | null)?.prompt
      return typeof prompt === 'string' ? { value: prompt } : { issues: [{ message: 'expected { "prompt": string }' }] }
    },
    jsonSchema: { input: promptJsonSchema, output: promptJsonSchema },
  },
}

function promptJsonSchema(): Record<string, unknown> {
  return {
    type: 'object',
    properties: { prompt: { type: 'string', description: 'What is asked of it, in full: it sees nothing else.' } },
    required: ['prompt'],
    additionalProperties: false,
  }
}

type ToolOptions<I> = NonNullable<Parameters<Flow<I, unknown>['asTool']>[0]>

function flowAsTool<I, O>(made: Flow<I, O>, o: ToolOptions<I>): Tool<I, O> {
  checkOptions(`'${made.name}' as a tool`, o, { name: is.text, description: is.text, effect: is.oneOf('read', 'idempotent', 'once'), approve: true })
  const body = made['~flow']
  const inputSchema = (body.inputSchema as ModelSchema | undefined) ?? (takesPrompt.has(body.kind) ? promptSchema : undefined)
  if (!inputSchema) {
    const hint = 'Wrap it: flow(name, { input: schema }, (input, run) => run.call(it, …)).'
    throw new TuttiError('CONFIG_INVALID', `'${made.name}' cannot be given to a model as a tool: it has no input schema`, { hint })
  }
  jsonSchemaOf(inputSchema, 'input')
  return {
    name: o.name ?? made.name,
    effect: o.effect ?? 'idempotent',
    '~tool': {
      description: o.description ?? made.description ?? `Runs ${made.name}.`,
      inputSchema,
      outputSchema: undefined,
      approve: o.approve as Approve<never> | undefined,
      timeout: undefined,
      idle: undefined,
      undo: undefined,
      reconcile: undefined,
      flow: made,
      execute: () => {
        throw new TuttiError('RUN_SCOPE_MISUSED', `the flow '${made.name}' as a tool runs in the run of the agent that calls it`)
      },
    },
  } as unknown as Tool<I, O>
}
