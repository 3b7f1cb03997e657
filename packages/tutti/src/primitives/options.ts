/**
 * The options that something is made with, read once, when it is made: a name that nobody reads would be a wish that nobody hears, so it is refused.
 * Where types are checked the compiler says so first; this is for JavaScript, and for a slip behind a spread.
 */
import { TuttiError } from '../errors/index.ts'
import type { OptionKind } from './option-kind.ts'
import { plain, slipOf } from './slip.ts'

/** The names of all options of a type, and what each has to be (`true`: looked at elsewhere): one that is forgotten here, or is none, does not compile. */
export type Declared<T> = { readonly [K in keyof T]-?: true | OptionKind<NonNullable<T[K]>> }

/** What other libraries call something that is here under another name, and what to write here: code. Big or small, and `_` and `-`, do not count. */
export type Elsewhere = Readonly<Record<string, string>>

/** @param names with a space between @example insteadOf('maxTurns maxSteps', 'limits: { turns: 8 }') */
export const insteadOf = (names: string, code: string): Elsewhere => Object.fromEntries(names.split(' ').map((name) => [name, code]))

/**
 * @param place what is made, as it reads before "has no option": `the agent 'desk'`, `memory()`
 * @throws CONFIG_INVALID for what is no object of options, for a name that is none of them, with the one that was perhaps meant, and for a value of another kind
 * @param elsewhere names that a user may know from elsewhere
 * @example checkOptions('hedge()', o, { after: true, max: true })
 */
export function checkOptions<T extends object>(place: string, given: T, declared: Declared<T>, elsewhere: Elsewhere = {}): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TuttiError('CONFIG_INVALID', `${place} takes its options as an object, and was given ${sayGiven(given)}`, {
      hint: `Its options are ${Object.keys(declared).join(', ')}.`,
    })
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(declared, name))
  if (unknown.length === 0) return checkKinds(place, given, declared)
  throw new TuttiError('CONFIG_INVALID', `${place} ${isMany(place) ? 'have' : 'has'} no option${unknown.length > 1 ? 's' : ''} '${unknown.join("', '")}'`, {
    hint: sayKnown(unknown, Object.keys(declared), elsewhere),
    data: { place, unknown },
  })
}

/** Whether several are meant: the tools of …, the limits of …; but one status, one address. */
const isMany = (what: string): boolean => /^the \w*[^su\W]s of /.test(what)

/** What is left out, or `undefined`, is not given. */
function checkKinds<T extends object>(place: string, given: T, declared: Declared<T>): void {
  for (const [name, value] of Object.entries(given)) {
    const kind = declared[name as keyof T]
    if (value !== undefined && kind !== true) checkValue(`the ${name} of ${place}`, name, value, kind)
  }
}

/** @throws CONFIG_INVALID @param what as it reads before "is": `the schema of the signal 's'` */
export function checkValue(what: string, name: string, value: unknown, kind: OptionKind): void {
  if (kind.fits(value)) return
  throw new TuttiError('CONFIG_INVALID', `${what} ${isMany(what) ? 'are' : 'is'} ${sayGiven(value)}`, {
    hint: kind.hint(name, value),
  })
}

/** What was perhaps meant by each, and what there is. */
export function sayKnown(unknown: readonly string[], names: readonly string[], elsewhere: Elsewhere = {}): string {
  const here = new Map(Object.entries(elsewhere).map(([name, code]) => [plain(name), code]))
  const meant = unknown.flatMap((name) => {
    const code = here.get(plain(name))
    if (code !== undefined) return `Instead of '${name}' write ${code}. `
    const slip = slipOf(name, names)
    return slip === undefined ? [] : `${unknown.length > 1 ? `'${name}': did` : 'Did'} you mean '${slip}'? `
  })
  return `${[...new Set(meant)].join('')}The ${names.length === 1 ? 'name is' : 'names are'} ${names.join(', ')}.`
}

/** A value of an option, as an error shows it. */
export function sayGiven(value: unknown): string {
  if (typeof value === 'string') return `the text ${sayText(value)}`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

const SHOWN = 200

/** Quoted, in an error: of a text as long as a page, its beginning. */
export const sayText = (text: string): string => `'${text.length > SHOWN ? `${text.slice(0, SHOWN / 4)}…` : text}'`
