import type { Embedder } from './embedder.port.ts'

/**
 * An embedder for tests: a text is the sum of its words, each a direction of its own; words of one group share theirs, as meaning would have it.
 * `asked` are the texts of each call.
 */
export function sampleEmbedder(groups: readonly (readonly string[])[] = []): Embedder & { readonly asked: string[][] } {
  const directions = new Map<string, number>()
  const dimensions = 64
  const directionOf = (word: string): number => {
    const name = groups.find((group) => group.includes(word))?.[0] ?? word
    const known = directions.get(name) ?? directions.size % dimensions
    directions.set(name, known)
    return known
  }
  const asked: string[][] = []
  return {
    id: 'sample',
    dimensions,
    asked,
    async embed(texts, { signal } = {}) {
      signal?.throwIfAborted()
      asked.push([...texts])
      return texts.map((text) => {
        const vector = new Float32Array(dimensions)
        for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) vector[directionOf(word)] = (vector[directionOf(word)] ?? 0) + 1
        const length = Math.hypot(...vector) || 1
        return vector.map((value) => value / length)
      })
    },
    async close() {},
  }
}
