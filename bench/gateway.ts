/**
 * `npm run bench -- gateway [--json]`: what the gateway costs beside the model. CPU of one question to a model in this process, by itself (a run core that only
 * plans and executes), through every policy, and as a durable step of a run; that it stays flat over 200 tools and a long conversation; what it costs to have inputs counted by a
 * tokenizer, once and for each call; and how long the event loop is held up by a thousand streams at once, beside the same streams without tutti.
 */
import { memoryStore } from '../packages/tutti/src/journal/index.ts'
import { emptyChain, extendChain, hashMessage, type Message, userText } from '../packages/tutti/src/message/index.ts'
import {
  askModel,
  breaker,
  cache,
  cascade,
  gateway,
  gatewayKey,
  hedge,
  type LanguageModel,
  limit,
  type ModelLike,
  retry,
  type ToolSpec,
  timeout,
} from '../packages/tutti/src/model/index.ts'
import { type EffectContext, type EffectSpec, EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../packages/tutti/src/run/index.ts'
import { reporter } from './figure.ts'
import { bytesInUse, medians, stopwatch } from './measure.ts'
import { aThousandStreams } from './traces/streams.ts'

/** Answers at once, in a stream of eight parts. */
const model = {
  specificationVersion: 'v4',
  provider: 'scripted',
  modelId: 'instant',
  supportedUrls: {},
  doGenerate: () => Promise.reject(new Error('streamed only')),
  doStream: async () => ({
    stream: ReadableStream.from([
      { type: 'stream-start', warnings: [] },
      { type: 'text-start', id: '1' },
      ...['It ', 'comes ', 'on ', 'Monday.'].map((delta) => ({ type: 'text-delta', id: '1', delta })),
      { type: 'text-end', id: '1' },
      { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: { inputTokens: { total: 9 }, outputTokens: { total: 4 } } },
    ]),
  }),
} as unknown as LanguageModel

const models = gateway({ env: {}, cwd: import.meta.dirname, model })
const context = {
  signal: new AbortController().signal,
  idempotencyKey: 'k',
  attempt: 1,
  scope: { tenant: 'default' },
  stream: () => false,
  heartbeat: () => {},
} satisfies EffectContext
const planned = async <T>(spec: EffectSpec<T>): Promise<T> => (await (await spec.plan(1, undefined)).execute(context)).value
/** Plans and executes, and records nothing. */
const bare = {
  id: 'run',
  key: 'bench',
  scope: { tenant: 'default' },
  '~core': { ask: planned, left: () => ({}), refusal: () => undefined, service: () => models },
} as unknown as Run

const toolsOf = (count: number): ToolSpec[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `tool_${index}`,
    description: 'Finds an order by its number, and says where it is.',
    inputSchema: { type: 'object', properties: { id: { type: 'string', description: 'The number.' } }, required: ['id'] },
  }))

async function questions(run: Run, count: number, tools: readonly ToolSpec[], before: number, asked?: ModelLike, long = ''): Promise<void> {
  const messages: Message[] = Array.from({ length: before }, (_, index) => userText(`message ${index} ${long}`))
  let chain = messages.reduce((so, message) => extendChain(so, hashMessage(message)), emptyChain)
  for (let turn = 1; turn <= count; turn++) {
    const next = userText(`Where is order ${turn}?`)
    messages.push(next)
    chain = extendChain(chain, hashMessage(next))
    const request = { system: `Answer in one sentence. ${long}`, messages: [...messages], thread: { at: messages.length, chain }, tools }
    const { message } = await askModel(run, { name: `turn:${turn}`, agent: 'bench', request, model: asked })
    messages.pop()
    if (message.parts.length !== 1) throw new Error('the model did not answer')
  }
}

async function cpuPerQuestion(count: number, tools: number, before: number, asked?: ModelLike): Promise<{ us: number }> {
  const specs = toolsOf(tools)
  const watch = stopwatch()
  await questions(bare, count, specs, before, asked)
  return { us: (watch().cpuMs * 1_000) / count }
}

/** All policies around one model; a question that is asked for the first time passes all of them. */
const throughAll = (of: LanguageModel = model): ModelLike => {
  const guarded = timeout(retry(limit(breaker(of), { requestsPerMinute: 1e9, tokensPerMinute: 1e12, concurrency: 1_000 }), { attempts: 3 }), {
    idle: '30s',
    total: '5m',
  })
  return cascade([cache(hedge([guarded, of])), of], { accept: ({ text }) => text.length > 0 })
}

async function cpuPerDurableQuestion(count: number, asked?: ModelLike): Promise<{ us: number }> {
  const specs = toolsOf(5)
  const many = flow('many', async (_input: null, run: Run) => await questions(run, count, specs, 0, asked))
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [many], services: new Map([[gatewayKey.service, models]]) })
  const watch = stopwatch()
  const run = await engine.start(many, null)
  await new EmbeddedHandle(engine, run).result()
  const { cpuMs } = watch()
  await engine.close({ graceMs: 0 })
  return { us: (cpuMs * 1_000) / count }
}

