import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { it, onTestFinished } from 'vitest'
import { type QueueEvent, QueueHistory } from '../testing/queue-history.ts'
import { type JournalStore, memoryStore, type QueueLimits, sqliteStore } from './index.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const rate = fc.record({ runs: fc.integer({ min: 1, max: 3 }), ms: fc.constantFrom(1_000, 5_000) })
const limits: fc.Arbitrary<QueueLimits> = fc.record({
  concurrency: maybe(fc.integer({ min: 1, max: 4 })),
  perTenant: maybe(fc.integer({ min: 1, max: 2 })),
  rate: maybe(rate),
  ratePerTenant: maybe(rate),
})

const process = fc.constantFrom(0, 1)
const most = fc.integer({ min: 1, max: 5 })
const event: fc.Arbitrary<QueueEvent> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('arrives'), tenant: fc.constantFrom('x', 'y', 'z'), priority: fc.constantFrom(0, 0, 1, -1) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('asks'), process, most, first: fc.array(fc.nat(50), { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('all-ask'), most }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('leaves'), which: fc.nat(50), status: fc.constantFrom('waiting', 'completed') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('renews'), process }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('dies'), process, isSeen: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('passes'), ms: fc.constantFrom(1, 500, 999, 1_000, 2_500) }) },
) as fc.Arbitrary<QueueEvent>

/** Two processes over one store. */
function storesOf(kind: 'memory' | 'sqlite'): readonly JournalStore[] {
  if (kind === 'memory') return Array(2).fill(memoryStore())
  const folder = mkdtempSync(join(tmpdir(), 'tutti-admission-'))
  const stores = [1, 2].map(() => sqliteStore(join(folder, 'journal.db'), { durability: 'relaxed', commit: 'main' }))
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()))
    rmSync(folder, { recursive: true })
  })
  return stores
}

it.each([
  ['memory', 200],
  ['sqlite', 60],
] as const)(
  '[R12] %s: whatever happens, no limit is passed, the order is kept, no run is let through twice, and each has its turn in the end',
  async (kind, numRuns) => {
    const stores = storesOf(kind)
    let flows = 0
    await fc.assert(
      fc.asyncProperty(limits, fc.array(event, { minLength: 1, maxLength: 60, size: 'max' }), async (given, events) => {
        const history = new QueueHistory(stores, `flow-${++flows}`, given)
        for (const each of events) await history.happen(each)
        await history.playOut()
      }),
      { numRuns },
    )
  },
)
