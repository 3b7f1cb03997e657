/** A worker in a process of its own. `WORKER` is JSON: { store, log, ingress, admin, port, advertise }. */

import { restate } from '@tutti/restate'
import { sqlite, tutti } from 'tutti'
import { stepsFlow } from './steps-flow.ts'

const { store, log, ingress, admin, port, advertise } = JSON.parse(process.env.WORKER ?? '{}')
const app = tutti({ flows: [stepsFlow(log)], store: sqlite(store), engine: restate({ ingress, admin, serve: { port, advertise } }) })
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))
// Opens it: a worker takes what Restate gives it.
await app.get('run_none')
process.send?.('open')
setInterval(() => {}, 60_000)
