/**
 * What the value of an option has to be, as far as looking at it tells: said where the option is named, so that nobody finds out by a TypeError far from it.
 * Whatever else it has to be, the maker looks at.
 */
import { isSchema, type Schema, schemaHint } from './schema.ts'

export interface OptionKind<in V = never> {
  readonly fits: (value: unknown) => boolean
  /** What it is, for people: a sentence. */
  readonly hint: (option: string, given: unknown) => string
  /** For the compiler alone: what it lets through. An option that may be more than that does not compile. */
  readonly '~lets'?: (value: V) => void
}

const kind = <V>(fits: OptionKind['fits'], what: string, example: (option: string) => string = () => ''): OptionKind<V> => ({
  fits,
  hint: (option) => `It is ${what}${example(option)}.`,
})

const isText = (value: unknown): value is string => typeof value === 'string'
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 1
const isFunction = (value: unknown): boolean => typeof value === 'function'

/** @example checkOptions('agentFrom()', o, { tools: is.list, version: is.text }) */
export const is = {
  text: kind<string>(isText, 'a text'),
  line: kind<string>((value) => isText(value) && value.trim() !== '' && !value.includes('\n'), 'a text of one line that is not empty'),
  flag: kind<boolean>((value) => typeof value === 'boolean', 'true or false'),
  function: kind<(...args: never) => unknown>(isFunction, 'a function'),
  list: kind<readonly unknown[]>(Array.isArray, 'a list', (option) => `: ${option}: [ … ]`),
  texts: kind<readonly string[]>(
    (value) => Array.isArray(value) && value.every(isText),
    'a list of texts',
    (option) => `: ${option}: ['…']`,
  ),
  count: kind<number>((value) => isCount(value) || value === Number.POSITIVE_INFINITY, 'a whole number from 1'),
  place: kind<number>((value) => value === 0 || isCount(value), 'a whole number from 0'),
  object: kind<object>(isObject, 'an object', (option) => `: ${option}: { … }`),
  textOrFunction: kind<string | ((...args: never) => unknown)>((value) => isText(value) || isFunction(value), 'a text, or a function that gives one'),
  objectOrFunction: kind<object>((value) => isObject(value) || isFunction(value), 'an object, or a function that gives one'),
  date: kind<Date>(
    (value) => value instanceof Date && Number.isFinite(value.getTime()),
    'a date',
    (option) => `: ${option}: new Date('2026-01-31')`,
  ),
  abortSignal: kind<AbortSignal>((value) => value instanceof AbortSignal, 'an AbortSignal'),
  schema: { fits: isSchema, hint: schemaHint } as OptionKind<Schema>,
  oneOf: <const N extends string>(...names: readonly N[]): OptionKind<N> =>
    kind<N>((value) => isText(value) && names.includes(value as N), `'${names.slice(0, -1).join("', '")}' or '${names.at(-1)}'`),
} as const
