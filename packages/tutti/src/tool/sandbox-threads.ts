/**
 * The near side of the sandbox: a few threads, one turn at a time in each, and the end of a thread that does not listen.
 *
 * Owns: the threads, the queue before them, the time each may take. Does not own: what is in an isolate (sandbox/isolate/isolate.ts), and who remembers what code was told: a
 * request always says all of it, so that any thread can take it on, also one that never saw the program.
 * On a crash nothing is lost that a journal does not hold.
 */
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { TuttiError } from '../errors/index.ts'
import type { LimitName, ThreadMessage, Turn, TurnRequest } from './sandbox/turn.port.ts'

/** Runs as source and as built: the worker lies beside this file, with its ending. */
const script = new URL(`./sandbox-worker${extname(new URL(import.meta.url).pathname)}`, import.meta.url)

const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1))
const START_MS = 30_000
/** A turn listens to its own limit while it runs code; inside one operation of the language it does not. By the clock, so with room for a machine that is busy with other things. */
const killAfterMs = (cpuMs: number): number => cpuMs * 4 + 5_000
const packages = ['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync'] as const

interface Job {
  readonly request: TurnRequest
  resolve(turns: readonly Turn[]): void
  reject(error: unknown): void
}

class SandboxThread {
  readonly worker: Worker
  /** Programs that it has played, and may still hold. */
  readonly sessions = new Set<number>()
  job: Job | undefined
  ready = false
  timer: NodeJS.Timeout | undefined

  constructor() {
    this.worker = new Worker(script, {
      name: 'tutti sandbox',
      env: {},
      stdout: true,
      stderr: true,
      // Not the flags of this process; and Node need not say, once a thread, that it can strip types.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { stackSizeMb: 8, maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 },
    })
    this.worker.unref()
  }
}

class SandboxThreads {
  readonly #threads = new Set<SandboxThread>()
  #queue: Job[] = []

  /** @throws TOOL_CODE_LIMIT; CONFIG_PACKAGE_MISSING; the reason of `signal` */
  turns(request: TurnRequest, signal: AbortSignal | undefined): Promise<readonly Turn[]> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<readonly Turn[]>()
    const job: Job = { request, resolve, reject }
    const abort = (): void => this.#abandon(job, signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#queue.push(job)
    this.#next()
    return promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Ends every thread; what is under way fails. */
  async close(): Promise<void> {
    const closed = new TuttiError('ENGINE_CLOSED', 'the sandbox was closed')
    for (const job of this.#queue.splice(0)) job.reject(closed)
    await Promise.all([...this.#threads].map((thread) => this.#end(thread, closed)))
  }

  #next(): void {
    for (;;) {
      const job = this.#queue[0]
      const thread = job && this.#idleFor(job)
      if (!job || !thread) return
      this.#queue.shift()
      this.#give(thread, job)
    }
  }

  /** The one that holds the program, if it is idle; else any. */
  #idleFor({ request }: Job): SandboxThread | undefined {
    const idle = [...this.#threads].filter(({ job }) => !job)
    const found = idle.find(({ sessions }) => sessions.has(request.session)) ?? idle[0]
    return found ?? (this.#threads.size < THREADS ? this.#start() : undefined)
  }

  #start(): SandboxThread {
    const thread = new SandboxThread()
    this.#threads.add(thread)
    thread.worker.on('message', (message: ThreadMessage) => this.#hear(thread, message))
    thread.worker.on('error', (cause: Error & { code?: string }) => {
      const over = cause.code === 'ERR_WORKER_OUT_OF_MEMORY' ? limitPassed('memory', thread.job) : failed(cause.message, cause)
      void this.#end(thread, over)
    })
    thread.worker.on('exit', () => void this.#end(thread, failed('its thread ended')))
    return thread
  }

  #give(thread: SandboxThread, job: Job): void {
    thread.job = job
    thread.worker.ref()
    if (thread.ready) return this.#send(thread, job)
    thread.timer = setTimeout(() => void this.#end(thread, failed(`its thread did not start within ${START_MS} ms`)), START_MS)
  }

  #send(thread: SandboxThread, job: Job): void {
    clearTimeout(thread.timer)
    thread.sessions.add(job.request.session)
    const turns = job.request.told.length + 1
    thread.timer = setTimeout(() => void this.#end(thread, limitPassed('time', job)), killAfterMs(job.request.limits.cpuMs * turns))
    thread.worker.postMessage(job.request)
  }

  #hear(thread: SandboxThread, message: ThreadMessage): void {
    if ('ready' in message) {
      thread.ready = true
      if (thread.job) this.#send(thread, thread.job)
      return
    }
    if ('missing' in message) return void this.#end(thread, packageMissing(message.missing))
    const job = this.#take(thread)
    if ('turns' in message) job?.resolve(message.turns)
    else job?.reject('over' in message ? limitPassed(message.over, job) : failed(message.broken))
    this.#next()
  }

  #take(thread: SandboxThread): Job | undefined {
    const { job } = thread
    thread.job = undefined
    clearTimeout(thread.timer)
    thread.worker.unref()
    return job
  }

  async #end(thread: SandboxThread, why: unknown): Promise<void> {
    if (!this.#threads.delete(thread)) return
    this.#take(thread)?.reject(why)
    await thread.worker.terminate()
    this.#next()
  }

  #abandon(job: Job, why: unknown): void {
    this.#queue = this.#queue.filter((other) => other !== job)
    for (const thread of this.#threads) if (thread.job === job) void this.#end(thread, why)
    job.reject(why)
  }
}

/** The threads of this process: idle ones do not keep it alive. */
export const sandboxThreads = new SandboxThreads()

/** @throws CONFIG_PACKAGE_MISSING: said where the tool is declared, not when a model first calls it. */
export function checkSandboxInstalled(): void {
  const { resolve } = createRequire(import.meta.url)
  for (const name of packages) {
    try {
      resolve(name)
    } catch (cause) {
      throw packageMissing(`the package '${name}' is not installed`, cause)
    }
  }
}

const packageMissing = (what: string, cause?: unknown): TuttiError =>
  new TuttiError('CONFIG_PACKAGE_MISSING', `code of a model runs in QuickJS, and ${what}`, { hint: `npm install ${packages.join(' ')}`, cause })

const failed = (what: string, cause?: unknown): TuttiError => new TuttiError('TOOL_FAILED', `the sandbox failed: ${what}`, { cause })

function limitPassed(limit: LimitName, job: Job | undefined): TuttiError {
  const { cpuMs = 0, memoryBytes = 0, outputChars = 0 } = job?.request.limits ?? {}
  const allowed = {
    time: `${cpuMs} ms without waiting`,
    memory: `${Math.round(memoryBytes / 1024 / 1024)} MB of memory`,
    output: `${outputChars} characters of output`,
  }
  return new TuttiError('TOOL_CODE_LIMIT', `the code took more than its ${allowed[limit]}`, { data: { limit } })
}
