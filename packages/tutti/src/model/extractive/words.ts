/** Words as the extractive answerer compares them: lower case, without the words that every text has, cut to their stems. */

const stopWords: ReadonlySet<string> = new Set(
  (
    'a about after all also am an and any are as at be because been before being but by can could did do does for from had has have he her his how i if in into is it its ' +
    'just me more most my no not of on or other our out over own please she should so some such tell than that the their them then there these they this those to too up us was we ' +
    'were what when where which while who whom whose why will with would you your'
  ).split(' '),
)

/** The stems of the telling words of a text, in order; of all its words when it has no telling one. */
export function stemsOf(text: string): string[] {
  const words =
    text
      .toLowerCase()
      .normalize('NFKD')
      .match(/[\p{L}\p{N}]+/gu) ?? []
  const telling = words.filter((word) => !stopWords.has(word))
  return (telling.length > 0 ? telling : words).map(stem)
}

/** Names of code and choices as words: 'byTopic', 'order_status' and 'order-status' are two words each. */
export const asWords = (name: string): string => name.replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, ' ').replaceAll(/[_\-./]+/g, ' ')

/** Steps 1a to 1c of Porter's algorithm and its commonest endings (M. F. Porter, 1980): enough to join 'orders', 'ordered' and 'ordering'. */
function stem(word: string): string {
  if (word.length < 4) return word
  let stem = word.replace(/(ss|i)es$/, '$1').replace(/([^s])s$/, '$1')
  const short = stem.replace(/(eed)$/, 'ee').replace(/(?<=[aeiouy].*)(ed|ing)$/, '')
  if (short !== stem) {
    stem = short.replace(/(at|bl|iz)$/, '$1e').replace(/([^aeiouylsz])\1$/, '$1')
    if (stem.length < 3) stem = word
  }
  stem = stem.replace(/(?<=[aeiouy].*)y$/, 'i')
  for (const [ending, instead] of endings) {
    if (stem.length > ending.length + 2 && stem.endsWith(ending)) {
      stem = stem.slice(0, -ending.length) + instead
      break
    }
  }
  return stem.length > 4 ? stem.replace(/e$/, '') : stem
}

const endings: readonly (readonly [ending: string, instead: string])[] = [
  ['ational', 'ate'],
  ['ization', 'ize'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['ation', 'ate'],
  ['tional', 'tion'],
  ['ement', ''],
  ['ment', ''],
  ['ness', ''],
  ['ance', ''],
  ['ence', ''],
  ['able', ''],
  ['ible', ''],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['ousli', 'ous'],
  ['li', ''],
]
