import { expect, it } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import { crew } from './crew.ts'
import { underFire } from './standing-fire.ts'

// Two processes are killed six times, and runs of a killed one go on once it is known to be gone.
it('[B4] two processes on one file, killed again and again, never ask a provider for more than their limit allows', async () => {
  const together = crew('standing-worker.ts')
  const store = sqliteStore(together.file, { commit: 'main' })
  await underFire(together, store, Date.now() % 100_000)
  await store.close()
  expect(together.said().length).toBeGreaterThan(0)
}, 120_000)
