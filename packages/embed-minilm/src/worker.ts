/**
 * The thread that runs the model, so that the application's own thread goes on streaming.
 *
 * Owns the session and the queue of requests. Works one batch at a time and then looks at the queue again: what has the fewest batches
 * left goes first, background work last, so a question overtakes the embedding of a library.
 */
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { type Encoded, planBatches } from './batch.ts'
import { DIMENSIONS, encodeText, loadTokenizer, runBatch } from './inference.ts'
import type { Answer, Failure, Request, WorkerOptions } from './protocol.ts'
import { loadRuntime } from './runtime.ts'
import { readWeights } from './weights.ts'

interface Job {
  readonly id: number
  readonly background: boolean
  readonly batches: Encoded[][]
  readonly vectors: Float32Array
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
    else {
      const encoded = request.texts.map((text, at) => encodeText(tokenizer, text, at))
      jobs.push({ id: request.id, background: request.background, batches: planBatches(encoded), vectors: new Float32Array(request.texts.length * DIMENSIONS) })
    }
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
      const batch = job.batches.shift()
      if (batch) for (const [i, vector] of (await runBatch(runtime, session, batch)).entries()) job.vectors.set(vector, (batch[i] as Encoded).at * DIMENSIONS)
      if (job.batches.length === 0 && remove(jobs, job.id)) send({ id: job.id, vectors: job.vectors }, [job.vectors.buffer as ArrayBuffer])
    } catch (error) {
      if (remove(jobs, job.id)) send({ id: job.id, error: failureOf(error) })
    }
    await setImmediate()
  }
}

function nextJob(jobs: readonly Job[]): Job | undefined {
  let next: Job | undefined
  for (const job of jobs)
    if (!next || Number(job.background) - Number(next.background) < 0 || (job.background === next.background && job.batches.length < next.batches.length))
      next = job
  return next
}

function remove(jobs: Job[], id: number): boolean {
  const at = jobs.findIndex((job) => job.id === id)
  if (at >= 0) jobs.splice(at, 1)
  return at >= 0
}

function failureOf(error: unknown): Failure {
  return { message: error instanceof Error ? error.message : String(error), code: (error as { code?: string }).code }
}
