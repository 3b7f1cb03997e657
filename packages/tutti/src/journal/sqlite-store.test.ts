import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeConformance } from '../testing/store-conformance.ts'
import { type SqliteOptions, sqliteStore } from './index.ts'

const variants: Readonly<Record<string, SqliteOptions>> = {
  'sqlite, committing on the main thread': { commit: 'main' },
  'sqlite, committing in a worker': { commit: 'worker' },
  'sqlite, relaxed': { durability: 'relaxed' },
  'sqlite, encrypted': { commit: 'main', encryption: { key: 'fe'.repeat(32) } },
}

for (const [name, options] of Object.entries(variants))
  storeConformance(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-journal-'))
    const path = join(folder, 'deep', 'journal.db')
    return {
      store: sqliteStore(path, options),
      reopen: async () => sqliteStore(path, options),
      cleanup: async () => rmSync(folder, { recursive: true }),
    }
  })
