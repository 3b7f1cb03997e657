/** From 'provider/model' to a model: the user's installed provider package, and the key of their environment. */
import { TuttiError } from '../errors/index.ts'
import { checkValue, is, type OptionKind } from '../primitives/index.ts'
import { extractive } from './extractive/index.ts'
import { isLanguageModel } from './language-model.ts'
import type { EmbeddingModel, LanguageModel, TextEmbedder } from './model.port.ts'
import { importPackage, isInstalled } from './provider-package.ts'
import { type ProviderLine, providerAliases, providerTable } from './provider-table.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface ResolveOptions {
  readonly env: Env
  /** Where the user's project is: packages are looked for from here upwards. */
  readonly cwd: string
  /** For 'tutti/extractive': compares meanings; without it, words alone. */
  readonly embedder?: TextEmbedder | undefined
  /** What the provider's package is to use in the place of the network. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/**
 * @throws MODEL_UNKNOWN for an id that is malformed or names no provider, MODEL_PACKAGE_MISSING with the install command, MODEL_KEY_MISSING with the variable.
 * @example await resolveModel('anthropic/claude-sonnet-4-5', { env: process.env, cwd: process.cwd() })
 */
export async function resolveModel(id: string, o: ResolveOptions): Promise<LanguageModel> {
  checkValue('the id of the model that resolveModel() was given', 'id', id, is.text)
  checkValue('what resolveModel() was given to look in', 'surroundings', o, surroundings)
  const { provider, model } = splitId(id)
  if (provider === 'tutti') {
    if (model === 'extractive') return extractive({ embedder: o.embedder })
    throw new TuttiError('MODEL_UNKNOWN', `'${id}' is not a model of tutti; there is 'tutti/extractive'`)
  }
  const line = lineOf(provider, id)
  const resolved = (await providerOf(provider, line, o)).languageModel?.(model)
  if (isLanguageModel(resolved)) return resolved
  throw new TuttiError('MODEL_UNSUPPORTED', `${line.package} gave no language model for '${model}'`, { hint: `Update ${line.package}.` })
}

const surroundings: OptionKind = {
  fits: (value) => {
    const { env, cwd } = (value ?? {}) as Record<string, unknown>
    return is.object.fits(env) && is.text.fits(cwd)
  },
  hint: () => 'It is { env: process.env, cwd: process.cwd() }.',
}

/** The same for a model that makes vectors. @throws as `resolveModel` @example await resolveEmbedding('openai/text-embedding-3-small', { env: process.env, cwd: process.cwd() }) */
export async function resolveEmbedding(id: string, o: ResolveOptions): Promise<EmbeddingModel> {
  const { provider, model } = splitId(id)
  const line = lineOf(provider, id)
  const made = await providerOf(provider, line, o)
  const resolved = made.embeddingModel?.(model) ?? made.textEmbeddingModel?.(model)
  if (typeof (resolved as EmbeddingModel | undefined)?.doEmbed === 'function') return resolved as EmbeddingModel
  throw new TuttiError('MODEL_UNSUPPORTED', `${line.package} gave no embedding model for '${model}'`, {
    hint: `Take one of a provider that has them, or update ${line.package}.`,
  })
}

type Provider = { readonly [made in 'languageModel' | 'embeddingModel' | 'textEmbeddingModel']?: (model: string) => unknown }

async function providerOf(provider: string, line: ProviderLine, o: ResolveOptions): Promise<Provider> {
  const settings = settingsOf(provider, line, o)
  const create = await factoryOf(line, o.cwd)
  return create(o.fetch ? { ...settings, fetch: o.fetch } : settings) as Provider
}

/** The provider of an id under the name the table has it by, and the rest, which may hold slashes of its own. @throws MODEL_UNKNOWN */
function splitId(id: string): { readonly provider: string; readonly model: string } {
  const slash = id.indexOf('/')
  const name = id.slice(0, Math.max(0, slash))
  const model = id.slice(slash + 1)
  if (slash <= 0 || model === '')
    throw new TuttiError('MODEL_UNKNOWN', `'${id}' is not a model id`, { hint: "Write 'provider/model', as in 'openai/gpt-5-mini'." })
  return { provider: Object.hasOwn(providerAliases, name) ? (providerAliases[name] as string) : name, model }
}

