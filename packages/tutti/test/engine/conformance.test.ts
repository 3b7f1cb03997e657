import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteStore } from '../../src/journal/index.ts'
import { engineConformance } from '../../src/testing/engine-conformance.ts'

engineConformance('embedded over SQLite', '', {
  make: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-engine-'))
    const file = join(folder, 'journal.db')
    return {
      program: new URL('engine-worker.ts', import.meta.url),
      workers: 2,
      clock: 'worker',
      worker: () => ({ file }),
      ground: () => ({ store: sqliteStore(file) }),
      stop: async () => rmSync(folder, { recursive: true, force: true }),
    }
  },
  apart: {
    2: 'shown by test/fault/disk-fault.test.ts: the syncs are counted, and what was not synced is lost',
    3: 'shown by test/fault: torn-log, bit-flip, full-disk and disk-fault',
    15: 'shown by test/fault/simulation.test.ts',
  },
})
