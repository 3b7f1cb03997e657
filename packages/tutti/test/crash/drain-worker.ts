/** A process of somebody's who deploys: it goes on with the run it is told of, and closes its app when it is asked to end. `write line`s as it goes. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { flow, sqlite, tutti } from '../../src/index.ts'

const [file = '', log = '', graceMs] = process.argv.slice(2)
const lines = openSync(log, 'a')
const say = (line: string): void => void writeSync(lines, `${line}\n`)
const long = flow('long', async (steps: number, run) => {
  const numbers = [...Array(steps).keys()]
  const send = async (n: number): Promise<number> => {
    say(`sends ${n}`)
    await later(40)
    return n
  }
  for (const n of numbers) await run.step('send', n, send, { effect: 'once' })
  return numbers.length
})
const app = tutti({ flows: [long], store: sqlite(file) })
// A second signal finds no listener, and ends the process at once.
process.once('SIGTERM', () => {
  say('is asked to end')
  void app.close({ graceMs: Number(graceMs) }).then(() => say('has closed'))
})
const handle = await app.start(long, 60, { id: 'run_long' })
await handle.result().then(
  ({ output }) => say(`sees ${output}`),
  (error) => say(`sees ${error.code}`),
)
await app.close()
closeSync(lines)