/** A run with a budget, whose questions go to a model that a tokenizer counts for, or to the same by its bytes. */
const limited = (tokenizer: 'auto' | 'bytes'): Run => {
  const counted = gateway({ env: {}, cwd: import.meta.dirname, tokenizer })
  const core = { ask: planned, left: () => ({ microUsd: 1e12 }), refusal: () => undefined, service: () => counted }
  return { id: 'run', key: 'bench', scope: { tenant: 'default' }, '~core': core } as unknown as Run
}
const known = { ...model, provider: 'openai', modelId: 'gpt-5-mini' } as LanguageModel
const throughAllKnown = (): ModelLike => throughAll(known)
/** About a thousand tokens. */
const page = 'The order was sent on Monday, and should be with you by the end of the week, unless the weather is bad. '.repeat(45)

/** What the first call under a limit waits for, and what stays in memory of it. */
async function loadOfEncoding(): Promise<{ cpuMs: number; mb: number }> {
  const before = bytesInUse()
  const watch = stopwatch()
  await questions(limited('auto'), 1, toolsOf(5), 0, known)
  const { cpuMs } = watch()
  return { cpuMs, mb: (bytesInUse() - before) / 2 ** 20 }
}

async function cpuPerCounted(tokenizer: 'auto' | 'bytes', before: number, long: string, asked: ModelLike = known): Promise<{ us: number }> {
  const [specs, run] = [toolsOf(5), limited(tokenizer)]
  await questions(run, 1, specs, before, asked, long)
  const watch = stopwatch()
  await questions(run, 1_000, specs, before, asked, long)
  return { us: (watch().cpuMs * 1_000) / 1_000 }
}

/** Of texts that were not counted before. */
async function cpuPerPage(): Promise<{ us: number }> {
  const run = limited('auto')
  await questions(run, 1, [], 0, known)
  const watch = stopwatch()
  await questions(run, 1, [], 200, known, page)
  return { us: (watch().cpuMs * 1_000) / 201 }
}

await questions(bare, 2_000, toolsOf(5), 0)
const report = reporter()
const few = await medians(5, () => cpuPerQuestion(2_000, 5, 0))
const manyTools = await medians(5, () => cpuPerQuestion(2_000, 200, 0))
const long = await medians(5, () => cpuPerQuestion(1_000, 5, 200))
const everyPolicy = await medians(5, () => cpuPerQuestion(2_000, 5, 0, throughAll()))
const everyPolicyDurable = await medians(5, () => cpuPerDurableQuestion(1_000, throughAll()))
const durable = await medians(5, () => cpuPerDurableQuestion(1_000))
report(
  { name: 'askModel, a model in this process, 5 tools', value: few.us, unit: 'µs CPU', target: { atMost: 150 } },
  { name: 'the same, 200 tools', value: manyTools.us, unit: 'µs CPU', target: { atMost: 150 } },
  { name: 'the same, 5 tools, after 200 messages', value: long.us, unit: 'µs CPU', target: { atMost: 250 } },
  { name: 'the same, 5 tools, through every policy (a cache miss)', value: everyPolicy.us, unit: 'µs CPU', target: { atMost: 150 } },
  { name: 'the same as a recorded step of a run (memory store)', value: durable.us, unit: 'µs CPU', target: { atMost: 200 } },
  { name: 'the same through every policy, as a recorded step that may be raced', value: everyPolicyDurable.us, unit: 'µs CPU', target: { atMost: 250 } },
)

const load = await loadOfEncoding()
const byBytes = await medians(3, () => cpuPerCounted('bytes', 0, ''))
const byTokens = await medians(3, () => cpuPerCounted('auto', 0, ''))
const byTokensPolicies = await medians(3, () => cpuPerCounted('auto', 0, '', throughAllKnown()))
const byTokensLong = await medians(3, () => cpuPerCounted('auto', 200, page))
const perPage = await medians(3, cpuPerPage)
report(
  { name: 'under a budget, input bounded by its bytes, 5 tools', value: byBytes.us, unit: 'µs CPU', target: { atMost: 150 } },
  { name: 'under a budget, input counted by o200k_base, 5 tools', value: byTokens.us, unit: 'µs CPU', target: { atMost: 150 } },
  { name: 'so counted, through every policy (a cache miss)', value: byTokensPolicies.us, unit: 'µs CPU', target: { atMost: 150 } },
  { name: 'so counted, after 200 messages of 1,000 tokens, each of them counted once in 1,000 questions', value: byTokensLong.us, unit: 'µs CPU' },
  { name: 'counting a message of 1,000 tokens, once', value: perPage.us, unit: 'µs CPU' },
  { name: 'loading o200k_base, once, at the first call under a limit', value: load.cpuMs, unit: 'ms CPU' },
  { name: 'memory that it takes', value: load.mb, unit: 'MB' },
)

const streams = await aThousandStreams()
const flood = (name: string, unit: string, of: 'delayP99Ms' | 'wallMs' | 'cpuUsPerPart'): void =>
  report({
    name: `1,000 streams at once, 20 parts a second each: ${name}`,
    value: streams[of],
    unit,
    limit: streams.bare[of],
    peer: 'ai streamText',
    peerValue: streams.peer[of],
  })
flood('event loop delay p99', 'ms', 'delayP99Ms')
flood('wall time (ideal 2,500)', 'ms', 'wallMs')
flood('CPU a part', 'µs', 'cpuUsPerPart')
