/**
 * A worker of the scale bench, in a process of its own: `SETUP` says where its runs live. Told of a `Load`, it takes so many steps in so many runs at once, and
 * answers what that cost (`Taken`).
 */
import { postgres } from '@tutti/postgres'
import { restate } from '@tutti/restate'
import { flow, sqlite, tutti } from 'tutti'
import { bareService } from './bare-service.ts'
import { Gate, stopwatchOf } from './gate.ts'
import { answer, type Load, type Place, type Setup, type Taken } from './setup.ts'

/** Starts one run, and resolves when it has ended. */
type RunOne = (customer: number, steps: number) => Promise<unknown>

const setup = JSON.parse(process.env.SETUP ?? '{}') as Setup
const gate = new Gate(setup.servers)

const loop = flow('loop', { version: '1' }, async ({ customer, steps }: { customer: number; steps: number }, run) => {
  await run.step('begin', () => gate.arrive())
  for (let question = 0; question < steps; question++) await run.step('answer', { customer, question }, answer)
  await run.step('end', () => gate.arrive())
})

async function open(): Promise<RunOne> {
  if (setup.kind === 'bare') return bareService(setup, gate)
  const app = appAt(setup)
  return async (customer, steps) => (await app.start(loop, { customer, steps })).result()
}

function appAt(place: Exclude<Place, { kind: 'bare' }>) {
  if (place.kind === 'sqlite') return tutti({ flows: [loop], store: sqlite(place.path) })
  const store = postgres(place.postgres, { schema: place.schema })
  if (place.kind === 'postgres') return tutti({ flows: [loop], store })
  return tutti({ flows: [loop], store, engine: restate({ ingress: place.ingress, admin: place.admin, serve: { port: 0 } }) })
}

async function take(runOne: RunOne, { runs, steps }: Load): Promise<Taken> {
  gate.expect(runs)
  const read = stopwatchOf(setup.servers)
  await Promise.all(Array.from({ length: runs }, (_, customer) => runOne(customer, steps)))
  return { steady: gate.between, whole: read() }
}

const runOne = await open()
process.on('message', (load: Load) => {
  take(runOne, load).then(
    (taken) => process.send?.(taken),
    (error: Error) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.send?.('ready')
