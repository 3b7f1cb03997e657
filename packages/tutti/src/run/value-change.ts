/** Where two values differ, as JSON paths; and how that is said: of a text, the words that are other. A reading; it owns nothing. */
import { canonical, shownText } from '../primitives/index.ts'
import { sayWords } from './word-change.ts'

export interface ValueChange {
  /** `$.parts[2].text`; `$` is the whole value. */
  readonly path: string
  /** `undefined`: there was nothing. */
  readonly before: unknown
  readonly after: unknown
}

/** So many places are looked for in one value. */
const MOST = 100

/** Places where `after` is not as `before`, outermost first; at most 100. */
export function valueChanges(before: unknown, after: unknown): readonly ValueChange[] {
  const changes: ValueChange[] = []
  compare(before, after, '$', changes)
  return changes
}

function compare(before: unknown, after: unknown, path: string, changes: ValueChange[]): void {
  if (changes.length >= MOST || Object.is(before, after)) return
  if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, changes)
  else if (isPlain(before) && isPlain(after)) compareFields(before, after, path, changes)
  else if (!isSame(before, after)) changes.push({ path, before, after })
}

function compareFields(before: Fields, after: Fields, path: string, changes: ValueChange[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    compare(before[key], after[key], /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`, changes)
  }
}

/** What both begin and end with is the same; what lies between is compared place by place. */
function compareLists(before: readonly unknown[], after: readonly unknown[], path: string, changes: ValueChange[]): void {
  let first = 0
  while (first < Math.min(before.length, after.length) && isSame(before[first], after[first])) first++
  let [lastBefore, lastAfter] = [before.length, after.length]
  while (lastBefore > first && lastAfter > first && isSame(before[lastBefore - 1], after[lastAfter - 1])) {
    lastBefore--
    lastAfter--
  }
  for (let i = first; i < Math.max(lastBefore, lastAfter); i++) {
    compare(i < lastBefore ? before[i] : undefined, i < lastAfter ? after[i] : undefined, `${path}[${i}]`, changes)
  }
}

type Fields = Readonly<Record<string, unknown>>

const isPlain = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)

const isSame = (before: unknown, after: unknown): boolean => Object.is(before, after) || canonical(before) === canonical(after)

/** One line a change: `$.text: We pay it [-back-]{+tomorrow+}.` */
export function sayChange({ path, before, after }: ValueChange): string {
  if (typeof before === 'string' && typeof after === 'string') return `${path}: ${sayWords(before, after)}`
  return `${path}: ${sayValue(before)} → ${sayValue(after)}`
}

/** Of a value, so much is shown. */
const SHOWN = 160

function sayValue(value: unknown): string {
  if (value === undefined) return '(nothing)'
  const text = shownText(value) ?? String(value)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}
