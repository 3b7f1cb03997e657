/** The other process of `sqlite-removal.test.ts`: removes whatever has ended in the journal it is told, again and again, until it is killed;
 * says so after each slice. */
import { pruneRuns, sqliteStore } from './index.ts'

const [, , journal = ''] = process.argv
const store = sqliteStore(journal, { durability: 'relaxed' })
await store.open()
process.send?.('begins')
// A parent that is gone leaves nobody to kill it.
process.on('disconnect', () => process.exit())
for (;;) {
  await pruneRuns(store, { status: ['completed'] }, { now: 0, see: () => void process.send?.('slice') })
  await new Promise((resolve) => setImmediate(resolve))
}
