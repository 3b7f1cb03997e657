/** A process that drives runs under one limit with others, on one Postgres. */
import { postgres } from '@tutti/postgres'
import { type StandingTask, standingRuns } from './standing-runs.ts'

const task = JSON.parse(process.argv[2] ?? '') as StandingTask & { readonly url: string; readonly schema: string }
await standingRuns(task, { store: postgres(task.url, { schema: task.schema }) })
