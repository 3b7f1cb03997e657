/** A worker on Restate that drives runs under one limit with others; the accounts are in Postgres. */
import { postgres } from '@tutti/postgres'
import { restate } from '@tutti/restate'
import { type StandingTask, standingRuns } from '../../postgres/test/standing-runs.ts'

interface Place {
  readonly url: string
  readonly ingress: string
  readonly admin: string
  readonly port: number
  readonly advertise: string
}

const task = JSON.parse(process.argv[2] ?? '') as StandingTask & Place
const { url, ingress, admin, port, advertise } = task
await standingRuns(task, { store: postgres(url), engine: restate({ ingress, admin, serve: { port, advertise } }) })
