/** A worker of the engine conformance suite, over a file. */
import { sqliteStore } from '../../src/journal/index.ts'
import { engineWorker } from '../../src/testing/engine-worker.ts'

await engineWorker(({ file }: { file: string }) => ({ store: sqliteStore(file) }))
