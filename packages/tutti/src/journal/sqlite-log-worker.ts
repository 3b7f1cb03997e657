/** The thread that brings the log of a journal into its file, while another goes on committing. */
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { type ConnectionOptions, connect } from './sqlite-connection.ts'

const options = workerData as ConnectionOptions
let db: DatabaseSync | undefined

parentPort?.on('message', (asked: 'bring in' | 'close') => {
  if (asked === 'close') {
    db?.close()
    parentPort?.close()
    return
  }
  try {
    db ??= connect(options)
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch {
    // A busy file, a full disk: the log grows, and whoever commits says what is wrong.
  }
  parentPort?.postMessage('done')
})
