/** Branches begun together: `run.all`. When one fails, what nobody needs any more is cancelled. */
import { TuttiError } from '../errors/index.ts'
import { Ask } from './ask.ts'
import type { Pump } from './pump.ts'
import type { RunScope } from './scope.ts'

const BEHIND = Symbol('what a promise of the run stands for')
type Remembered = { [BEHIND]?: Ask | RunScope }

/** Keeps, with a promise that the face hands out, what is to be cancelled when nobody wants it. */
export function remember<T>(promise: Promise<T>, behind: Ask | RunScope): Promise<T> {
  ;(promise as Remembered)[BEHIND] = behind
  return promise
}

export function allOf(branches: Readonly<Record<string, PromiseLike<unknown>>> | readonly PromiseLike<unknown>[], pump: Pump): Promise<unknown> {
  const list = Array.isArray(branches)
  const names = Object.keys(branches)
  const promises = Object.values(branches) as PromiseLike<unknown>[]
  const values: unknown[] = new Array(promises.length)
  return new Promise((resolve, reject) => {
    let missing = promises.length
    let failed = false
    const done = (): void => resolve(list ? values : Object.fromEntries(names.map((name, i) => [name, values[i]])))
    if (missing === 0) done()
    promises.forEach((promise, i) => {
      promise.then(
        (value) => {
          values[i] = value
          if (--missing === 0 && !failed) done()
        },
        (error) => {
          if (failed) return
          failed = true
          cancelBranches(promises.filter((_, other) => other !== i), pump, `'${names[i]}' failed, so its siblings are not needed`)
          reject(error)
        },
      )
    })
  })
}

export function cancelBranches(promises: Iterable<PromiseLike<unknown>>, pump: Pump, why: string): void {
  const reason = new TuttiError('RUN_CANCELLED', why)
  for (const promise of promises) {
    const behind = (promise as Remembered)[BEHIND]
    if (behind instanceof Ask) pump.cancel([behind], reason)
    else if (behind && !behind.closed) pump.cancelScope(behind, reason)
  }
}
