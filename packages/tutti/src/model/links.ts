/**
 * A `ModelLike` as the chain of models it is: every model in it once, in the order in which they are asked, each with what the policies around it say.
 * Pure; distances inside a chain are counted in links, so that chains can stand inside one another.
 */
import { TuttiError } from '../errors/index.ts'
import type { Json } from '../primitives/index.ts'
import { idOf, isLanguageModel } from './language-model.ts'
import type {
  Accept,
  BatchPolicy,
  BreakerPolicy,
  CachePolicy,
  HedgePolicy,
  LanguageModel,
  LimitPolicy,
  ModelLike,
  ModelRetry,
  OutputMode,
  Policy,
  PolicyModel,
  Timeouts,
} from './model.port.ts'
import { plainId } from './resolve.ts'

/** A policy that has a say before each call, and hears what became of it. */
export type GuardPolicy = BreakerPolicy | CachePolicy | LimitPolicy

/** One model of a chain. */
export interface Link {
  /** `undefined`: the one chosen from the environment. */
  readonly model: string | LanguageModel | undefined
  readonly retry: ModelRetry
  readonly timeouts: Timeouts
  /** How a schema is to be answered, where somebody said so. */
  readonly outputMode?: OutputMode | undefined
  /** It is asked through the batch API of its provider. */
  readonly batch?: BatchPolicy | undefined
  /** Outermost first. */
  readonly guards: readonly GuardPolicy[]
  /** Of the cascades it is in, innermost first: whether its answer will do, and how far on the next model is when it will not. */
  readonly checks: readonly { readonly accept: Accept; readonly skip: number }[]
  /** Attempts beside one another: those after the first ask the next links of the hedged chain, of which so many are `ahead`, and begin again with this one. */
  readonly hedge?: (Pick<HedgePolicy, 'afterMs' | 'max'> & { readonly ahead: number }) | undefined
}

/** What the policies around a model say of it; the innermost has the last word. */
type Around = Pick<Link, 'retry' | 'timeouts' | 'guards' | 'outputMode'>

/** Of a model that nobody said it of. */
export const undeclaredRetry: ModelRetry = { attempts: 3 }

const alone: Around = { retry: undeclaredRetry, timeouts: {}, guards: [] }

/** @throws CONFIG_INVALID for what is no model. */
export function linksOf(model: ModelLike | undefined, around: Around = alone): Link[] {
  if (Array.isArray(model) && model.includes(undefined)) throw new TuttiError('CONFIG_INVALID', 'a list of models has a place with none in it: undefined')
  if (model === undefined || typeof model === 'string' || isLanguageModel(model)) return [{ model, ...around, checks: [] }]
  if (Array.isArray(model)) return (model as readonly ModelLike[]).flatMap((each) => linksOf(each, around))
  const policy = policyOf(model)
  if (policy) return linksAround(policy, around)
  throw new TuttiError('CONFIG_INVALID', `${describeWrong(model)} is not a model`, {
    hint: "Give 'provider/model', a model of an AI SDK provider, a policy of tutti/model, or a list of them.",
  })
}

function linksAround(policy: Policy, around: Around): Link[] {
  switch (policy.kind) {
    case 'retry':
      return linksOf(policy.of, { ...around, retry: policy.retry })
    case 'batch':
      return [{ model: policy.of, ...around, checks: [], batch: policy }]
    case 'structured':
      return linksOf(policy.of, { ...around, outputMode: policy.by })
    case 'timeout':
      return linksOf(policy.of, { ...around, timeouts: { ...around.timeouts, ...policy.timeouts } })
    case 'breaker':
    case 'cache':
    case 'limit':
      return linksOf(policy.of, { ...around, guards: [...around.guards, policy] })
    case 'hedge': {
      const { afterMs, max } = policy
      const links = linksOf(policy.of, around)
      return links.map((link, index) => ({ ...link, hedge: link.hedge ?? { afterMs, max, ahead: links.length - 1 - index } }))
    }
    case 'cascade':
      return policy.of.flatMap((stage, index) => {
        const links = linksOf(stage, around)
        return index === policy.of.length - 1 ? links : checked(links, policy.accept)
      })
  }
}

/** An answer that will not do sends the question past all the links of its stage. */
const checked = (links: readonly Link[], accept: Accept): Link[] =>
  links.map((link, index) => ({ ...link, checks: [...link.checks, { accept, skip: links.length - index }] }))

/** What a model is, for fingerprints, people, and what processes have in common: JSON that is the same for the same declaration. */
export function describeModel(model: ModelLike | undefined): Json {
  if (model === undefined) return null
  if (typeof model === 'string') return model
  if (isLanguageModel(model)) return idOf(model)
  if (Array.isArray(model)) return (model as readonly ModelLike[]).map(describeModel)
  const policy = policyOf(model)
  return policy ? describePolicy(policy) : describeWrong(model)
}

/** A `ModelLike` as it is asked, and as it is told. */
export interface Chain {
  readonly links: readonly Link[]
  readonly described: Json
}

/** Of what was declared once and is asked again and again: a declaration is never changed. */
const chains = new WeakMap<object, Chain>()
/** By name; `undefined` is the one chosen from the environment. */
const named = new Map<string | undefined, Chain>()
/** An app names a few; beyond this they are all forgotten, and made again when they are asked. */
const MOST_NAMED = 256

/** @throws CONFIG_INVALID for what is no model. */
export function modelChain(model: ModelLike | undefined): Chain {
  const known = typeof model === 'object' && model !== null ? chains.get(model) : named.get(model)
  if (known) return known
  const chain = { links: linksOf(model), described: describeModel(model) }
  if (typeof model === 'object') chains.set(model, chain)
  else {
    if (named.size === MOST_NAMED) named.clear()
    named.set(model, chain)
  }
  return chain
}

/** As far as it can be told before anybody is asked. @throws CONFIG_INVALID for what is no model, MODEL_UNKNOWN for an id that names no provider */
export function checkModels(model: ModelLike | undefined): void {
  const { links } = modelChain(model)
  if (links.length === 0) throw new TuttiError('CONFIG_INVALID', 'a list of models has none in it')
  for (const link of links) if (typeof link.model === 'string') plainId(link.model)
}

/** As `checkModels`, and whose it is: what is no model, or an id that names no provider, would show when it is first asked. Keys and packages do: they may come meanwhile. @throws CONFIG_INVALID */
export function checkModelsOf(whose: string, model: ModelLike | undefined): void {
  try {
    checkModels(model)
  } catch (cause) {
    if (!TuttiError.is(cause)) throw cause
    throw new TuttiError('CONFIG_INVALID', `${whose} cannot be asked: ${cause.message}`, { cause, hint: cause.hint })
  }
}

/** Functions are not described: what they are cannot be known. */
export function describePolicy({ kind, of, ...options }: Policy): Json {
  const said = JSON.parse(JSON.stringify(kind === 'retry' && 'retry' in options ? options.retry : options)) as { readonly [name: string]: Json }
  return { [kind]: describeModel(of), ...said }
}

export const describeLink = ({ model }: Link): string => (model === undefined ? 'the default model' : typeof model === 'string' ? model : idOf(model))

const policyOf = (model: unknown): Policy | undefined => (typeof model === 'object' ? (model as Partial<PolicyModel> | null)?.['~policy'] : undefined)

const describeWrong = (value: unknown): string =>
  typeof value === 'object' && value !== null ? `an object with ${Object.keys(value).join(', ') || 'no keys'}` : String(value)
