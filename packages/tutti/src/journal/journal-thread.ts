/** A thread that works on a journal file with a connection of its own: begun when it is first needed, and anew when it has died. */
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ConnectionOptions } from './sqlite-connection.ts'

export class JournalThread {
  readonly #script: URL
  readonly #name: string
  readonly #options: ConnectionOptions
  #worker: Worker | undefined

  /** @param script runs as source and as built: it lies beside this file, with its ending */
  constructor(script: 'sqlite-worker' | 'sqlite-log-worker', name: string, options: ConnectionOptions) {
    this.#script = new URL(`./${script}${extname(new URL(import.meta.url).pathname)}`, import.meta.url)
    this.#name = name
    this.#options = options
  }

  /** @param begun called with one that is begun for this */
  get(begun?: (worker: Worker) => void): Worker {
    if (this.#worker) return this.#worker
    // Not the flags of this process: what a person debugs, profiles or evaluates is not this thread.
    const worker = new Worker(this.#script, { workerData: this.#options, name: this.#name, execArgv: [] })
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined
    }
    worker.once('exit', forget)
    worker.on('error', forget)
    this.#worker = worker
    begun?.(worker)
    return worker
  }

  /** Closes the file on that thread and waits until the thread is gone. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    if (!worker) return
    worker.ref()
    const exit = once(worker, 'exit')
    worker.postMessage('close')
    await exit
  }
}
