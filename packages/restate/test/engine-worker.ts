/** A worker of the engine conformance suite, on Restate and Postgres. */
import { postgres } from '@tutti/postgres'
import { restate } from '@tutti/restate'
import { engineWorker } from 'tutti/conformance'

interface Place {
  readonly url: string
  readonly ingress: string
  readonly admin: string
  readonly port: number
  readonly advertise: string
}

await engineWorker(({ url, ingress, admin, port, advertise }: Place) => ({
  store: postgres(url),
  engine: restate({ ingress, admin, serve: { port, advertise } }) as never,
}))
