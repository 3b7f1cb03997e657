/**
 * Brings the log of a journal into its file in a thread of its own, so that no commit waits for it. Where it does not keep up, the thread that commits does it itself: the log is
 * bounded either way (`LOG_PAGES_AT_MOST`).
 */
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ConnectionOptions, LOG_PAGES } from './sqlite-connection.ts'

const script = new URL(`./sqlite-log-worker${extname(new URL(import.meta.url).pathname)}`, import.meta.url)

export class LogKeeper {
  readonly #options: ConnectionOptions
  #worker: Worker | undefined
  #isAsked = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** So many pages are in the log and not in the file. */
  note(pages: number): void {
    if (pages < LOG_PAGES || this.#isAsked) return
    this.#worker ??= this.#start()
    this.#isAsked = true
    this.#worker.postMessage('bring in')
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

  #start(): Worker {
    const worker = new Worker(script, { workerData: this.#options, name: 'tutti journal log', execArgv: [] })
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined
      this.#isAsked = false
    }
    worker.on('message', () => {
      this.#isAsked = false
    })
    worker.once('exit', forget)
    worker.on('error', forget)
    worker.unref()
    return worker
  }
}
