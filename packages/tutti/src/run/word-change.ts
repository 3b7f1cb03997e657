/** Two texts as one, with what went and what came marked in it, as `git diff --word-diff` does: `[-gone-]{+new+}`. */

interface Run {
  readonly kind: 'same' | 'gone' | 'new'
  text: string
}

/** Beyond so many pairs of words the middle counts as replaced as a whole: 1,000 words against 1,000. */
const MOST_PAIRS = 1_000_000
/** Words that stay the same beside a change, on each side of it. */
const AROUND = 6

/** On one line; of long parts that stayed the same, the words beside the changes. */
export function sayWords(before: string, after: string): string {
  const runs = wordRuns(before, after)
  return runs
    .map(({ kind, text }, i) => (kind === 'gone' ? `[-${text}-]` : kind === 'new' ? `{+${text}+}` : shortened(text, i > 0, i < runs.length - 1)))
    .join('')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** The two texts in runs of words: `same` and `gone` make the first, `same` and `new` the second. */
export function wordRuns(before: string, after: string): readonly Run[] {
  const [a, b] = [wordsOf(before), wordsOf(after)]
  let first = 0
  while (first < a.length && first < b.length && a[first] === b[first]) first++
  let [lastA, lastB] = [a.length, b.length]
  while (lastA > first && lastB > first && a[lastA - 1] === b[lastB - 1]) {
    lastA--
    lastB--
  }
  const runs: Run[] = []
  const add = (kind: Run['kind'], text: string): void => {
    const last = runs.at(-1)
    if (last?.kind === kind) last.text += text
    else if (text !== '') runs.push({ kind, text })
  }
  add('same', a.slice(0, first).join(''))
  addMiddle(a.slice(first, lastA), b.slice(first, lastB), add)
  add('same', a.slice(lastA).join(''))
  return joined(runs)
}

/** Changes with nothing but a space between them read as one. */
function joined(runs: readonly Run[]): readonly Run[] {
  const whole: Run[] = []
  let [gone, came] = ['', '']
  const flush = (): void => {
    if (gone) whole.push({ kind: 'gone', text: gone })
    if (came) whole.push({ kind: 'new', text: came })
    gone = came = ''
  }
  for (const [i, { kind, text }] of runs.entries()) {
    if (kind === 'gone') gone += text
    else if (kind === 'new') came += text
    else if ((gone || came) && text.trim() === '' && i < runs.length - 1) {
      gone += text
      came += text
    } else {
      flush()
      whole.push({ kind, text })
    }
  }
  flush()
  return whole
}

const wordsOf = (text: string): readonly string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? []

/** The longest words in common, by dynamic programming. */
function addMiddle(a: readonly string[], b: readonly string[], add: (kind: Run['kind'], text: string) => void): void {
  if (a.length * b.length > MOST_PAIRS) {
    add('gone', a.join(''))
    return add('new', b.join(''))
  }
  const width = b.length + 1
  const common = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const [down, right, both] = [common[(i + 1) * width + j] as number, common[i * width + j + 1] as number, common[(i + 1) * width + j + 1] as number]
      common[i * width + j] = a[i] === b[j] ? both + 1 : Math.max(down, right)
    }
  }
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add('same', a[i++] as string)
      j++
    } else if (i < a.length && (j === b.length || (common[(i + 1) * width + j] as number) >= (common[i * width + j + 1] as number)))
      add('gone', a[i++] as string)
    else add('new', b[j++] as string)
  }
}

function shortened(text: string, hasBefore: boolean, hasAfter: boolean): string {
  const words = text.split(/(?<=\s)/)
  const kept = (hasBefore ? AROUND : 0) + (hasAfter ? AROUND : 0)
  if (words.length <= kept + 2) return text
  const head = hasBefore ? words.slice(0, AROUND).join('') : ''
  const tail = hasAfter ? words.slice(-AROUND).join('') : ''
  return `${head}… ${tail}`
}