/** The id as prices and journals know it: an alias of a provider becomes its name. @throws MODEL_UNKNOWN */
export function plainId(id: string): string {
  const { provider, model } = splitId(id)
  return `${provider}/${model}`
}

/** Whether the environment sends what is asked of this model to another address than its maker's. */
export function isElsewhere(id: string, env: Env): boolean {
  const { provider } = splitId(id)
  const line = Object.hasOwn(providerTable, provider) ? providerTable[provider] : undefined
  return line !== undefined && settingOf(line, 'baseURL', env) !== undefined
}

function lineOf(provider: string, id: string): ProviderLine {
  const line = Object.hasOwn(providerTable, provider) ? providerTable[provider] : undefined
  if (line) return line
  throw new TuttiError(
    'MODEL_UNKNOWN',
    `'${id}' names the provider '${provider}', which tutti does not know; it knows ${Object.keys(providerTable).join(', ')} and tutti`,
    {
      hint: 'Correct the name, or hand over a model object of its AI SDK package.',
    },
  )
}

/** Whether the environment has all that a provider needs. */
export const hasKeys = (line: ProviderLine, env: Env): boolean => line.needs.every((group) => group.some((option) => settingOf(line, option, env)))

function settingsOf(provider: string, line: ProviderLine, { env, cwd }: ResolveOptions): Record<string, unknown> {
  const missing = line.needs.filter((group) => !group.some((option) => settingOf(line, option, env)))
  if (missing.length > 0) throw keyMissing(provider, line, missing, cwd)
  const settings: Record<string, unknown> =
    line.localUrl === undefined ? {} : { name: provider, baseURL: line.localUrl, supportsStructuredOutputs: true, includeUsage: true }
  for (const option of Object.keys(line.settings)) {
    const value = settingOf(line, option, env)
    if (value) settings[option] = value.value
  }
  return settings
}

/** What else is missing is said along, so that it is not found out at the next try. */
function keyMissing(provider: string, line: ProviderLine, missing: ProviderLine['needs'], cwd: string): TuttiError {
  const variables = missing.map((group) => group.map((option) => line.settings[option]?.[0]).join(' or ')).join(', and ')
  const isHere = isInstalled(line.package, cwd)
  const also = isHere ? '' : `; nor is ${line.package} installed in ${cwd} or above`
  return new TuttiError('MODEL_KEY_MISSING', `'${provider}' needs ${variables}, which the environment does not have${also}`, {
    hint: `Set ${variables} (in a .env file: node --env-file=.env)${isHere ? '' : `, and install the package: npm install ${line.package}`}.`,
    data: { provider, variables, ...(!isHere && { package: line.package }) },
  })
}

/** The first variable of an option that is set and not empty. */
export function settingOf(line: ProviderLine, option: string, env: Env): { readonly variable: string; readonly value: string } | undefined {
  for (const variable of line.settings[option] ?? []) {
    const value = env[variable]
    if (value !== undefined && value !== '') return { variable, value }
  }
  return undefined
}

async function factoryOf(line: ProviderLine, cwd: string): Promise<(settings: object) => unknown> {
  const module = await importPackage(line.package, cwd).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new TuttiError('MODEL_UNSUPPORTED', `${line.package} is installed but cannot be loaded: ${why}`, {
      cause,
      hint: `Install it again: npm install ${line.package}`,
    })
  })
  if (!module) {
    throw new TuttiError('MODEL_PACKAGE_MISSING', `${line.package} is not installed in ${cwd} or above`, {
      hint: `npm install ${line.package}`,
      data: { package: line.package },
    })
  }
  const create = module[line.create]
  if (typeof create === 'function') return create as (settings: object) => unknown
  throw new TuttiError('MODEL_UNSUPPORTED', `${line.package} does not export ${line.create}`, { hint: `Update it: npm install ${line.package}@latest` })
}
