/**
 * The options that something is made with, read once, when it is made: a name that nobody reads would be a wish that nobody hears, so it is refused.
 * Where types are checked the compiler says so first; this is for JavaScript, and for a slip behind a spread.
 */
import { TuttiError } from '../errors/index.ts'
import { nearest } from './near-name.ts'

/** The names of all options of a type: one that is forgotten here, or is none, does not compile. */
export type Declared<T> = { readonly [K in keyof T]-?: true }

/** Less likeness than this is another word, not a slip. */
const A_SLIP = 0.4

/**
 * @param place what is made, as it reads before "has no option": `the agent 'desk'`, `memory()`
 * @throws CONFIG_INVALID for what is no object of options, and for a name that is none of them, with the one that was perhaps meant
 * @example checkOptions('hedge()', o, { after: true, max: true })
 */
export function checkOptions<T extends object>(place: string, given: T, declared: Declared<T>): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TuttiError('CONFIG_INVALID', `${place} takes its options as an object, and was given ${sayGiven(given)}`, {
      hint: `Its options are ${Object.keys(declared).join(', ')}.`,
    })
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(declared, name))
  if (unknown.length === 0) return
  throw new TuttiError('CONFIG_INVALID', `${place} has no option '${unknown.join("', '")}'`, {
    hint: sayKnown(unknown, Object.keys(declared)),
    data: { place, unknown },
  })
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
