/** A slip of the pen: one name written so that another was meant. For an error that asks; where none is near enough nothing is guessed. */

/** The name that is a slip or two away: a letter more, less, other or in the place of its neighbour; big or small, and `_` and `-`, do not count. */
export function slipOf(name: string, names: readonly string[]): string | undefined {
  const written = plain(name)
  const near = names
    .map((each) => ({ each, slips: slips(written, plain(each)), most: Math.min(MOST, Math.ceil(Math.min(written.length, plain(each).length) / 4)) }))
    .filter(({ slips, most }) => slips <= most)
  return near.sort((a, b) => a.slips - b.slips)[0]?.each
}

const MOST = 2

/** Big or small, with or without `_` and `-`: what is left of a name. */
export const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '')

/** The distance of Damerau and Levenshtein in which nothing is changed twice (optimal string alignment). */
function slips(a: string, b: string): number {
  let [earlier, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const other = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + other)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(at(row, j), at(earlier, j - 2) + 1)
    }
    ;[earlier, last] = [last, row]
  }
  return at(last, b.length)
}

const at = (row: readonly number[], i: number): number => row[i] as number
