/** The other process of `transfer.test.ts`: says that it begins, then imports the file it is told into the journal it is told. */
import { readFileSync } from 'node:fs'
import { importRun, sqliteStore } from './index.ts'

const [, , journal = '', file = ''] = process.argv
const lines = readFileSync(file, 'utf8').split('\n')
const store = sqliteStore(journal)
await store.open()
process.send?.('begins')
await importRun(store, lines)
await store.close()
process.disconnect?.()
