/** A worker of the engine conformance suite, over Postgres. */
import { postgres } from '@tutti/postgres'
import { engineWorker } from 'tutti/conformance'

await engineWorker(({ url }: { url: string }) => ({ store: postgres(url) }))
