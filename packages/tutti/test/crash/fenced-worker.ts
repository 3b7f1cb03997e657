/** A process that drives one run of slow steps, and says what becomes of it: `first` starts the run, `second` takes it over as soon as it may. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { TuttiError } from '../../src/errors/index.ts'
import { type Commit, sqliteStore } from '../../src/journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow } from '../../src/run/index.ts'
import { bound } from '../../src/testing/failpoint-store.ts'

export interface FencedTask {
  readonly file: string
  readonly log: string
  readonly run: string
  readonly role: 'first' | 'second'
}

const { file, log, run, role } = JSON.parse(process.argv[2] ?? '') as FencedTask
const lines = openSync(log, 'a')
const say = (line: string): void => {
  writeSync(lines, `${role} ${line}\n`)
  fsyncSync(lines)
}
const slow = flow('slow', async (_: null, own) => {
  const answers: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const work = async (): Promise<string> => {
      say(`executes ${name}`)
      // It stops itself, so that this happens between two transactions and at the same place every time.
      if (role === 'first' && name === 'b') process.kill(process.pid, 'SIGSTOP')
      return `${name} by ${role}`
    }
    answers.push(await own.step(name, null, work, { effect: 'idempotent' }))
  }
  return answers.join(', ')
})
const store = sqliteStore(file, { commit: 'main' })
const append = (commit: Commit): Promise<void> =>
  store.append(commit).catch((error) => {
    say(`is refused with ${TuttiError.is(error) ? error.code : error}`)
    throw error
  })
const engine = new EmbeddedEngine({ store: { ...bound(store), append }, flows: [slow], resume: false, leaseMs: 600 })
await engine.open()
if (role === 'first') await engine.start(slow, null, { id: run })
for (let driven = role === 'first'; !driven; ) {
  driven = await engine.activate(run as never).then(
    () => true,
    (error) => {
      if (!TuttiError.is(error, 'RUN_BUSY')) throw error
      return later(20, false)
    },
  )
}
const { output } = await new EmbeddedHandle<string>(engine, run as never).result()
say(`sees ${output}`)
await engine.close()
closeSync(lines)
