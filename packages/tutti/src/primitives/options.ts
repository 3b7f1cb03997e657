/**
 * The options that something is made with, read once, when it is made: a name that nobody reads would be a wish that nobody hears, so it is refused.
 * Where types are checked the compiler says so first; this is for JavaScript, and for a slip behind a spread.
 */
import { TuttiError } from '../errors/index.ts'
import { nearest } from './near-name.ts'
import type { OptionKind } from './option-kind.ts'

/** The names of all options of a type, and what each has to be (`true`: looked at elsewhere): one that is forgotten here, or is none, does not compile. */
export type Declared<T> = { readonly [K in keyof T]-?: true | OptionKind<NonNullable<T[K]>> }

/** Less likeness than this is another word, not a slip. */
const A_SLIP = 0.4

/**
 * @param place what is made, as it reads before "has no option": `the agent 'desk'`, `memory()`
 * @throws CONFIG_INVALID for what is no object of options, for a name that is none of them, with the one that was perhaps meant, and for a value of another kind
 * @example checkOptions('hedge()', o, { after: true, max: true })
 */
export function checkOptions<T extends object>(place: string, given: T, declared: Declared<T>): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TuttiError('CONFIG_INVALID', `${place} takes its options as an object, and was given ${sayGiven(given)}`, {
      hint: `Its options are ${Object.keys(declared).join(', ')}.`,
    })
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(declared, name))
  if (unknown.length === 0) return checkKinds(place, given, declared)
  throw new TuttiError('CONFIG_INVALID', `${place} has no option '${unknown.join("', '")}'`, {
    hint: sayKnown(unknown, Object.keys(declared)),
    data: { place, unknown },
  })
}

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
  throw new TuttiError('CONFIG_INVALID', `${what} is ${sayGiven(value)}`, { hint: kind.hint(name, value) })
}

/** What was perhaps meant by each, and what there is. */
export function sayKnown(unknown: readonly string[], names: readonly string[]): string {
  const meant = unknown.flatMap((name) => meantBy(name, names) ?? [])
  const asks = meant.length > 0 ? `Did you mean '${meant.join("', '")}'? ` : ''
  return `${asks}There ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.`
}

/** The name that was perhaps meant, where one is near. */
export const meantBy = (name: string, names: readonly string[]): string | undefined => nearest(name, names, A_SLIP)[0]

/** A value of an option, as an error shows it. */
export function sayGiven(value: unknown): string {
  if (typeof value === 'string') return `the text '${value}'`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
