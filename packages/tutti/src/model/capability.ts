/**
 * What is known of models that decides how a question is put to them: how they answer a schema, and which files they take. Data and its reading.
 * What is not listed is unknown: it is passed on as it is, and the provider says what it does not take.
 */
import { TuttiError } from '../errors/index.ts'
import type { Message } from '../message/index.ts'
import type { OutputMode } from './model.port.ts'

interface Capability {
  /** 'provider/model' ids. */
  readonly of: RegExp
  /** How a schema is answered. Default: in the JSON mode of the provider's package, which knows its models. */
  readonly output?: OutputMode | undefined
  /** The same, where the question has tools too. */
  readonly outputBesideTools?: OutputMode | undefined
  /** The root of a schema need not be an object. */
  readonly anyRoot?: boolean | undefined
  /** All the kinds of file that are taken: media types, `image/*` for a whole kind. Left out: unknown. */
  readonly files?: readonly string[] | undefined
}

const pictures = ['image/*', 'application/pdf']

/** The first line that says something of a property has the word. */
const capabilities: readonly Capability[] = [
  { of: /^tutti\//, anyRoot: true },
  // Before JSON Schema: https://platform.openai.com/docs/guides/structured-outputs#supported-models
  { of: /^openai\/(o1-mini|o1-preview)/, output: 'prompt', files: [] },
  { of: /^openai\/(gpt-3\.5|gpt-4($|-\d|-turbo-preview))/, output: 'tool', files: [] },
  { of: /^openai\/(gpt-4-turbo|gpt-4o-2024-05-13|chatgpt-4o)/, output: 'tool', files: pictures },
  { of: /^openai\/o3-mini/, files: [] },
  { of: /^openai\/gpt-(4o-(mini-)?audio|audio)/, output: 'tool', files: ['audio/wav', 'audio/mpeg', 'audio/mp3'] },
  { of: /^openai\/(gpt-(4o|4\.1|5)|o1|o3|o4)/, files: pictures },
  { of: /^anthropic\//, files: [...pictures, 'text/*'] },
  { of: /^amazon-bedrock\/.*anthropic/, files: [...pictures, 'text/*', 'application/msword', 'application/vnd.*'] },
  // A response schema and function declarations together are refused before Gemini 3: https://ai.google.dev/gemini-api/docs/structured-output
  { of: /^google(-vertex)?\/gemini-(1|2)/, outputBesideTools: 'tool' },
  { of: /^google(-vertex)?\/gemini-/, files: ['image/*', 'audio/*', 'video/*', 'text/*', 'application/pdf', 'application/json'] },
  { of: /^google(-vertex)?\/gemma-/, output: 'prompt' },
  // https://console.groq.com/docs/structured-outputs: by model, and not beside tools
  { of: /^groq\/(openai\/gpt-oss|moonshotai\/kimi-k2|meta-llama\/llama-4)/, output: 'json', outputBesideTools: 'tool' },
  { of: /^groq\//, output: 'tool', outputBesideTools: 'tool' },
  { of: /^(cohere|cerebras)\//, outputBesideTools: 'tool' },
  { of: /^(deepseek|cerebras)\//, files: [] },
  { of: /^(mistral|perplexity)\//, files: pictures },
]

/** By id: an app has a handful of models, and asks of each with every call. */
const found = new Map<string, Partial<Capability>>()

function known<K extends keyof Capability>(id: string, property: K): Capability[K] | undefined {
  const here = found.get(id) ?? {}
  if (Object.hasOwn(here, property)) return here[property]
  const value = capabilities.find((line) => line[property] !== undefined && line.of.test(id))?.[property]
  found.set(id, { ...here, [property]: value })
  return value
}

/** How the model `id` answers a schema; `undefined`: its package knows. */
export const outputModeOf = (id: string, besideTools: boolean): OutputMode | undefined =>
  (besideTools ? known(id, 'outputBesideTools') : undefined) ?? known(id, 'output')

export const takesAnyRoot = (id: string): boolean => known(id, 'anyRoot') === true

/** @throws MODEL_UNSUPPORTED when a message holds a file that the model is known not to take */
export function refuseFiles(id: string, messages: readonly Message[]): void {
  const files = known(id, 'files')
  if (files === undefined) return
  for (const { role, parts } of messages) {
    // What the model made itself goes back to it as it is.
    if (role === 'assistant') continue
    const given = parts.flatMap((part) => (part.type === 'file' ? [part] : part.type === 'tool-result' ? (part.files ?? []) : []))
    const refused = given.find(({ mediaType }) => !takes(files, mediaType))
    if (!refused) continue
    const { mediaType } = refused
    throw new TuttiError('MODEL_UNSUPPORTED', `${id} does not take ${mediaType}; it takes ${files.length === 0 ? 'text alone' : files.join(', ')}`, {
      hint: 'Name a model that takes it, alone or behind this one in a list.',
      data: { model: id, mediaType, takes: [...files] },
    })
  }
}

const takes = (files: readonly string[], mediaType: string): boolean => {
  const type = mediaType.toLowerCase().split(';')[0]?.trim() ?? ''
  return files.some((file) => (file.endsWith('*') ? type.startsWith(file.slice(0, -1)) : type === file))
}
