/** An engine for one test: closed when the test is over, and its journals as lines that a person can compare. */
import { onTestFinished } from 'vitest'
import { type Entry, type JournalStore, memoryStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { type AnyFlow, EmbeddedEngine, EmbeddedHandle, type EmbeddedOptions, type Flow, type StartOptions } from '../run/index.ts'
import { bound, journalOf } from './failpoint-store.ts'

export interface TestEngine {
  readonly engine: EmbeddedEngine
  readonly store: JournalStore
  start<I, O>(flow: Flow<I, O>, input: NoInfer<I>, o?: StartOptions): Promise<EmbeddedHandle<O>>
  handle(run: string): EmbeddedHandle<unknown>
  entries(run: string): Promise<readonly Entry[]>
  /** What the journal says, one line an entry, without `run.*`. */
  lines(run: string): Promise<readonly string[]>
}

/** An engine over a memory store, unless `options` say otherwise; it leaves runs that it did not start alone unless `resume` is true. */
export function testEngine(flows: readonly AnyFlow[] = [], { store = memoryStore(), ...options }: Partial<Omit<EmbeddedOptions, 'flows'>> = {}): TestEngine {
  const engine = new EmbeddedEngine({ store: keptOpen(store), flows, resume: false, ...options })
  onTestFinished(() => engine.close({ graceMs: 0 }))
  const entries = async (run: string): Promise<readonly Entry[]> => (await journalOf(store, run as RunId)).entries
  return {
    engine,
    store,
    start: async (flow, input, o) => new EmbeddedHandle(engine, await engine.start(flow, input, o)),
    handle: (run) => new EmbeddedHandle(engine, run as RunId),
    entries,
    lines: async (run) => (await entries(run)).filter(({ type }) => !type.startsWith('run.')).map(lineOf),
  }
}

/** Closing the engine leaves the store to the test, and to other engines. */
const keptOpen = (store: JournalStore): JournalStore => ({ ...bound(store), close: async () => {} })

/** `step.failed desk/a @2 RUN_TIMEOUT again`: the type, the key, the attempt, and how it went. */
export function lineOf(entry: Entry): string {
  const words: string[] = [entry.type]
  if ('key' in entry && entry.key !== undefined) words.push(entry.key)
  if ('attempt' in entry && entry.attempt !== undefined) words.push(`@${entry.attempt}`)
  if (entry.type === 'step.failed') words.push(entry.error.code, entry.final ? 'final' : 'again')
  if (entry.type === 'step.compensated' && entry.error) words.push(entry.error.code, entry.final === false ? 'again' : 'final')
  if (entry.type === 'step.doubted') words.push(entry.why.code)
  if (entry.type === 'step.resolved') words.push(entry.by, entry.verdict)
  return words.join(' ')
}

/** A promise and what settles it, for work that a test holds up. */
export function gate<T = void>(): { readonly promise: Promise<T>; readonly open: (value: T) => void; readonly fail: (error: unknown) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  promise.catch(() => {})
  return { promise, open: resolve, fail: reject }
}

/** The handle of a run that was just started, once the run has ended well. */
export async function ended<O>(starting: Promise<EmbeddedHandle<O>>): Promise<EmbeddedHandle<O>> {
  const handle = await starting
  await handle.result()
  return handle
}
