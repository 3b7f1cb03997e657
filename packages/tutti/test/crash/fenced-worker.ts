/**
 * A process that drives one run of slow steps, and says what becomes of it: `first` starts the run, and one beside it; `second` takes the first run over as
 * soon as it may.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { TuttiError } from '../../src/errors/index.ts'
import { type Commit, type Effect, sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow } from '../../src/run/index.ts'
import { bound } from '../../src/testing/failpoint-store.ts'

export interface FencedTask {
  readonly file: string
  readonly log: string
  readonly run: string
  readonly beside: string
  readonly role: 'first' | 'second'
  /** What the step does to the world during which the first process is stopped. */
  readonly effect: Effect
}

const { file, log, run, beside, role, effect } = JSON.parse(process.argv[2] ?? '') as FencedTask
const lines = openSync(log, 'a')
const say = (line: string): void => {
  writeSync(lines, `${role} ${line}\n`)
  fsyncSync(lines)
}
const goneOn = Promise.withResolvers<void>()
const slow = flow('slow', async (_: null, own) => {
  const answers: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const work = async (): Promise<string> => {
      say(`executes ${name}`)
      // It stops itself, so that this happens between two transactions and at the same place every time.
      if (role === 'first' && name === 'b') process.kill(process.pid, 'SIGSTOP')
      goneOn.resolve()
      return `${name} by ${role}`
    }
    answers.push(await own.step(name, null, work, { effect: name === 'b' ? effect : 'idempotent' }))
  }
  return answers.join(', ')
})
/** Its step ends in the very turn in which the other run's does: both are appended in one transaction. */
const neighbour = flow('neighbour', async (_: null, own) =>
  own.step('wait', async () => {
    say('executes beside')
    await goneOn.promise
    return `beside by ${role}`
  }),
)
const store = sqliteStore(file, { commit: 'main' })
const append = (commit: Commit): Promise<string | undefined> =>
  store.append(commit).catch((error) => {
    say(`is refused with ${TuttiError.is(error) ? error.code : error}`)
    throw error
  })
const isFirst = role === 'first'
const engine = new EmbeddedEngine({ store: { ...bound(store), append }, flows: isFirst ? [slow, neighbour] : [slow], resume: !isFirst, leaseMs: 600 })
await engine.open()
if (isFirst) {
  await engine.start(neighbour, null, { id: beside })
  await engine.start(slow, null, { id: run })
}
for (let driven = isFirst; !driven; ) {
  driven = await engine.activate(run as RunId).then(
    () => true,
    (error) => {
      if (!TuttiError.is(error, 'RUN_BUSY')) throw error
      return later(20, false)
    },
  )
}
const sees = async (id: string): Promise<void> => {
  const handle = new EmbeddedHandle<string>(engine, id as RunId)
  const outcome = await handle.outcome()
  if (outcome.status === 'waiting') say(`waits for ${outcome.for[0]?.signal}`)
  say(`sees ${(await handle.result()).output}`)
}
await sees(run)
if (isFirst) await sees(beside)
await engine.close()
closeSync(lines)
