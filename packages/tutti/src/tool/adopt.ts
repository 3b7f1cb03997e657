/** Tools of other libraries, taken as they are, by shape: an AI SDK tool set, LangChain tools. */
import { TuttiError } from '../errors/index.ts'
import type { Effect } from '../journal/index.ts'
import { checkOptions, checkValue, is, type JsonSchema, type ModelSchema, sayGiven } from '../primitives/index.ts'
import type { Approve, StepContext, Tool } from '../run/index.ts'
import { jsonSchemaAsSchema } from './json-schema.ts'
import { checkEffects } from './source-options.ts'
import { checkToolName } from './tool.ts'

export type ForeignTool =
  | { readonly description?: unknown; readonly inputSchema: unknown; readonly execute?: unknown }
  | { readonly name: string; readonly description: string; readonly schema: unknown; invoke(...args: never): unknown }

export interface AdoptOptions {
  /** What they do to the world, for all or by name. Default `'once'`: nobody said that they may be repeated. */
  effect?: Effect | { readonly [name: string]: Effect } | undefined
  /** By name, what tools of the AI SDK with a `contextSchema` are given beside their input, as in the AI SDK. It is in no journal, and no model sees it. */
  toolsContext?: { readonly [name: string]: unknown } | undefined
}

/**
 * @throws CONFIG_INVALID for what is neither, has no `execute`, or needs a context that was not given or does not fit
 * @example adopt({ weather }, { effect: 'read', toolsContext: { weather: { apiKey } } })
 */
export function adopt(
  tools: { readonly [name: string]: ForeignTool } | readonly ForeignTool[],
  o: AdoptOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: their types are theirs
): Tool<any, any>[] {
  checkOptions<AdoptOptions>('adopt()', o, { effect: true, toolsContext: is.object })
  checkEffects('the tools that adopt() was given', o.effect)
  if (typeof tools !== 'object' || tools === null)
    throw new TuttiError('CONFIG_INVALID', `what adopt() is to adopt is ${sayGiven(tools)}`, {
      hint: 'Give tools by name, or a list of them: adopt({ weather }).',
    })
  const named = Array.isArray(tools)
    ? tools.map((tool) => [(tool as { name?: string } | null)?.name ?? '', tool] as const)
    : Object.entries(tools as { readonly [name: string]: ForeignTool })
  return named.map(([name, tool]) => adoptOne(name, tool, typeof o.effect === 'object' ? (o.effect[name] ?? 'once') : (o.effect ?? 'once'), o.toolsContext))
}

// biome-ignore lint/suspicious/noExplicitAny: their types are theirs
function adoptOne(name: string, tool: ForeignTool, effect: Effect, contexts: AdoptOptions['toolsContext']): Tool<any, any> {
  checkToolName(name)
  checkValue(`the tool '${name}'`, name, tool, is.object)
  const context = contextOf(name, tool, contexts)
  const execute = executeOf(name, tool, context)
  const { description = '' } = tool
  const body = {
    description: String(typeof description === 'function' ? description({ context }) : description),
    inputSchema: schemaOf(name, 'schema' in tool ? tool.schema : tool.inputSchema),
    outputSchema: undefined,
    approve: approvalOf(tool, context),
    timeout: undefined,
    idle: undefined,
    undo: undefined,
    reconcile: undefined,
    flow: undefined,
    execute,
  }
  // biome-ignore lint/suspicious/noExplicitAny: their types are theirs
  return { name, effect, '~tool': body } as unknown as Tool<any, any>
}

