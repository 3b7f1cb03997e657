/** The near side of the commit thread: starts it when first needed, one group at a time, and starts another when it dies. */
import type { Worker } from 'node:worker_threads'
import { rebuildError, TuttiError } from '../errors/index.ts'
import type { Job } from './job.ts'
import { packed } from './job-message.ts'
import { JournalThread } from './journal-thread.ts'
import { LogKeeper } from './log-keeper.ts'
import type { ConnectionOptions } from './sqlite-connection.ts'
import type { WorkerAnswer, Written } from './sqlite-worker.ts'

export class WorkerWriter {
  readonly #thread: JournalThread
  readonly #log: LogKeeper

  constructor(options: ConnectionOptions) {
    this.#thread = new JournalThread('sqlite-worker', 'tutti journal', options)
    this.#log = new LogKeeper(options)
  }

  /** @throws JOURNAL_UNWRITABLE when the thread dies; otherwise as `SqliteWriter.write` */
  async write(jobs: readonly Job[]): Promise<Written> {
    const worker = this.#thread.get()
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

  /** Closes the file on its threads and waits until they are gone. */
  async close(): Promise<void> {
    await this.#log.close()
    await this.#thread.close()
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
