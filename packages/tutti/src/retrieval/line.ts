import { checkValue, is } from '../primitives/index.ts'
import { checkText } from './check-given.ts'

/** The offset at which each line of `text` begins. A line ends with `\n`, `\r\n` or `\r`. */
export function lineStarts(text: string): number[] {
  const starts = [0]
  for (const match of text.matchAll(/\r\n?|\n/g)) starts.push(match.index + match[0].length)
  return starts
}

/** The line that `offset` lies in, from 1. */
export function lineAt(text: string, offset: number): number {
  checkText('lineAt()', 'text', text)
  checkValue('the offset that lineAt() was given', 'offset', offset, is.place)
  return lineIn(lineStarts(text), offset)
}

/** The same, for many offsets into one text: `starts` comes from `lineStarts`. */
export function lineIn(starts: readonly number[], offset: number): number {
  return lastNotAfter(starts, offset, (start) => start) + 1
}

/** Where an offset into `document.text` lies in the file it was read from. */
export function offsetInFile(offsets: readonly (readonly [number, number])[], offset: number): number {
  const run = offsets[lastNotAfter(offsets, offset, ([at]) => at)]
  return run ? run[1] + offset - run[0] : offset
}

/** The position of the last item whose value is not greater than `value`; 0 when there is none. */
function lastNotAfter<T>(items: readonly T[], value: number, numberOf: (item: T) => number): number {
  let low = 0
  let high = items.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (numberOf(items[middle] as T) <= value) low = middle
    else high = middle - 1
  }
  return low
}
