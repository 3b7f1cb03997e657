/** The workers of one conformance test, as real processes, and a client beside them, which drives nothing. None outlives its test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import type { Entry, InboxMessage, RunHead } from '../journal/index.ts'
import { encode, type RunId } from '../primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, type RunEngine } from '../run/index.ts'
import type { EnginePlace } from './engine-place.ts'
import type { WorkerGround, WorkerOrder } from './engine-worker.ts'
import { journalOf } from './failpoint-store.ts'
import { answerTo } from './person.ts'
import { type Campaign, type Look, lookAt } from './verdict.ts'
import { worldAt } from './world.ts'

export interface Worker {
  readonly child: ChildProcess
  /** What it has said so far, line by line. */
  readonly said: readonly string[]
  readonly over: Promise<NodeJS.Signals | number | null>
  /** It said a line that begins so. */
  until(start: string): Promise<string>
  /** Asks it to end, and waits for that. */
  stop(): Promise<void>
}

export type Order = Partial<WorkerOrder>

/** What a test of one failure is given. */
export interface EngineTest {
  readonly place: EnginePlace
  readonly crew: Crew
  readonly seed: number
  /** The name of a run that no other test has. */
  named(flow: string): string
}
const SAY_AGAIN_MS = 1_000
/** How often a person looks where their runs stand: each time the store is asked for every one. */
const LOOK_MS = 40
const ENDED = ['completed', 'failed', 'cancelled']

export class Crew {
  readonly folder = mkdtempSync(join(tmpdir(), 'tutti-engine-'))
  readonly log = join(this.folder, 'log')
  readonly client: RunEngine
  readonly #place: EnginePlace
  readonly #seed: number
  readonly #workers: Worker[] = []
  #stopped = false

  constructor(place: EnginePlace, seed: number) {
    this.#place = place
    this.#seed = seed
    this.client = clientOf(place.ground())
    onTestFinished(() => this.#end(), 30_000)
  }

  /** @param at which of the workers of the set-up it is */
  begin(order: Order = {}, at = 0): Worker {
    const told = JSON.stringify({ place: this.#place.worker(at), order: { log: this.log, seed: this.#seed, begin: [], ...order } })
    const env = { ...process.env, NODE_OPTIONS: '--conditions=tutti-source --disable-warning=ExperimentalWarning', NODE_COMPILE_CACHE: compiled }
    const child = spawn(process.execPath, [fileURLToPath(this.#place.program), told], { stdio: ['ignore', 'pipe', 'pipe'], env })
    const worker = workerOf(child)
    this.#workers.push(worker)
    return worker
  }

  handle(run: string): EmbeddedHandle<unknown> {
    return new EmbeddedHandle(this.client, run as RunId)
  }

  async head(run: string): Promise<RunHead | undefined> {
    return this.client.store.head(run as RunId)
  }

  async entries(run: string): Promise<readonly Entry[]> {
    return (await journalOf(this.client.store, run as RunId)).entries
  }

  look(runs: readonly string[]): Promise<Look> {
    return lookAt(this.campaign(runs))
  }

  campaign(runs: readonly string[]): Campaign {
    return { runs, log: this.log, open: () => this.#place.ground().store }
  }

  async post(run: string, message: InboxMessage): Promise<void> {
    await this.client.post(run as RunId, message).catch((error) => {
      // What is away for a while is asked again by whoever waits.
      if (!TuttiError.is(error) || !['RUN_FINISHED', 'ENGINE_UNREACHABLE', 'JOURNAL_UNWRITABLE', 'CONFIG_FLOW_UNKNOWN'].includes(error.code)) throw error
    })
  }

  say(run: string, value: string, id = value): Promise<void> {
    return this.post(run, { id, type: 'signal', signal: 'go', value: encode(value) })
  }

  async until(run: string, holds: (head: RunHead) => boolean): Promise<RunHead> {
    for (;;) {
      const head = await this.head(run)
      if (head && holds(head)) return head
      this.#check()
      await later(15)
    }
  }

  untilEnded(run: string): Promise<RunHead> {
    return this.until(run, ({ status }) => ENDED.includes(status))
  }

  untilWaiting(run: string): Promise<RunHead> {
    return this.until(run, ({ status, waiting = [] }) => status === 'waiting' && waiting.length > 0)
  }

  /** A person answers these runs, whatever they wait for, until all have ended. */
  async seeThrough(runs: readonly string[]): Promise<void> {
    const world = worldAt(this.log)
    const said = new Map<string, number>()
    const answer = async (head: RunHead): Promise<void> => {
      for (const wait of head.waiting ?? []) {
        const message = answerTo(head.run, wait, world)
        const name = `${head.run} ${message.id}`
        // A word that was lost on the way is said again, after a while.
        if (Date.now() - (said.get(name) ?? 0) < SAY_AGAIN_MS) continue
        said.set(name, Date.now())
        await this.post(head.run, message)
      }
    }
    for (let left = [...runs]; left.length > 0; await later(LOOK_MS)) {
      this.#check()
      const heads = await Promise.all(left.map((run) => this.head(run)))
      for (const head of heads) if (head?.status === 'waiting') await answer(head)
      left = left.filter((_, i) => !ENDED.includes(heads[i]?.status ?? ''))
    }
    world.close()
  }

  /** A worker that ended by itself, or with a complaint, ends the test. */
  #check(): void {
    if (this.#stopped) throw new Error('the test is over')
    for (const { child, said } of this.#workers)
      if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`a worker ended with ${child.exitCode}: ${said.slice(-8).join('\n')}`)
  }

  /** Every worker that lives is asked to end. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => (worker.child.exitCode === null && worker.child.signalCode === null ? worker.stop() : undefined)))
  }

  async #end(): Promise<void> {
    this.#stopped = true
    for (const { child } of this.#workers) child.kill('SIGKILL')
    await this.client.close({ graceMs: 0 })
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** What every worker loads is compiled once. */
const compiled = join(tmpdir(), `tutti-compiled-${process.getuid?.() ?? 0}`)

function workerOf(child: ChildProcess): Worker {
  const said: string[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  const hear = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    said.push(...lines)
    for (const look of waiting) look()
  }
  child.stdout?.setEncoding('utf8').on('data', hear)
  child.stderr?.setEncoding('utf8').on('data', hear)
  const over = new Promise<NodeJS.Signals | number | null>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  const until = (start: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = said.find((each) => each.startsWith(start))
        if (line === undefined) return
        waiting.delete(look)
        resolve(line)
      }
      waiting.add(look)
      over.then((end) => reject(new Error(`the worker ended with ${end} before it said '${start}': ${said.slice(-8).join('\n')}`)))
      look()
    })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await over
  }
  return { child, said, over, until, stop }
}

/** Starts nothing, takes nothing up: it knows no flow. */
function clientOf({ store, engine }: WorkerGround): RunEngine {
  if (engine) return engine.make({ store, flows: [], schedules: [], clock: undefined, resume: false, servicesOf: () => new Map() })
  return new EmbeddedEngine({ store, flows: [], resume: false })
}

export const linesOf = (path: string): readonly string[] => readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
