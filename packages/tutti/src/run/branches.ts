/** Branches begun together: `run.all`. When one fails, what nobody needs any more is cancelled. */
import { TuttiError } from '../errors/index.ts'
import { decode, type Json, sayGiven } from '../primitives/index.ts'
import { Ask } from './ask.ts'
import type { Pump } from './pump.ts'
import { recordable } from './recordable.ts'
import { RunScope } from './scope.ts'

/** Work made of several promises of the run: whoever began them cancels them. */
export interface Branches {
  cancel(why: string): void
}

const BEHIND = Symbol('what a promise of the run stands for')
type Behind = Ask | RunScope | Branches
type Remembered = { [BEHIND]?: Behind }

/** Keeps, with a promise that the face hands out, what is to be cancelled when nobody wants it. */
export function remember<T>(promise: Promise<T>, behind: Behind): Promise<T> {
  ;(promise as Remembered)[BEHIND] = behind
  return promise
}

/** As `remember`, for a promise of our own making: a failure that nobody awaits must not end the process, for what led to it is in the journal. */
export function rememberSafely<T>(promise: Promise<T>, behind: Behind): Promise<T> {
  promise.catch(() => {})
  return remember(promise, behind)
}

export function allOf(branches: Readonly<Record<string, PromiseLike<unknown>>> | readonly PromiseLike<unknown>[], pump: Pump): Promise<unknown> {
  if (typeof branches !== 'object' || branches === null) throw noPromise('all', branches)
  const list = Array.isArray(branches)
  const names = Object.keys(branches)
  const promises = Object.values(branches) as PromiseLike<unknown>[]
  const values: unknown[] = new Array(promises.length)
  const done = new Set<number>()
  const all = new Promise((resolve, reject) => {
    let missing = promises.length
    let failed = false
    const whole = (): object => Object.fromEntries(names.flatMap((name, i) => (done.has(i) ? [[name, values[i]]] : [])))
    const end = (): void => resolve(list ? values : whole())
    const gather = (failed: number): Json | undefined => {
      if (pump.gathered !== undefined) {
        values[failed] = decode(pump.gathered)
        done.add(failed)
      }
      return done.size > 0 ? recordable(list ? [...values] : whole()) : undefined
    }
    if (missing === 0) end()
    promises.forEach((promise, i) => {
      if (typeof promise?.then !== 'function') throw noPromise(names[i], promise)
      promise.then(
        (value) => {
          values[i] = value
          done.add(i)
          if (--missing === 0 && !failed) end()
        },
        (error) => {
          if (failed) return
          failed = true
          // Of the one that failed, what was gathered within.
          pump.gathered = gather(i)
          cancelBranches(
            promises.filter((_, other) => other !== i),
            pump,
            `'${names[i]}' failed, so its siblings are not needed`,
          )
          reject(error)
        },
      )
    })
  })
  return rememberSafely(all, { cancel: (why: string) => cancelBranches(promises, pump, why) })
}

const noPromise = (name: string | undefined, given: unknown): TuttiError =>
  new TuttiError('CONFIG_INVALID', `'${name}' of run.all() is ${sayGiven(given)}`, { hint: 'It waits for promises: run.all([run.step(…), run.call(…)]).' })

export function cancelBranches(promises: Iterable<PromiseLike<unknown>>, pump: Pump, why: string): void {
  const reason = new TuttiError('RUN_CANCELLED', why)
  for (const promise of promises) {
    const behind = (promise as Remembered)[BEHIND]
    if (behind instanceof Ask) pump.cancel([behind], reason)
    else if (behind instanceof RunScope) {
      if (!behind.closed) pump.cancelScope(behind, reason)
    } else behind?.cancel(why)
  }
}
