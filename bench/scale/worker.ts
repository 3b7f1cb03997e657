/** A worker in a process of its own, as the bench sees it. Ended by its process id. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Load, Setup, Taken } from './setup.ts'

export class Worker {
  readonly setup: Setup
  readonly #child: ChildProcess

  private constructor(setup: Setup, child: ChildProcess) {
    this.setup = setup
    this.#child = child
  }

  static async begin(setup: Setup): Promise<Worker> {
    const execArgv = ['--conditions=tutti-source', '--disable-warning=ExperimentalWarning']
    const env = { ...process.env, SETUP: JSON.stringify(setup) }
    const worker = new Worker(setup, fork(fileURLToPath(new URL('worker-child.ts', import.meta.url)), { execArgv, env }))
    await worker.#answer()
    return worker
  }

  async take(load: Load): Promise<Taken> {
    this.#child.send(load)
    return (await this.#answer()) as Taken
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the worker for ${this.setup.kind} ended with ${code}`))
      this.#child.once('exit', ended)
      this.#child.once('message', (message) => {
        this.#child.off('exit', ended)
        resolve(message)
      })
    })
  }
}
