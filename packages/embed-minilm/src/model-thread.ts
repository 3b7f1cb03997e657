import { Worker } from 'node:worker_threads'
import { DIMENSIONS } from './inference.ts'
import type { Answer, Failure, Request, RuntimeName, WorkerOptions } from './protocol.ts'

interface Waiting {
  readonly count: number
  readonly background: boolean
  resolve(vectors: Float32Array[]): void
  reject(error: unknown): void
}

/**
 * One worker, from its start to its end, and the requests it has under way.
 * It holds the process open while it loads and while a request waits that is not in the background.
 */
export class ModelThread {
  /** Settles when the model is loaded, or cannot be. */
  readonly ready: Promise<RuntimeName>
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #dead = false

  constructor(options: WorkerOptions) {
    // No flags of the process: `--input-type`, loaders and inspectors are not for this thread.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData: options, execArgv: [] })
    this.ready = new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        reject(error)
        this.#fail(error)
      }
      this.#worker.on('error', fail)
      this.#worker.on('exit', () => fail(new Error('the thread of the embedding model has ended')))
      this.#worker.on('message', (answer: Answer) => {
        if ('ready' in answer) {
          this.#hold()
          resolve(answer.ready)
        } else if ('broken' in answer) fail(errorOf(answer.broken))
        else this.#settle(answer)
      })
    })
  }

  /** It will answer nothing any more. */
  get dead(): boolean {
    return this.#dead
  }

  ask(texts: readonly string[], background: boolean, signal: AbortSignal | undefined): Promise<Float32Array[]> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array[]>()
    const abort = (): void => {
      this.#worker.postMessage({ cancel: id } satisfies Request)
      this.#take(id)?.reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    this.#waiting.set(id, { count: texts.length, background, resolve, reject })
    this.#hold()
    this.#worker.postMessage({ id, texts, background } satisfies Request)
    return promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(answer: Extract<Answer, { id: number }>): void {
    const request = this.#take(answer.id)
    if (!request) return
    if ('error' in answer) request.reject(errorOf(answer.error))
    else request.resolve(Array.from({ length: request.count }, (_, i) => answer.vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS)))
  }

  #take(id: number): Waiting | undefined {
    const request = this.#waiting.get(id)
    this.#waiting.delete(id)
    this.#hold()
    return request
  }

  #fail(error: unknown): void {
    if (this.#dead) return
    this.#dead = true
    for (const id of [...this.#waiting.keys()]) this.#take(id)?.reject(error)
    void this.#worker.terminate()
  }

  #hold(): void {
    if ([...this.#waiting.values()].some(({ background }) => !background)) this.#worker.ref()
    else this.#worker.unref()
  }
}

function errorOf({ message, code }: Failure): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}