/** What the tool says it needs; a tool that would find none where it counts on one is refused now, not when it is called. */
function contextOf(name: string, tool: ForeignTool, contexts: AdoptOptions['toolsContext']): unknown {
  const { contextSchema } = tool as { contextSchema?: unknown }
  const given = contexts && Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (contextSchema === undefined) return given
  const checked = schemaOf(name, contextSchema)['~standard'].validate(given)
  if (checked instanceof Promise)
    throw new TuttiError('CONFIG_INVALID', `the context of the tool '${name}' can only be checked asynchronously`, {
      hint: 'Give its contextSchema as zod, or as jsonSchema() without a validate of its own.',
    })
  if (!checked.issues) return checked.value
  const says = given === undefined ? 'was not given' : `does not fit: ${checked.issues.map(({ message }) => message).join('; ')}`
  throw new TuttiError('CONFIG_INVALID', `the tool '${name}' has a contextSchema, and its context ${says}`, {
    hint: `adopt(tools, { toolsContext: { ${JSON.stringify(name)}: { … } } })`,
  })
}

/** A tool of the AI SDK that says so waits for a person here too: to call it all the same would be worse than to refuse it. */
function approvalOf(tool: ForeignTool, context: unknown): Approve<never> | undefined {
  const { needsApproval } = tool as { needsApproval?: unknown }
  if (typeof needsApproval !== 'function') return needsApproval === true ? true : undefined
  const ask = needsApproval as (input: unknown, options: { toolCallId: string; messages: readonly []; context: unknown }) => unknown
  return async (input: never) => (await ask.call(tool, input, { toolCallId: '', messages: [], context })) === true
}

function executeOf(name: string, tool: ForeignTool, context: unknown): (input: unknown, ctx: StepContext) => unknown {
  if ('invoke' in tool && typeof tool.invoke === 'function') {
    const invoke = tool.invoke as (input: unknown, config: { signal: AbortSignal }) => unknown
    return (input, { signal }) => invoke.call(tool, input, { signal })
  }
  const { execute } = tool as { execute?: unknown }
  if (typeof execute !== 'function')
    throw new TuttiError('CONFIG_INVALID', `the tool '${name}' has no 'execute'`, {
      hint: 'A tool that runs in the browser cannot run here; give it an execute.',
    })
  return async (input, { signal, idempotencyKey }) =>
    lastOf(await execute.call(tool, input, { toolCallId: idempotencyKey, messages: [], abortSignal: signal, context }))
}

/** An AI SDK tool may stream preliminary results; the last one is the result. */
async function lastOf(output: unknown): Promise<unknown> {
  if (typeof output !== 'object' || output === null || !(Symbol.asyncIterator in output)) return output
  let last: unknown
  for await (const item of output as AsyncIterable<unknown>) last = item
  return last
}

function schemaOf(name: string, schema: unknown): ModelSchema {
  const given = typeof schema === 'function' && !('~standard' in schema) ? (schema as () => unknown)() : schema
  if ((typeof given === 'object' || typeof given === 'function') && given !== null) {
    if ('~standard' in given && (given as ModelSchema)['~standard'].jsonSchema) return given as ModelSchema
    if ('jsonSchema' in given) return fromJsonSchema(name, (given as { jsonSchema: JsonSchema }).jsonSchema, given as AiSdkSchema)
    if ('type' in given || 'properties' in given) return fromJsonSchema(name, given as JsonSchema, {})
  }
  throw new TuttiError('CONFIG_INVALID', `the schema of the tool '${name}' cannot be shown to a model`, {
    hint: 'It needs JSON Schema, or a Standard Schema with its JSON Schema part.',
  })
}

interface AiSdkSchema {
  readonly validate?: (value: unknown) => Promise<Validated> | Validated
}
type Validated = { success: true; value: unknown } | { success: false; error: Error }

/** With the check that came with it; without one, checked against the JSON Schema itself. */
function fromJsonSchema(name: string, jsonSchema: JsonSchema, { validate }: AiSdkSchema): ModelSchema {
  if (!validate) return jsonSchemaAsSchema(jsonSchema, `the tool '${name}'`)
  return {
    '~standard': {
      version: 1,
      vendor: 'json-schema',
      validate: async (value) => {
        const validated = await validate(value)
        return validated.success ? { value: validated.value } : { issues: [{ message: validated.error.message }] }
      },
      jsonSchema: { input: () => jsonSchema, output: () => jsonSchema },
    },
  }
}
