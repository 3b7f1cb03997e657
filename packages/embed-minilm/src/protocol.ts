/** What runs the model. */
export type RuntimeName = 'onnxruntime-node' | 'onnxruntime-web'

/** What the worker is started with. */
export interface WorkerOptions {
  readonly threads: number
  readonly runtime?: RuntimeName | undefined
  readonly modelFolder: string
}

/** To the worker. `cancel` drops what is not done of a request; it gets no answer. */
export type Request = { readonly id: number; readonly texts: readonly string[]; readonly background: boolean } | { readonly cancel: number }

/** From the worker. `vectors` holds one vector after the other, in the order of the texts. */
export type Answer =
  | { readonly ready: RuntimeName }
  | { readonly id: number; readonly vectors: Float32Array }
  | { readonly id: number; readonly error: Failure }
  /** The model could not be loaded: nothing will be answered. */
  | { readonly broken: Failure }

export interface Failure {
  readonly message: string
  readonly code?: string | undefined
}
