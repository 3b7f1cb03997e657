/** Many runs that take one durable step after another: what every figure about steps is measured on. */
import { join } from 'node:path'
import { type JournalStore, type SqliteStore, sqliteStore } from '../../packages/tutti/src/journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow } from '../../packages/tutti/src/run/index.ts'
import { type Cost, stopwatch } from '../measure.ts'

export type Durability = 'sync' | 'relaxed'

export interface Steady {
  readonly runs: number
  /** Of each run. */
  readonly steps: number
  /** Takes a reading after so many steps of each run. Default: once, at the end. */
  readonly every?: number | undefined
}

/** What each stretch of `every` steps cost, counted from the moment all runs stood at its beginning. */
export async function takeSteps(store: JournalStore, { runs, steps, every = steps }: Steady): Promise<readonly Cost[]> {
  const engine = new EmbeddedEngine({ store, flows: [], resume: false })
  const stretches = new Stretches(runs)
  const loop = flow('loop', async (customer: number, run) => {
    for (let i = 0; i < steps; i++) {
      if (i % every === 0) await run.step('begin', () => stretches.arrive())
      await run.step('answer', { customer, question: i }, answer)
    }
    await run.step('end', () => stretches.arrive())
  })
  const ids = await Promise.all(Array.from({ length: runs }, (_, customer) => engine.start(loop, customer)))
  for (const id of ids) await new EmbeddedHandle(engine, id).result()
  await engine.close()
  return stretches.costs
}

const answer = ({ question }: { question: number }) => ({ text: 'Order 17 left the warehouse this morning.', cites: [question], score: 0.5 })

/** Lets nobody go on until all have arrived, and reads the stopwatch then. */
class Stretches {
  readonly costs: Cost[] = []
  readonly #runs: number
  #arrived = 0
  #gate = Promise.withResolvers<void>()
  #read: (() => Cost) | undefined

  constructor(runs: number) {
    this.#runs = runs
  }

  arrive(): Promise<void> {
    const { promise, resolve } = this.#gate
    if (++this.#arrived === this.#runs) {
      this.#arrived = 0
      this.#gate = Promise.withResolvers()
      if (this.#read) this.costs.push(this.#read())
      this.#read = stopwatch()
      resolve()
    }
    return promise
  }
}

/** Commits on this thread, as the bare loops do: whether a slow disk is better served by another is a matter of the store's bench. */
export const openFile = (path: string, durability: Durability): SqliteStore => sqliteStore(path, { durability, commit: 'main' })

let files = 0

/** `work` on a new file, which is closed afterwards. */
export async function onFile<T>(folder: string, durability: Durability, work: (store: JournalStore, path: string) => Promise<T>): Promise<T> {
  const path = join(folder, `${++files}.db`)
  const store = openFile(path, durability)
  try {
    return await work(store, path)
  } finally {
    await store.close()
  }
}
