/**
 * Loaded before a process and each of its threads (`NODE_OPTIONS=--import`): ends the process at a failpoint, or writes down every one that is passed.
 * `CRASH_AT` is a `KillAt` as JSON, `CRASH_TRACE` the path of a file.
 */
import { appendFileSync } from 'node:fs'
import { type Failpoint, watchFailpoints } from '../../src/primitives/failpoint.ts'

export interface KillAt {
  readonly name: Failpoint
  /** The `pass`th time that it is passed in one thread, at a key that ends so if `key` is given. */
  readonly pass: number
  readonly key?: string | undefined
}

const { CRASH_AT, CRASH_TRACE } = process.env
if (CRASH_AT) killAt(JSON.parse(CRASH_AT) as KillAt)
if (CRASH_TRACE) watchFailpoints((name) => appendFileSync(CRASH_TRACE, `${name}\n`))

function killAt({ name: wanted, pass, key: end }: KillAt): void {
  let left = pass
  watchFailpoints((name, _, key) => {
    if (name !== wanted || (end !== undefined && !key?.endsWith(end)) || --left > 0) return
    process.kill(process.pid, 'SIGKILL')
    // The signal is on its way: nothing may happen before it is here.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
}
