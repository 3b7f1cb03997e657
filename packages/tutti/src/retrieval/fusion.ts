/** One thing found, by its id. */
export interface Hit {
  readonly id: number
  readonly score: number
}

/** How many of each list are fused. */
export const CANDIDATES = 100

export interface Fused extends Hit {
  readonly via: 'words' | 'meaning' | 'both'
}

/**
 * Convex fusion: half the BM25 score, half the cosine, each min-max scaled over its own list (Bruch et al. 2023, https://doi.org/10.1145/3596512).
 * What stands in one list only has 0 in the other. Best first; ties by id, so that the order is the same every time.
 */
export function fuse(words: readonly Hit[], meaning: readonly Hit[], share = 0.5): Fused[] {
  if (meaning.length === 0) return rank(words.map(({ id }, i) => ({ id, score: scale(words)[i] ?? 0, via: 'words' })))
  const fused = new Map<number, { id: number; score: number; via: Fused['via'] }>()
  const scaledWords = scale(words)
  const scaledMeaning = scale(meaning)
  for (const [i, { id }] of words.entries()) fused.set(id, { id, score: share * (scaledWords[i] ?? 0), via: 'words' })
  for (const [i, { id }] of meaning.entries()) {
    const found = fused.get(id)
    const score = (1 - share) * (scaledMeaning[i] ?? 0)
    if (found) fused.set(id, { id, score: found.score + score, via: 'both' })
    else fused.set(id, { id, score, via: 'meaning' })
  }
  return rank([...fused.values()])
}

/** To 0…1 over the list; 1 throughout where all are equal. */
function scale(hits: readonly Hit[]): number[] {
  const scores = hits.map(({ score }) => score)
  const low = Math.min(...scores)
  const range = Math.max(...scores) - low
  return scores.map((score) => (range > 0 ? (score - low) / range : 1))
}

const rank = (hits: Fused[]): Fused[] => hits.sort((a, b) => b.score - a.score || a.id - b.id)
