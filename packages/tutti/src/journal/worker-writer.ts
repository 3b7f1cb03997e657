/** The near side of the commit thread: starts it when first needed, one group at a time, and starts another when it dies. */
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { rebuildError, TuttiError } from '../errors/index.ts'
import type { Job } from './job.ts'
import { packed } from './job-message.ts'
import { LogKeeper } from './log-keeper.ts'
import type { ConnectionOptions } from './sqlite-connection.ts'
import type { WorkerAnswer, Written } from './sqlite-worker.ts'

/** Runs as source and as built: the worker lies beside this file, with its ending. */
const script = new URL(`./sqlite-worker${extname(new URL(import.meta.url).pathname)}`, import.meta.url)

export class WorkerWriter {
  readonly #options: ConnectionOptions
  readonly #log: LogKeeper
  #worker: Worker | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#log = new LogKeeper(options)
  }

  /** @throws JOURNAL_UNWRITABLE when the thread dies; otherwise as `SqliteWriter.write` */
  async write(jobs: readonly Job[]): Promise<Written> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    // Only a commit under way keeps the process alive.
    worker.ref()
    try {
      const answer = await answerOf(worker, jobs)
      if ('failed' in answer) throw rebuildError(answer.failed)
      this.#log.note(answer.logged)
      return answer
    } finally {
      worker.unref()
    }
  }

  /** Closes the file on that thread and waits until the thread is gone. */
  async close(): Promise<void> {
    await this.#log.close()
    const worker = this.#worker
    this.#worker = undefined
    if (!worker) return
    worker.ref()
    const exit = once(worker, 'exit')
    worker.postMessage('close')
    await exit
  }

  #start(): Worker {
    // Not the flags of this process: what a person debugs, profiles or evaluates is not this thread.
    const worker = new Worker(script, { workerData: this.#options, name: 'tutti journal', execArgv: [] })
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined
    }
    worker.once('exit', forget)
    worker.on('error', forget)
    return worker
  }
}

function answerOf(worker: Worker, jobs: readonly Job[]): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      worker.off('message', answered)
      worker.off('error', died)
      worker.off('exit', died)
      settle()
    }
    const answered = (answer: WorkerAnswer): void => done(() => resolve(answer))
    const died = (cause: unknown): void =>
      done(() =>
        reject(
          new TuttiError('JOURNAL_UNWRITABLE', `the thread that commits ended: ${cause instanceof Error ? cause.message : `exit ${String(cause)}`}`, { cause }),
        ),
      )
    worker.postMessage(packed(jobs))
    worker.on('message', answered)
    worker.on('error', died)
    worker.on('exit', died)
  })
}
