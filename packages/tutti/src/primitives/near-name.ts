/** Names that come near to one that does not exist, nearest first: for an error that says what was perhaps meant. */

const MOST = 5
/** Less likeness than this helps nobody. */
const LEAST = 0.3

/** @param least likeness, 0 to 1 */
export function nearest(name: string, names: readonly string[], least: number = LEAST): string[] {
  const wanted = pairs(name)
  return names
    .map((each) => ({ each, likeness: Math.max(likeness(wanted, pairs(each)), likeness(wanted, pairs(lastPart(each))) * 0.9) }))
    .filter((one) => one.likeness >= least)
    .sort((a, b) => b.likeness - a.likeness || (a.each < b.each ? -1 : 1))
    .slice(0, MOST)
    .map(({ each }) => each)
}

/** Of a path: whoever writes a name from memory often has this part of it alone. */
const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1)

/** Letters as they follow one another, with the edges: what survives a slip of the pen. */
function pairs(name: string): ReadonlySet<string> {
  const letters = ` ${name.toLowerCase()} `
  return new Set(Array.from({ length: letters.length - 1 }, (_, i) => letters.slice(i, i + 2)))
}

/** Sørensen and Dice: twice what both have, of what each has. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((pair) => b.has(pair)).length
  return (2 * both) / (a.size + b.size)
}
