/** For tests: a model whose every answer is given by hand, part by part, at its own time. */
import type { LanguageModel } from './model.port.ts'

/** What a call may do: say something, wait, or fail. */
export interface Playing {
  /** How many calls were made, this one included. */
  readonly call: number
  readonly signal: AbortSignal
  /** Until then, or until it is aborted. */
  wait(ms: number): Promise<void>
  say(text: string): void
}

export interface PlayedModel {
  readonly model: LanguageModel
  /** Calls begun, and those that were cut off. */
  readonly seen: { calls: number; aborted: number }
}

/** @param o.usage what it reports of each answer; default: 10 in, 5 out. @example played('a/one', async ({ say }) => say('hello')) */
export function played(
  id: string,
  play: (playing: Playing) => Promise<unknown> | unknown,
  { usage = { inputTokens: { total: 10 }, outputTokens: { total: 5 } }, metadata }: { usage?: object; metadata?: object } = {},
): PlayedModel {
  const [provider = '', modelId = ''] = id.split('/')
  const seen = { calls: 0, aborted: 0 }
  const doStream = async ({ abortSignal }: { abortSignal?: AbortSignal }) => {
    const signal = abortSignal ?? new AbortController().signal
    const call = ++seen.calls
    signal.addEventListener('abort', () => seen.aborted++)
    const parts = new TransformStream<object, object>()
    const writer = parts.writable.getWriter()
    const write = (part: object): void => void writer.write(part).catch(() => {})
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve, reject) => {
        setTimeout(resolve, ms)
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const acted = (async () => play({ call, signal, wait, say: (delta) => write({ type: 'text-delta', id: '1', delta }) }))()
    acted.then(
      () => {
        write({ type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage, ...(metadata ? { providerMetadata: metadata } : {}) })
        writer.close().catch(() => {})
      },
      (error) => writer.abort(error).catch(() => {}),
    )
    return { stream: parts.readable }
  }
  return { model: { specificationVersion: 'v4', provider, modelId, supportedUrls: {}, doStream, doGenerate: () => {} } as unknown as LanguageModel, seen }
}

/** As a provider answers with an HTTP status. */
export function refusal(status: number, retryAfterMs?: number): Error {
  const responseHeaders = retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) }
  return Object.assign(new Error(`HTTP ${status}`), { [Symbol.for('vercel.ai.error.AI_APICallError')]: true, statusCode: status, responseHeaders })
}
