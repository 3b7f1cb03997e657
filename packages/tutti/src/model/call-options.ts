/**
 * Our request as the call options of `@ai-sdk/provider`, V2, V3 or V4. Each message is converted by itself and in order, so what is sent for n messages
 * is a byte prefix of what is sent for n + 1: provider caches hit (M10). Nothing here reads a clock, an environment or anything but its arguments.
 */
import type { LanguageModelV4CallOptions, LanguageModelV4Message } from '@ai-sdk/provider'
import { type FilePart, type Message, madeOnce, type ProviderData, type ToolResultPart, textOf } from '../message/index.ts'
import type { ModelRequest, ModelSettings, ToolSpec } from './model.port.ts'
import { type OutputPlan, schemaInstruction } from './structured-output.ts'

export type SpecificationVersion = 'v2' | 'v3' | 'v4'

export interface CallOptionsFor {
  readonly version: SpecificationVersion
  /** How the answer to its schema is asked for. */
  readonly output?: OutputPlan | undefined
  readonly maxOutputTokens: number
  readonly abortSignal: AbortSignal
}

/** V2 and V3 options differ from V4's in files and reasoning only; the caller hands them to a model of that version. */
export function callOptions(request: ModelRequest, { version, output, maxOutputTokens, abortSignal }: CallOptionsFor): LanguageModelV4CallOptions {
  const { settings = {} } = request
  // A copy, as everything that is kept: a middleware may add to what it is given.
  const tools = request.tools ? toolsOf(request.tools).slice() : []
  if (output?.mode === 'tool') tools.push(answeringTool(output))
  const system = output?.inInstructions ? [request.system, schemaInstruction(output)].filter(Boolean).join('\n\n') : request.system
  const prompt = promptOf(system, request.messages, version)
  const options: LanguageModelV4CallOptions = { prompt, maxOutputTokens: maxOutputTokens - thinkingBudget(settings), abortSignal }
  if (tools.length > 0) {
    options.tools = tools
    options.toolChoice = toolChoiceOf(request, output)
  }
  if (output?.mode === 'json') options.responseFormat = { type: 'json', name: output.name, schema: output.schema }
  if (settings.temperature !== undefined) options.temperature = settings.temperature
  if (settings.topP !== undefined) options.topP = settings.topP
  if (settings.stop) options.stopSequences = [...settings.stop]
  if (settings.seed !== undefined) options.seed = settings.seed
  if (settings.reasoning && version === 'v4') options.reasoning = settings.reasoning
  const provider = withStrictness(version === 'v4' ? settings.provider : withReasoning(settings), output)
  if (provider) options.providerOptions = provider as Options
  return options
}

type Options = NonNullable<LanguageModelV4CallOptions['providerOptions']>

/** Anthropic's adapter adds this to the limit it sends; what is held is the limit of both together. */
function thinkingBudget(settings: ModelSettings): number {
  const thinking = settings.provider?.anthropic?.thinking as { readonly type?: unknown; readonly budgetTokens?: unknown } | undefined
  return thinking?.type === 'enabled' && typeof thinking.budgetTokens === 'number' ? thinking.budgetTokens : 0
}

/** V2 and V3 have no common word for reasoning effort. */
function withReasoning({ reasoning, provider }: ModelSettings): ProviderData | undefined {
  if (!reasoning) return provider
  return { ...provider, openai: { reasoningEffort: reasoning, ...provider?.openai } }
}

/** Providers whose strict mode refuses a schema that leaves something open; their packages turn it on for every schema. */
const strictOnes = ['openai', 'azure', 'groq', 'mistral'] as const

function withStrictness(provider: ProviderData | undefined, output: OutputPlan | undefined): ProviderData | undefined {
  if (output?.mode !== 'json' || !output.isLoose || output.inInstructions) return provider
  return { ...provider, ...Object.fromEntries(strictOnes.map((name) => [name, { strictJsonSchema: false, ...provider?.[name] }])) }
}

type FunctionTool = Extract<NonNullable<LanguageModelV4CallOptions['tools']>[number], { type: 'function' }>

/** The specs of an agent are the same array every turn. */
const convertedTools = new WeakMap<readonly ToolSpec[], readonly FunctionTool[]>()

function toolsOf(specs: readonly ToolSpec[]): readonly FunctionTool[] {
  const known = convertedTools.get(specs) ?? specs.map(toolOf)
  convertedTools.set(specs, known)
  return known
}

const toolOf = ({ name, description, inputSchema }: ToolSpec): FunctionTool => ({ type: 'function', name, description, inputSchema })

