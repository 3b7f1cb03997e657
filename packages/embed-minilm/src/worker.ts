/**
 * The thread that runs the model, so that the application's own thread goes on streaming.
 *
 * Owns the session and the queue of requests. Works one text at a time and then looks at the queue again: what has the fewest texts
 * left goes first, background work last, so a question overtakes the embedding of a library.
 */
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { DIMENSIONS, encodeText, loadTokenizer, vectorOf } from './inference.ts'
import type { Answer, Failure, Request, WorkerOptions } from './protocol.ts'
import { loadRuntime } from './runtime.ts'
import { readWeights } from './weights.ts'

interface Job {
  readonly id: number
  readonly background: boolean
  readonly texts: readonly string[]
  readonly vectors: Float32Array
  done: number
}

const port = parentPort
if (!port) throw new Error('worker.ts is started by embedder.ts, as a worker thread')
const options = workerData as WorkerOptions
const folder = pathToFileURL(options.modelFolder)
const send = (answer: Answer, transfer: ArrayBuffer[] = []): void => port.postMessage(answer, transfer)

try {
  await serve(await load())
} catch (error) {
  send({ broken: failureOf(error) })
}

async function load() {
  const [runtime, weights, tokenizer] = await Promise.all([loadRuntime(options.threads, options.runtime), readWeights(folder), loadTokenizer(folder)])
  return { runtime, tokenizer, session: await runtime.open(weights) }
}

async function serve({ runtime, tokenizer, session }: Awaited<ReturnType<typeof load>>): Promise<void> {
  const jobs: Job[] = []
  let wake: () => void = () => {}
  port?.on('message', (request: Request) => {
    if ('cancel' in request) remove(jobs, request.cancel)
    else jobs.push({ ...request, vectors: new Float32Array(request.texts.length * DIMENSIONS), done: 0 })
    wake()
  })
  send({ ready: runtime.name })
  for (;;) {
    const job = nextJob(jobs)
    if (!job) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      continue
    }
    try {
      const ids = encodeText(tokenizer, job.texts[job.done] as string)
      job.vectors.set(await vectorOf(runtime, session, ids), job.done++ * DIMENSIONS)
      if (left(job) === 0 && remove(jobs, job.id)) send({ id: job.id, vectors: job.vectors }, [job.vectors.buffer as ArrayBuffer])
    } catch (error) {
      if (remove(jobs, job.id)) send({ id: job.id, error: failureOf(error) })
    }
    await setImmediate()
  }
}

function left(job: Job): number {
  return job.texts.length - job.done
}

function nextJob(jobs: readonly Job[]): Job | undefined {
  let next: Job | undefined
  for (const job of jobs) if (!next || before(job, next)) next = job
  return next
}

function before(a: Job, b: Job): boolean {
  return a.background === b.background ? left(a) < left(b) : b.background
}

function remove(jobs: Job[], id: number): boolean {
  const at = jobs.findIndex((job) => job.id === id)
  if (at >= 0) jobs.splice(at, 1)
  return at >= 0
}

function failureOf(error: unknown): Failure {
  return { message: error instanceof Error ? error.message : String(error), code: (error as { code?: string }).code }
}
