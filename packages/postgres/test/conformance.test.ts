import { postgres } from '@tutti/postgres'
import { storeConformance } from 'tutti/conformance'
import { afterAll, beforeAll, describe } from 'vitest'
import { missingPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'

const missing = missingPostgres()

describe.skipIf(missing)(`[S5] over a server of Postgres${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  let server: PostgresServer
  let made = 0
  // What a server does with its disk is not ours to test here.
  beforeAll(async () => {
    server = await startPostgres({ fsync: 'off' })
  }, 60_000)
  afterAll(() => server?.stop())

  storeConformance('postgres', async () => {
    const schema = `tutti_${++made}`
    return { store: postgres(server.url, { schema }), reopen: async () => postgres(server.url, { schema }), cleanup: () => server.drop(schema) }
  })
})
