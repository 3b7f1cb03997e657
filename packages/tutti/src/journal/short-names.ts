/**
 * The commonest field names of an entry, as they are written: half of what a journal would otherwise hold is the same dozen words.
 * `type` stays as it is, so that a person, or SQL, can read a line. Names are only ever added here; what was written under one keeps it.
 * Amounts are written as a list, in the order below. `seq` is not written: it is the key of the line.
 */
import type { Amounts } from '../budget/index.ts'
import type { EntryOf, EntryType } from './entry.ts'

type FieldOf<T extends EntryType> = T extends EntryType ? keyof EntryOf<T> : never
type Field = FieldOf<EntryType>

const shortOf = {
  time: 't',
  key: 'k',
  fingerprint: 'f',
  tunable: 'u',
  attempt: 'n',
  effect: 'e',
  kind: 'w',
  label: 'l',
  hold: 'h',
  settle: 's',
  draws: 'd',
  value: 'v',
  signal: 'g',
} as const satisfies { readonly [F in Field]?: string }

/** No field may be called what another is written as. */
type Clash = Extract<Field, (typeof shortOf)[keyof typeof shortOf]>
const noClash: [Clash] extends [never] ? true : Clash = true

const amountNames = ['microUsd', 'inputTokens', 'outputTokens', 'cacheReadTokens', 'modelCalls', 'toolCalls'] as const satisfies readonly (keyof Amounts)[]

const written: Readonly<Record<string, string>> = Object.assign(Object.create(null), noClash && shortOf)
const read: Readonly<Record<string, string>> = Object.assign(
  Object.create(null),
  Object.fromEntries(Object.entries(shortOf).map(([name, short]) => [short, name])),
)

type Fields = Record<string, unknown>

/** An entry's fields under the names they are written by. */
export function shorten(entry: object): Fields {
  const short: Fields = {}
  for (const name in entry) {
    const value = (entry as Fields)[name]
    if (value === undefined || name === 'seq') continue
    short[written[name] ?? name] = name === 'hold' || name === 'settle' ? listAmounts(value as Fields) : value
  }
  return short
}

/** The fields of entry `seq` again; names that are not known here stay. */
export function lengthen(short: Fields, seq: number): Fields {
  const entry: Fields = { seq }
  for (const name in short) {
    const value = short[name]
    entry[read[name] ?? name] = (name === 'h' || name === 's') && Array.isArray(value) ? nameAmounts(value) : value
  }
  return entry
}

/** Amounts that hold something else than these six stay an object. */
function listAmounts(amounts: Fields): unknown {
  let named = 0
  for (const name in amounts) {
    if (amounts[name] === undefined || !amountNames.includes(name as keyof Amounts)) return amounts
    named++
  }
  if (named < amountNames.length) return amounts
  const { microUsd, inputTokens, outputTokens, cacheReadTokens, modelCalls, toolCalls } = amounts
  return [microUsd, inputTokens, outputTokens, cacheReadTokens, modelCalls, toolCalls]
}

function nameAmounts(list: readonly unknown[]): Fields {
  const amounts: Fields = {}
  for (let i = 0; i < amountNames.length; i++) amounts[amountNames[i] as string] = list[i]
  return amounts
}
