/**
 * Sentence embeddings on this machine: all-MiniLM-L6-v2 (int8) in a worker thread.
 *
 * Owns the worker and the requests under way. Does not own what is done with the vectors, nor any cache of them.
 * Invariants: the worker holds the process open only while a request that is not in the background waits;
 * an answer belongs to its request, whatever was cancelled in between.
 * When the worker dies, the requests under way fail and the next one starts another worker.
 */
import { fileURLToPath } from 'node:url'
import { DIMENSIONS } from './inference.ts'
import { ModelThread } from './model-thread.ts'
import type { RuntimeName, WorkerOptions } from './protocol.ts'
import { defaultThreads } from './runtime.ts'
import { modelFolder } from './weights.ts'

/** What tutti's retrieval asks of an embedding model (its port `embedder.port.ts`). */
export interface Embedder {
  /** Names the model and its precision; vectors of different ids are not comparable. */
  readonly id: string
  readonly dimensions: number
  /** Unit-length vectors, in the order of `texts`. What lies beyond 256 tokens of a text is not seen. */
  embed(texts: readonly string[], o?: EmbedOptions): Promise<Float32Array[]>
  close(): Promise<void>
}

export interface EmbedOptions {
  signal?: AbortSignal | undefined
  /** Goes after everything else, and does not keep the process alive. Default false. */
  background?: boolean | undefined
}

export interface EmbedderOptions {
  /** Threads of the runtime. Default: half of the cores, at most 4. */
  threads?: number | undefined
  /** Default: `onnxruntime-node` when it is installed, else the WebAssembly build. */
  runtime?: RuntimeName | undefined
  /** Another folder with the same model, for tests. */
  modelFolder?: URL | undefined
}

export const EMBEDDER_ID = 'all-MiniLM-L6-v2-int8'

/**
 * Starts the model. Costs about a second at the first call of `embed` or `await embedder()`; nothing is downloaded.
 * @example const minilm = await embedder(); const [vector] = await minilm.embed(['hello'])
 * @throws an Error with code RETRIEVAL_WEIGHTS_WRONG when the weights are not those this package was built with
 */
export async function embedder(o: EmbedderOptions = {}): Promise<Embedder & { readonly runtime: RuntimeName }> {
  const options: WorkerOptions = { threads: o.threads ?? defaultThreads(), runtime: o.runtime, modelFolder: fileURLToPath(o.modelFolder ?? modelFolder) }
  let thread = new ModelThread(options)
  let closed = false
  return {
    id: EMBEDDER_ID,
    dimensions: DIMENSIONS,
    runtime: await thread.ready,
    async embed(texts, { signal, background = false } = {}) {
      signal?.throwIfAborted()
      if (closed) throw new Error('the embedder was closed')
      if (texts.length === 0) return []
      if (thread.dead) thread = new ModelThread(options)
      await thread.ready
      return thread.ask(texts, background, signal)
    },
    async close() {
      closed = true
      await thread.stop()
    },
  }
}
