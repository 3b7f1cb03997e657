/** Where an engine is put to the test: what a set-up gives the conformance suite. Types only. */
import type { WorkerGround } from './engine-worker.ts'

export interface EngineSetup {
  /** Once for the suite. */
  make(): Promise<EnginePlace>
  /** Failures that cannot happen here, or that are shown elsewhere, by their number: why. */
  readonly apart?: { readonly [failure: number]: string } | undefined
}

export interface EnginePlace {
  /** Calls `engineWorker`. */
  readonly program: URL
  /** How many workers live at once. */
  readonly workers: number
  /** By whose clock a sleep ends: that of the workers, which a test sets, or the engine's own. */
  readonly clock: 'worker' | 'engine'
  /** What the program of a worker is told, as JSON. */
  worker(at: number): unknown
  /** What a client stands on; made anew with each call. */
  ground(): WorkerGround
  /** The servers under it end at once, as with the power of their machine, and are started again. */
  crash?(): Promise<void>
  /** Nothing can be written to the journal any more, until what is answered is called. */
  fill?(): Promise<() => Promise<void>>
  /** Nobody reaches this worker any more, until what is answered is called. */
  cutOff?(at: number): () => void
  stop(): Promise<void>
}
