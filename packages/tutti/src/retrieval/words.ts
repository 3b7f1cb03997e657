/** What counts as a word, in a document as in a question. */

/** English words that say nothing about what is asked; left out of a question, never out of the index. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about above after again all also am an and any are as at be because been before being below between both but by can cannot could did do does doing down during each ' +
    'few for from further had has have having he her here hers him himself his how i if in into is it its itself just me might more most my myself no nor not of off on once ' +
    'only or other our ours out over own same shall she should so some such than that the their theirs them themselves then there these they this those through to too under ' +
    'until up us very was we were what when where which while who whom whose why will with would you your yours yourself'
  ).split(' '),
)

/** Words of one question that the text index is asked for, at most. */
const MAX_WORDS = 64
const WORD = /[\p{L}\p{N}\p{M}]+/gu
/** Scripts that are written without spaces. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const CAMEL = /\b\p{L}\p{Ll}*(?:\p{Lu}[\p{Ll}\p{N}]+)+/gu

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' })

/** A text as the text index takes it: words of scripts without spaces are set apart. */
export function spaced(text: string): string {
  if (!UNSPACED.test(text)) return text
  return [...segmenter.segment(text)].map(({ segment }) => (UNSPACED.test(segment) ? ` ${segment} ` : segment)).join('')
}

/** The parts of the camel-case names in a text, so that `streamText` is found by "stream text". Each name once. */
export function nameParts(text: string): string {
  const names = new Set(text.match(CAMEL) ?? [])
  return [...names].map((name) => name.replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, ' ')).join(' ')
}

/**
 * The words of a question worth searching for, each once, lower case. All of them when nothing else is left; of more than 64 the longest.
 */
export function searchWords(question: string): string[] {
  const words = [...new Set(spaced(question).toLowerCase().match(WORD) ?? [])]
  const telling = words.filter((word) => !STOP_WORDS.has(word) && (word.length > 1 || /\p{N}|[^\p{ASCII}]/u.test(word)))
  const chosen = telling.length > 0 ? telling : words
  return chosen.length <= MAX_WORDS ? chosen : [...chosen].sort((a, b) => b.length - a.length).slice(0, MAX_WORDS)
}

/** An FTS5 expression that matches any of the words of `searchWords`; `undefined` when there is none. A word in quotes is a word, never an operator. */
export function matchExpression(words: readonly string[]): string | undefined {
  return words.length === 0 ? undefined : words.map((word) => `"${word}"`).join(' OR ')
}
