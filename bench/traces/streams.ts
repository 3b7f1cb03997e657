/** A thousand answers streamed at once, each as a durable run whose parts are followed by a reader; and the same streams read without tutti. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { streamText } from 'ai'
import { memoryStore } from '../../packages/tutti/src/journal/index.ts'
import { chainOf, toMessages } from '../../packages/tutti/src/message/index.ts'
import { askModel, gateway, gatewayKey, type LanguageModel } from '../../packages/tutti/src/model/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../../packages/tutti/src/run/index.ts'
import { stopwatch } from '../measure.ts'

const STREAMS = 1_000
const PARTS = 50
/** Between two parts: twenty a second, as a model that writes 60 tokens a second sends them. */
const EVERY_MS = 50

interface Flood {
  readonly delayP99Ms: number
  readonly wallMs: number
  readonly cpuUsPerPart: number
}

const partsOf = async function* (): AsyncGenerator<object> {
  yield { type: 'text-start', id: '1' }
  for (let i = 0; i < PARTS; i++) {
    await pause(EVERY_MS)
    yield { type: 'text-delta', id: '1', delta: `part ${i} ` }
  }
  yield { type: 'text-end', id: '1' }
  yield { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: { inputTokens: { total: 9 }, outputTokens: { total: PARTS } } }
}
const model = {
  specificationVersion: 'v4',
  provider: 'scripted',
  modelId: 'steady',
  supportedUrls: {},
  doGenerate: () => Promise.reject(new Error('streamed only')),
  doStream: async () => ({ stream: ReadableStream.from(partsOf()) }),
} as unknown as LanguageModel

/** @returns tutti's, that of the streams alone, and that of the AI SDK (`streamText`, which records nothing) */
export async function aThousandStreams(): Promise<Flood & { readonly bare: Flood; readonly peer: Flood }> {
  const one = flow('one', async (index: number, run: Run) => {
    const messages = toMessages(`question ${index}`)
    await askModel(run, { name: 'turn:1', agent: 'a', request: { messages, thread: { at: 1, chain: chainOf(messages) } } })
  })
  const services = new Map([[gatewayKey.service, gateway({ env: {}, cwd: import.meta.dirname, model })]])
  const bare = await flooded(async () => {
    let shown = 0
    for await (const part of (await model.doStream({} as never)).stream as unknown as AsyncIterable<{ type: string }>) if (part.type === 'text-delta') shown++
    return shown
  })
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [one], services })
  const ours = await flooded(async (index) => {
    const handle = new EmbeddedHandle(engine, await engine.start(one, index))
    let shown = 0
    for await (const _ of handle.text()) shown++
    await handle.result()
    return shown
  })
  await engine.close({ graceMs: 0 })
  const peer = await flooded(async (index) => {
    let shown = 0
    for await (const _ of streamText({ model: model as never, prompt: `question ${index}` }).textStream) shown++
    return shown
  })
  return { ...ours, bare, peer }
}

async function flooded(stream: (index: number) => Promise<number>): Promise<Flood> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const watch = stopwatch()
  const shown = await Promise.all(Array.from({ length: STREAMS }, (_, index) => stream(index)))
  const { wallMs, cpuMs } = watch()
  delay.disable()
  const all = shown.reduce((sum, each) => sum + each, 0)
  if (all < STREAMS * PARTS * 0.9) throw new Error(`only ${all} of ${STREAMS * PARTS} parts were shown`)
  return { delayP99Ms: delay.percentile(99) / 1e6, wallMs, cpuUsPerPart: (cpuMs * 1_000) / (STREAMS * PARTS) }
}
