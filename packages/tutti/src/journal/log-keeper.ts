/**
 * Brings the log of a journal into its file in a thread of its own, so that no commit waits for it. Where it does not keep up, the thread that commits does it itself: the log is
 * bounded either way (`LOG_PAGES_AT_MOST`).
 */
import type { Worker } from 'node:worker_threads'
import { JournalThread } from './journal-thread.ts'
import { type ConnectionOptions, LOG_PAGES } from './sqlite-connection.ts'

export class LogKeeper {
  readonly #thread: JournalThread
  #isAsked = false

  constructor(options: ConnectionOptions) {
    this.#thread = new JournalThread('sqlite-log-worker', 'tutti journal log', options)
  }

  /** So many pages are in the log and not in the file. */
  note(pages: number): void {
    if (pages < LOG_PAGES || this.#isAsked) return
    this.#isAsked = true
    this.#thread.get((begun) => this.#listen(begun)).postMessage('bring in')
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  /** It keeps no process alive, and one that dies may be asked again. */
  #listen(worker: Worker): void {
    const done = (): void => {
      this.#isAsked = false
    }
    worker.on('message', done)
    worker.on('exit', done)
    worker.unref()
  }
}
