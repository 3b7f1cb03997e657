import type { Embedder } from './embedder.port.ts'
import type { Partition } from './partition.ts'

/** Chunks embedded and stored at a time: what a killed process loses of its work at most. */
const BATCH = 16

/**
 * Embeds what a partition has no vectors for yet, oldest first. May be stopped at any time and begun again: what is stored stays stored.
 * @returns how many chunks it embedded
 */
export async function warm(partition: Partition, embedder: Embedder, o: { readonly signal: AbortSignal; readonly background: boolean }): Promise<number> {
  let last = 0
  let done = 0
  while (!o.signal.aborted) {
    const batch = partition.nextUnembedded(embedder.id, last, BATCH)
    if (batch.length === 0) break
    const vectors = await embedder.embed(
      batch.map(({ text }) => text),
      o,
    )
    if (o.signal.aborted) break
    partition.putVectors(
      embedder.id,
      batch.map(({ embedding }, i) => ({ embedding, vector: vectors[i] as Float32Array })),
    )
    done += batch.length
    last = batch.at(-1)?.id ?? last
  }
  o.signal.throwIfAborted()
  return done
}
