/**
 * The other process of `crash.test.ts`: opens the store it is told to, appends, and says what was acknowledged, only after it was.
 * `flood`: appends to eight runs at once until it is killed or a write fails. `hold`: keeps one run and appends to it whenever it is told to.
 */
import type { RunId } from '../primitives/index.ts'
import { type Entry, type JournalStore, type NewRun, type SqliteOptions, sqliteStore } from './index.ts'

export type Order = { readonly do: 'flood' | 'hold'; readonly path: string; readonly options: SqliteOptions } | { readonly do: 'append' }
export interface Report {
  readonly run: string
  /** The entry that is acknowledged. */
  readonly seq?: number | undefined
  /** Or the code of the error that refused it. */
  readonly refused?: string | undefined
}

const RUNS = 8
const LEASE_UNTIL = 2_000_000
/** The entries of `testing/sample-run.ts`, which a program that is no test may not import. */
const patched = (seq: number, id = `patch ${seq}`): Entry => ({ seq, time: 1_000_000 + seq, type: 'run.patched', id })
const newRun = (run: RunId): NewRun => ({
  ...{ run, flow: 'desk', version: '1', scope: { tenant: 'acme' }, createdAt: 1_000_000, startHash: run, labels: {} },
  ...{ entries: [patched(1)], lease: { owner: 'one', until: LEASE_UNTIL } },
})
const tell = (report: Report): void => void process.send?.(report)
let held: { store: JournalStore; run: RunId; lastSeq: number } | undefined

process.on('message', (order: Order) => {
  if (order.do === 'append') void appendHeld()
  else if (order.do === 'hold') void hold(sqliteStore(order.path, order.options))
  else void flood(sqliteStore(order.path, order.options))
})

async function flood(store: JournalStore): Promise<void> {
  await Promise.all(Array.from({ length: RUNS }, (_, i) => floodRun(store, `run_${i}` as RunId)))
  process.disconnect()
}

async function floodRun(store: JournalStore, run: RunId): Promise<void> {
  try {
    await store.create(newRun(run))
    for (let seq = 2; ; seq++) {
      await store.append({ run, epoch: 1, entries: [patched(seq)] })
      tell({ run, seq })
    }
  } catch (error) {
    tell({ run, refused: (error as { code: string }).code })
  }
}

async function hold(store: JournalStore): Promise<void> {
  held = { store, run: 'run_held' as RunId, lastSeq: 1 }
  await store.create(newRun(held.run))
  await appendHeld()
}

async function appendHeld(): Promise<void> {
  if (!held) return
  const { store, run, lastSeq } = held
  try {
    await store.append({ run, epoch: 1, entries: [patched(lastSeq + 1, 'by the child')] })
    held.lastSeq++
    tell({ run, seq: held.lastSeq })
  } catch (error) {
    tell({ run, refused: (error as { code: string }).code })
  }
}
