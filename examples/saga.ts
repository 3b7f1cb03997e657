// A trip is booked in three places and cannot be paid. What was booked is undone, the last one first, by the process after the one that was killed in the middle of it.
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { flow, type Run, type StepContext, sqlite, tutti } from 'tutti'

const mine = process.argv[2] ?? 'two'

/** A booking that can be cancelled. `idempotencyKey` is what a real booking service would be given, so that nothing is booked or cancelled twice. */
const book = (run: Run, what: string) =>
  run.step(`book ${what}`, what, async (_, { idempotencyKey }) => ({ number: `${what}-17`, idempotencyKey }), {
    effect: 'idempotent',
    retry: { attempts: 5, backoff: '1s' }, // of the booking, and of its undo
    undo: (booking, _, ctx) => cancelBooking(booking.number, ctx),
  })

async function cancelBooking(number: string, { attempt }: StepContext): Promise<void> {
  // The first process dies here, as hard as a process can, when it has cancelled the hotel.
  if (mine === 'one' && number === 'train-17') process.kill(process.pid, 'SIGKILL')
  console.log(`  cancels ${number} in process ${mine}, attempt ${attempt}`)
}

const trip = flow('trip', async (city: string, run) => {
  await book(run, 'flight')
  await book(run, 'train')
  await book(run, 'hotel')
  await run.step('pay', city, () => {
    throw new Error('the card was declined')
  })
})

const store = '.tutti/saga.db'
if (mine === 'one') {
  const app = tutti({ flows: [trip], store: sqlite(store) })
  await app.run(trip, 'Rome', { id: 'trip' })
} else {
  rmSync(store, { force: true })
  const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, 'one'], { stdio: 'inherit' })
  await new Promise((resolve) => child.on('exit', resolve))

  await using app = tutti({ flows: [trip], store: sqlite(store) })
  await app.resume('trip')
  const handle = await app.get('trip', trip)
  const outcome = await handle?.outcome()
  console.log(outcome?.status === 'failed' && outcome.error.message)
}
