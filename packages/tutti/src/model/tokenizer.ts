/**
 * Which tokenizer counts the input of a model, and where it comes from: `gpt-tokenizer`, when the user's project has it.
 *
 * Owns: the encodings of a gateway, loaded when a model that uses them is first asked under a limit, and not before (see docs/budgets.md for what that costs).
 * Does not own: what is counted, and what is added to it (`estimate.ts`).
 * Invariants: I7 (a model whose encoding its maker has not named, or that is asked somewhere else than at its maker's, is bounded by bytes); the time to count a text is
 * linear in it, whatever it says.
 */
import { TuttiError } from '../errors/index.ts'
import { byBytes, InputBound, type TextCount } from './estimate.ts'
import type { InputCount } from './model.port.ts'
import { importPackage } from './provider-package.ts'

export type EncodingName = 'o200k_base' | 'cl100k_base'
const encodingNames: readonly string[] = ['o200k_base', 'cl100k_base']

/**
 * How the input of a call is counted before it is made.
 * - `'auto'` (default): models of OpenAI whose encoding is known by `gpt-tokenizer`, where that package is installed; all others by their bytes.
 * - `'bytes'`: every model by its bytes, whatever is installed.
 * - by model id: the encoding that somebody vouches for (`{ 'azure/my-gpt-4o': 'o200k_base' }`), or `'bytes'`; then the package must be installed. The rest as by `'auto'`.
 */
export type TokenizerChoice = 'auto' | 'bytes' | { readonly [model: string]: EncodingName | 'bytes' }

const PACKAGE = 'gpt-tokenizer'

/** The names that OpenAI's own tokenizer lists (https://github.com/openai/tiktoken/blob/main/tiktoken/model.py), and pinned versions of them. */
const o200k = /^(?:gpt-4o|chatgpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|o1|o3|o4-mini)(?:-|$)/
const cl100k = /^(?:gpt-4|gpt-3\.5-turbo)(?:-|$)/
/** They read what we do not send: pages, sound, pictures of a screen. */
const readsMore = /search|audio|realtime|research|computer|transcribe|image|vision/

/** The encoding of 'provider/model', where its maker has named it. */
export function encodingOf(id: string): EncodingName | undefined {
  const [, name] = /^openai\/(?:ft:)?([^:]+)/.exec(id) ?? []
  if (name === undefined || readsMore.test(name)) return undefined
  return o200k.test(name) ? 'o200k_base' : cl100k.test(name) ? 'cl100k_base' : undefined
}

/** @throws CONFIG_INVALID for a choice that is none */
export function checkTokenizer(choice: TokenizerChoice | undefined): void {
  if (choice === undefined || choice === 'auto' || choice === 'bytes') return
  const said = typeof choice === 'object' && choice !== null ? Object.entries(choice) : undefined
  const wrong = said?.find(([, name]) => name !== 'bytes' && !encodingNames.includes(name))
  if (said && !wrong) return
  const what = wrong ? `'${String(wrong[1])}' for '${wrong[0]}'` : `'${String(choice)}'`
  throw new TuttiError('CONFIG_INVALID', `the tokenizer is ${what}`, {
    hint: "It is 'auto', 'bytes', or by model id one of 'o200k_base', 'cl100k_base' and 'bytes'.",
  })
}

export class Tokenizers {
  readonly #choice: TokenizerChoice
  readonly #find: typeof importPackage
  readonly #cwd: string
  readonly #bounds = new Map<EncodingName, Promise<InputCount>>()

  /** @param find how packages are found; tests have their own */
  constructor(choice: TokenizerChoice, cwd: string, find = importPackage) {
    this.#choice = choice
    this.#cwd = cwd
    this.#find = find
  }

  /**
   * How the input of a model is counted. Absent: by its bytes. Where somebody vouched for an encoding that cannot be had, it throws CONFIG_PACKAGE_MISSING or CONFIG_INVALID.
   * @param isElsewhere it is asked at another address than its maker's
   */
  countOf(id: string, isElsewhere: boolean): (() => Promise<InputCount>) | undefined {
    if (this.#choice === 'bytes') return undefined
    const said = this.#choice === 'auto' || !Object.hasOwn(this.#choice, id) ? undefined : this.#choice[id]
    if (said === 'bytes') return undefined
    if (said !== undefined) return () => this.#bound(said)
    const known = isElsewhere ? undefined : encodingOf(id)
    // Whoever has no such package, or one that does not do, keeps the bound that holds for every model, and each call says so.
    return known && (() => this.#bound(known).catch(() => byBytes))
  }

  #bound(name: EncodingName): Promise<InputCount> {
    const known = this.#bounds.get(name)
    if (known) return known
    const made = loadEncoding(name, this.#cwd, this.#find).then((count) => new InputBound(count))
    this.#bounds.set(name, made)
    return made
  }
}

type CountTokens = (text: string, o: { disallowedSpecial: ReadonlySet<string> }) => number

/** What reads like a mark of the chat format is counted as the text it is: never less than the mark. */
const allText = { disallowedSpecial: new Set<string>() }

/** @throws CONFIG_PACKAGE_MISSING | CONFIG_INVALID */
async function loadEncoding(name: EncodingName, cwd: string, find: typeof importPackage): Promise<TextCount> {
  const wrong = (why: string, cause?: unknown): TuttiError =>
    new TuttiError('CONFIG_INVALID', `${PACKAGE} is installed but cannot count by ${name}: ${why}`, { cause, hint: `npm install ${PACKAGE}@latest` })
  const module = await find(PACKAGE, cwd, `./encoding/${name}`).catch((cause: unknown) => {
    throw wrong(cause instanceof Error ? cause.message : String(cause), cause)
  })
  if (!module)
    throw new TuttiError('CONFIG_PACKAGE_MISSING', `counting by ${name} needs the package ${PACKAGE}, which is not installed in ${cwd} or above`, {
      hint: `npm install ${PACKAGE}`,
      data: { package: PACKAGE },
    })
  const { countTokens } = module as { countTokens?: CountTokens }
  if (typeof countTokens !== 'function') throw wrong('it exports no countTokens')
  const told = countTokens('hello world', allText)
  if (told !== 2) throw wrong(`it counts 'hello world' as ${told} tokens`)
  return { name, count: (text) => countSafely(text, (part) => countTokens(part, allText)) }
}

/**
 * A run of letters, marks or spaces that no tokenizer of ours cuts: the time to merge one grows with the square of its length. Words have fewer, but where they are
 * not set apart.
 */
const RUN = 64
const uncut = new RegExp(`[\\p{L}\\p{M}]{${RUN},}|[^\\s\\p{L}\\p{N}]{${RUN},}|\\s{${RUN},}`, 'gu')
/** What a cut may add: the letters, or the ending, that a tokenizer would have put to the run. */
const perCut = 8

/** Exact, but for such runs: they count as their bytes. */
function countSafely(text: string, count: (text: string) => number): number {
  let tokens = 0
  let from = 0
  for (const { 0: run, index } of text.matchAll(uncut)) {
    tokens += count(text.slice(from, index)) + Buffer.byteLength(run) + 2 * perCut
    from = index + run.length
  }
  return tokens + (from === 0 ? count(text) : count(text.slice(from)))
}
