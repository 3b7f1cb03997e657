/** One text as the model reads it: token ids with [CLS] and [SEP]. */
export interface Encoded {
  /** Position among the texts of its request. */
  readonly at: number
  readonly ids: readonly number[]
}

/** Padded tokens a batch may hold: about a quarter of a second of WebAssembly, so that a question never waits longer behind others. */
export const BATCH_TOKENS = 512

/**
 * Groups texts of like length, the shortest first, so that little is padded.
 * A batch holds at most `limit` tokens after padding, or one text.
 */
export function planBatches(texts: readonly Encoded[], limit: number = BATCH_TOKENS): Encoded[][] {
  const sorted = [...texts].sort((a, b) => a.ids.length - b.ids.length || a.at - b.at)
  const batches: Encoded[][] = []
  let batch: Encoded[] = []
  for (const text of sorted) {
    if (batch.length > 0 && (batch.length + 1) * text.ids.length > limit) {
      batches.push(batch)
      batch = []
    }
    batch.push(text)
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}
