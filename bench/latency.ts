/**
 * `npm run bench -- latency --data FOLDER [--json] [--questions N]`: what hedging, fallback, time limits and cascades do to the slowest answers, and what they cost, on real traces. Arrivals
 * and lengths of answers are those of Azure's conversation trace (2023); each provider answers with the latencies that llmperf recorded of it. The gateway, the run core and the
 * policies are the real ones, over a simulated clock; the traces are not shipped with tutti.
 */
import { join } from 'node:path'
import { memoryStore } from '../packages/tutti/src/journal/index.ts'
import { chainOf, toMessages } from '../packages/tutti/src/message/index.ts'
import { askModel, cascade, gateway, gatewayKey, hedge, type ModelLike, retry, timeout } from '../packages/tutti/src/model/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../packages/tutti/src/run/index.ts'
import { simulatedClock } from '../packages/tutti/src/testing/index.ts'
import { dataFolder, option } from './arguments.ts'
import { type Figure, reporter } from './figure.ts'
import { readCsv } from './traces/csv.ts'
import { drawn, promptOf, type TracedProvider, tracedProvider } from './traces/provider.ts'

const data = dataFolder()
const count = Number(option('questions') ?? 2_000)

interface Question {
  readonly atMs: number
  /** Written, and read. */
  readonly tokens: number
  readonly read: number
}
/** The trace as it came: its first minutes. */
const rows = readCsv(join(data, 'azure-llm-trace/data/AzureLLMInferenceTrace_conv.csv')).slice(0, count)
const start = Date.parse(`${rows[0]?.TIMESTAMP?.replace(' ', 'T').slice(0, 23)}Z`)
const questions: readonly Question[] = rows.map(({ TIMESTAMP = '', GeneratedTokens = '', ContextTokens = '' }) => ({
  atMs: Date.parse(`${TIMESTAMP.replace(' ', 'T').slice(0, 23)}Z`) - start,
  tokens: Math.max(2, Number(GeneratedTokens)),
  read: Number(ContextTokens),
}))

interface Seen {
  readonly firstMs: readonly number[]
  readonly totalMs: readonly number[]
  readonly failed: number
  readonly calls: number
  readonly usd: number
  readonly tokens: number
}

/** A million tokens, read or written: assumed, about a quarter for a model of 13 billion parameters of what one of 70 cost then. */
const usdPerMillion = (name: string): number => (name === 'together_13b' ? 0.225 : 0.9)

/** The share of cheap answers that a check accepts: what the cascade of `bench -- routing` accepted of recorded answers to GSM8K. */
const ACCEPTED = 0.725
const accept = (): (() => boolean) => {
  let judged = 0
  return () => drawn(judged++, 8) < ACCEPTED
}

/** The whole trace, with a model made of providers. */
async function play(names: readonly string[], policy: (models: readonly ModelLike[]) => ModelLike): Promise<Seen> {
  const clock = simulatedClock()
  const providers: TracedProvider[] = names.map((name) => tracedProvider(data, name, clock))
  const model = policy(providers.map((each) => each.model))
  const firstMs: number[] = []
  const totalMs: number[] = []
  let failed = 0
  const one = flow('one', async ({ index, tokens, read }: { index: number; tokens: number; read: number }, run: Run) => {
    const messages = toMessages(promptOf({ question: index, tokens, read }))
    await askModel(run, { name: 'turn:1', agent: 'a', model, request: { messages, thread: { at: 1, chain: chainOf(messages) } } })
  })
  const services = new Map([[gatewayKey.service, gateway({ env: {}, cwd: import.meta.dirname, clock })]])
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [one], services, clock, leaseMs: 1e9, patienceMs: 1e9 })
  const under: Promise<void>[] = []
  const ask = async (question: Question, index: number): Promise<void> => {
    const began = clock.now()
    const id = `q${index}` as Run['id']
    let first: number | undefined
    engine.feed.watch(id, (sighting) => {
      if (sighting.type === 'part' && sighting.part.type === 'text') first ??= clock.now() - began
    })
    await engine.start(one, { index, tokens: question.tokens, read: question.read }, { id })
    const { status } = await new EmbeddedHandle(engine, id).outcome()
    if (status !== 'completed') failed++
    else totalMs.push(clock.now() - began)
    if (first !== undefined) firstMs.push(first)
  }
  let now = 0
  for (const [index, question] of questions.entries()) {
    await clock.advance(`${question.atMs - now}ms`)
    now = question.atMs
    under.push(ask(question, index))
  }
  await clock.advance('10m')
  await Promise.all(under)
  await engine.close({ graceMs: 0 })
  const sum = (of: 'calls' | 'tokens'): number => providers.reduce((all, { seen }) => all + seen[of], 0)
  const usd = providers.reduce((all, { seen }, which) => all + ((seen.read + seen.tokens) * usdPerMillion(names[which] ?? '')) / 1e6, 0)
  return { firstMs, totalMs, failed, calls: sum('calls'), usd, tokens: sum('tokens') }
}

