/** Ends a process at a failpoint, as nothing but a SIGKILL does; or writes down every failpoint that is passed. */
import { appendFileSync } from 'node:fs'
import { type Failpoint, watchFailpoints } from '../primitives/index.ts'

export interface KillAt {
  readonly name: Failpoint
  /** The `pass`th time that it is passed in one thread, at a key that ends so if `key` is given. */
  readonly pass: number
  readonly key?: string | undefined
}

export function killAt({ name: wanted, pass, key: end }: KillAt): void {
  let left = pass
  watchFailpoints((name, _, key) => {
    if (name !== wanted || (end !== undefined && !key?.endsWith(end)) || --left > 0) return
    process.kill(process.pid, 'SIGKILL')
    // The signal is on its way: nothing may happen before it is here.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
}

/** @param path of a file that gets a line for each */
export const traceFailpoints = (path: string): void => void watchFailpoints((name) => appendFileSync(path, `${name}\n`))
