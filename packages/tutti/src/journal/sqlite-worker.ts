/** The thread that commits when the disk is slow, or many runs ask at once: opens its own connection, writes one group a message, answers it. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorRecord, recordError } from '../errors/index.ts'
import { failpoint } from '../primitives/index.ts'
import type { Answer } from './job.ts'
import { type JobMessage, unpacked } from './job-message.ts'
import { type ConnectionOptions, connect, LOG_PAGES_AT_MOST } from './sqlite-connection.ts'
import { SqliteWriter } from './sqlite-writer.ts'
import { Vault } from './vault.ts'

export interface Written {
  readonly answers: readonly Answer[]
  /** How long the transaction took. */
  readonly ms: number
  /** Pages in the log that are not in the file yet. */
  readonly logged: number
}
export type WorkerAnswer = Written | { readonly failed: ErrorRecord }

const options = workerData as ConnectionOptions
let db: DatabaseSync | undefined
let writer: SqliteWriter | undefined
let log: StatementSync | undefined

parentPort?.on('message', (jobs: readonly JobMessage[] | 'close') => {
  if (jobs === 'close') {
    db?.close()
    parentPort?.close()
    return
  }
  parentPort?.postMessage(write(jobs))
})

function write(jobs: readonly JobMessage[]): WorkerAnswer {
  try {
    db ??= connect({ ...options, logPages: LOG_PAGES_AT_MOST })
    writer ??= new SqliteWriter(db, options.path, new Vault(db, options.path, options.encryption))
    const begun = performance.now()
    const answers = writer.write(unpacked(jobs))
    failpoint('committed in the worker, answer not posted')
    return { answers, ms: performance.now() - begun, logged: logged(db) }
  } catch (error) {
    return { failed: recordError(error, 'JOURNAL_UNWRITABLE') }
  }
}

function logged(file: DatabaseSync): number {
  if (!log) {
    // Looks, and brings nothing in.
    log = file.prepare('PRAGMA wal_checkpoint(NOOP)')
    log.setReturnArrays(true)
  }
  const [, pages, broughtIn] = log.get() as unknown as readonly [busy: number, pages: number, broughtIn: number]
  return pages - broughtIn
}