const quantile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN

const once = (model: ModelLike): ModelLike => retry(model, { attempts: 1 })
const [first, both] = [(models: readonly ModelLike[]): ModelLike => models[0] as ModelLike, (models: readonly ModelLike[]): ModelLike => models]
const ways: readonly { readonly name: string; readonly of: readonly string[]; readonly policy: (models: readonly ModelLike[]) => ModelLike }[] = [
  { name: 'a long tail (replicate 70b), alone', of: ['replicate_70b'], policy: first },
  { name: 'a long tail, hedged p95, the same model', of: ['replicate_70b'], policy: (models) => hedge(first(models)) },
  { name: 'a long tail, hedged p95, another provider', of: ['replicate_70b', 'together_70b'], policy: (models) => hedge(both(models)) },
  { name: 'a long tail, hedged 2 s, another provider', of: ['replicate_70b', 'together_70b'], policy: (models) => hedge(both(models), { after: '2s' }) },
  {
    name: 'a long tail, first token in 2 s or another provider',
    of: ['replicate_70b', 'together_70b'],
    policy: ([a, b]) => [once(timeout(a as ModelLike, { firstToken: '2s' })), b as ModelLike],
  },
  { name: 'a steady provider (together 70b), alone', of: ['together_70b'], policy: first },
  { name: 'a steady provider, hedged p95, the same model', of: ['together_70b'], policy: (models) => hedge(first(models)) },
  { name: 'a quick one with stragglers (bedrock 13b), alone', of: ['bedrock_13b'], policy: first },
  { name: 'a quick one with stragglers, hedged p95, the same model', of: ['bedrock_13b'], policy: (models) => hedge(first(models)) },
  { name: 'refuses 87 % (lepton 70b), alone, 3 attempts', of: ['lepton_70b'], policy: first },
  { name: 'refuses 87 %, then another provider', of: ['lepton_70b', 'together_70b'], policy: ([a, b]) => [once(a as ModelLike), b as ModelLike] },
  { name: 'the dear one (together 70b), alone', of: ['together_70b'], policy: first },
  {
    name: 'cascade, a cheap one first (together 13b)',
    of: ['together_13b', 'together_70b'],
    policy: ([a, b]) => cascade([a as ModelLike, b as ModelLike], { accept: accept() }),
  },
  {
    name: 'cascade, its cheap model hedged p95',
    of: ['together_13b', 'together_70b'],
    policy: ([a, b]) => cascade([hedge(a as ModelLike), b as ModelLike], { accept: accept() }),
  },
]

const report = reporter()
let alone: Seen | undefined
for (const { name, of, policy } of ways) {
  const seen = await play(of, policy)
  if (name.includes('alone')) alone = seen
  const figure = (what: string, unit: string, value: number, peerValue: number): Figure => ({ name: `${name}: ${what}`, value, unit, peer: 'alone', peerValue })
  const base = alone as Seen
  report(
    figure('first token p50', 'ms', quantile(seen.firstMs, 0.5), quantile(base.firstMs, 0.5)),
    figure('first token p99', 'ms', quantile(seen.firstMs, 0.99), quantile(base.firstMs, 0.99)),
    figure('whole answer p99', 'ms', quantile(seen.totalMs, 0.99), quantile(base.totalMs, 0.99)),
    figure('calls a question', '', seen.calls / count, base.calls / count),
    figure('tokens written a question', '', seen.tokens / count, base.tokens / count),
    figure('1,000 questions', 'USD', (seen.usd / count) * 1_000, (base.usd / count) * 1_000),
    figure('failed', '', seen.failed, base.failed),
  )
}