const answeringTool = ({ name, schema }: OutputPlan): FunctionTool => ({
  type: 'function',
  name,
  description: 'Gives your answer. Call it once, alone, when you have everything the answer needs.',
  inputSchema: schema,
})

/** Where an answer is given through a tool, a tool must be called: that one, unless there are others. */
function toolChoiceOf({ tools, toolChoice }: ModelRequest, output: OutputPlan | undefined): NonNullable<LanguageModelV4CallOptions['toolChoice']> {
  const answering = output?.mode === 'tool' ? output.name : undefined
  if (typeof toolChoice === 'object') return { type: 'tool', toolName: toolChoice.tool }
  if (answering !== undefined) return toolChoice === 'none' || !tools?.length ? { type: 'tool', toolName: answering } : { type: 'required' }
  return { type: toolChoice ?? 'auto' }
}

const converted = {
  v2: madeOnce((message) => messageOf(message, 'v2')),
  v3: madeOnce((message) => messageOf(message, 'v3')),
  v4: madeOnce((message) => messageOf(message, 'v4')),
} as const satisfies Record<SpecificationVersion, unknown>

function promptOf(system: string | undefined, messages: readonly Message[], version: SpecificationVersion): LanguageModelV4Message[] {
  const prompt: LanguageModelV4Message[] = system === undefined || system === '' ? [] : [{ role: 'system', content: system }]
  for (const made of converted[version](messages)) {
    // What is kept is not handed out: a middleware may add to what it is given.
    if (typeof made.content === 'string') prompt.push({ ...made })
    else prompt.push({ role: made.role, content: made.content.slice() } as LanguageModelV4Message)
  }
  return prompt
}

function messageOf(message: Message, version: SpecificationVersion): LanguageModelV4Message {
  if (message.role === 'system') {
    const provider = message.parts.at(-1)?.provider
    return { role: 'system', content: textOf(message), ...optionsOf(provider) }
  }
  const content = message.parts.map((part) => {
    const made = partOf(part, version)
    // Its result stands in the same message: the provider carried the call out itself.
    if (part.type === 'tool-call' && message.parts.some((other) => other.type === 'tool-result' && other.id === part.id)) made.providerExecuted = true
    if (part.provider) made.providerOptions = part.provider
    return made
  })
  return { role: message.role, content } as unknown as LanguageModelV4Message
}

function partOf(part: Message['parts'][number], version: SpecificationVersion): Record<string, unknown> {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return { type: part.type, text: part.text }
    case 'file':
      return { type: 'file', ...fileOf(part, version) }
    case 'tool-call':
      return { type: 'tool-call', toolCallId: part.id, toolName: part.tool, input: part.input }
    case 'tool-result':
      return { type: 'tool-result', toolCallId: part.id, toolName: part.tool, output: outputOf(part, version) }
  }
}

function fileOf(part: FilePart, version: SpecificationVersion): object {
  const named = { mediaType: part.mediaType, ...(part.filename === undefined ? {} : { filename: part.filename }) }
  if (part.url !== undefined) {
    const url = new URL(part.url)
    return { data: version === 'v4' ? { type: 'url', url } : url, ...named }
  }
  const data = part.data ?? ''
  return { data: version === 'v4' ? { type: 'data', data } : data, ...named }
}

function outputOf({ output, failed, files }: ToolResultPart, version: SpecificationVersion): object {
  // A failure has no place for files in any version.
  if (files?.length && !failed)
    return { type: 'content', value: [{ type: 'text', text: textOfOutput(output) }, ...files.map((file) => resultFile(file, version))] }
  const kind = typeof output === 'string' ? 'text' : 'json'
  return { type: failed ? `error-${kind}` : kind, value: output }
}

const textOfOutput = (output: ToolResultPart['output']): string => (typeof output === 'string' ? output : JSON.stringify(output))

/** Each version has another shape for a file in a result; V2 takes bytes only. */
function resultFile(file: FilePart, version: SpecificationVersion): object {
  const { mediaType, url, data = '' } = file
  if (version === 'v4') return { type: 'file', ...fileOf(file, version) }
  if (url === undefined) return version === 'v3' ? { type: 'file-data', data, mediaType } : { type: 'media', data, mediaType }
  return version === 'v3' ? { type: 'file-url', url } : { type: 'text', text: url }
}

/** All of a part's provider data goes along: each provider reads what is filed under its own name. */
const optionsOf = (provider: ProviderData | undefined): { providerOptions?: Options } => (provider ? { providerOptions: provider as Options } : {})
