/** What retrieval asks of an embedding model. Types only; `@tutti/embed-minilm` is one that runs on this machine. */
export interface Embedder {
  /** Names the model and its precision: vectors of different ids are not comparable, and are stored apart. */
  readonly id: string
  readonly dimensions: number
  /** Unit-length vectors, in the order of `texts`. */
  embed(texts: readonly string[], o?: EmbedOptions): Promise<Float32Array[]>
  close(): Promise<void>
}

export interface EmbedOptions {
  signal?: AbortSignal | undefined
  /** Goes after everything else, and does not keep the process alive. Default false. */
  background?: boolean | undefined
}
