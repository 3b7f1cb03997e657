/**
 * `npm run bench -- agent [--json]`: what an agent costs beside its model and its tools: CPU a turn with 20 tool calls, with 5 and with 200 tools; a graph of uneven branches; a thousand durable
 * agents at once; and how long a project of 50 flows takes to type-check. All of them, peers too, are measured when they have run for a while, as a server has. Beside the AI SDK and LangGraph in the same run, where they are installed: npm ci --prefix bench/peers.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type AnyFlow, agent, graph, inMemory, type Store, sqlite, tutti } from 'tutti'
import { z } from 'zod'
import { callingModel, instantTools } from './agent/calling.ts'
import { crowdOf } from './agent/crowd.ts'
import { compileTime } from './agent/project.ts'
import { windowCost } from './agent/window.ts'
import { reporter } from './figure.ts'
import { inFolder, medians, stopwatch } from './measure.ts'

const CALLS = 20
const TURNS = CALLS + 1
const peers = join(import.meta.dirname, 'peers')
const report = reporter()

interface AiSdk {
  agentOf(model: () => unknown, tools: number, waits?: number): () => Promise<unknown>
}
interface LangGraph {
  agentOf(tools: number, calls: number): () => Promise<unknown>
  unevenGraph(ms: Record<string, number>): Promise<void>
}
const isThere = existsSync(join(peers, 'node_modules'))
if (!isThere) console.error('Without its peers: npm ci --prefix bench/peers')
const load = async <T>(name: string): Promise<T | undefined> => (isThere ? ((await import(join(peers, `${name}.mjs`))) as T) : undefined)
const aiSdk = await load<AiSdk>('ai-sdk')
const langGraph = await load<LangGraph>('langgraph')

/** CPU of one turn, over `runs` agents one after the other. */
async function perTurn(runs: number, once: () => Promise<unknown>): Promise<{ us: number }> {
  const watch = stopwatch()
  for (let i = 0; i < runs; i++) await once()
  return { us: (watch().cpuMs * 1_000) / (runs * TURNS) }
}

async function withTutti<T>(store: Store, flows: readonly AnyFlow[], work: (app: ReturnType<typeof tutti>) => Promise<T>): Promise<T> {
  await using app = tutti({ flows, store, resume: false })
  return await work(app)
}

const deskOf = (tools: number) => agent({ name: 'desk', model: callingModel(CALLS), tools: instantTools(tools), limits: { turns: 100, repeats: false } })

async function turns(): Promise<void> {
  for (const tools of [5, 200]) {
    const desk = deskOf(tools)
    const ours = await withTutti(inMemory(), [desk], (app) => measured(() => app.run(desk, 'Where is my order?')))
    const onDisk = await inFolder((folder) =>
      withTutti(sqlite(join(folder, 'bench.db'), { durability: 'relaxed' }), [desk], (app) => measured(() => app.run(desk, 'Where is my order?'))),
    )
    const theirs = aiSdk && (await measured(aiSdk.agentOf(() => callingModel(CALLS), tools)))
    const graphs = langGraph && (await measured(langGraph.agentOf(tools, CALLS)))
    const target = { atMost: 120 }
    report(
      { name: `a turn of an agent with ${tools} tools, memory store`, value: ours, unit: 'µs CPU', target, peer: 'ai (records nothing)', peerValue: theirs },
      {
        name: `a turn of an agent with ${tools} tools, SQLite file (relaxed)`,
        value: onDisk,
        unit: 'µs CPU',
        target,
        peer: 'LangGraph (no saver)',
        peerValue: graphs,
      },
    )
  }
}

/** Until then V8 still compiles what is run. */
const WARM_MS = 4_000

async function measured(once: () => Promise<unknown>): Promise<number> {
  for (const until = performance.now() + WARM_MS; performance.now() < until; ) await once()
  return (await medians(5, () => perTurn(40, once))).us
}

/** s 100, then a 100 → b 300 beside c 300 → d 100, then join 100: as dataflow 600, in steps that wait for one another 800. */
async function uneven(): Promise<void> {
  const ms = { s: 100, a: 100, b: 300, c: 300, d: 100, join: 100 }
  const wait = (of: number) => async (): Promise<number> => {
    await pause(of)
    return of
  }
  const brief = graph('brief', { input: z.object({}) }, (input, g) => {
    const s = g.node('s', input, wait(ms.s))
    const b = g.node('b', g.node('a', s, wait(ms.a)), wait(ms.b))
    const d = g.node('d', g.node('c', s, wait(ms.c)), wait(ms.d))
    return g.node('join', { b, d }, wait(ms.join))
  })
  const { wallMs } = await medians(3, async () => {
    const watch = stopwatch()
    await withTutti(inMemory(), [brief], (app) => app.run(brief, {}))
    return watch() as unknown as Record<'wallMs', number>
  })
  const theirs = langGraph && (await medians(3, async () => timed(() => langGraph.unevenGraph(ms)))).wallMs
  report({ name: 'a graph of uneven branches', value: wallMs, unit: 'ms', limit: 600, target: { atMost: 620 }, peer: 'LangGraph', peerValue: theirs })
}

async function timed(work: () => Promise<unknown>): Promise<Record<'wallMs', number>> {
  const watch = stopwatch()
  await work()
  return { wallMs: watch().wallMs }
}

/** A thousand agents at once, each with five calls of a tool that takes 50 ms. */
function crowd(): void {
  report({
    name: '1,000 durable agents × 5 calls of 50 ms (SQLite, sync)',
    value: crowdOf('tutti'),
    unit: 'ms',
    limit: 250,
    target: { atMost: 450 },
    peer: 'ai (records nothing)',
    peerValue: aiSdk && crowdOf('ai'),
  })
}

await turns()
report({ name: 'what the window of its memory costs a turn, while nothing leaves', value: windowCost(), unit: 'µs', target: { atMost: 1 } })
await uneven()
crowd()
report({ name: 'tsc, a project of 50 files of flows', value: await compileTime(50), unit: 'ms', limit: await compileTime(0) })
