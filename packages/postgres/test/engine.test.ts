import { postgres } from '@tutti/postgres'
import { type EnginePlace, engineConformance } from 'tutti/conformance'
import { describe } from 'vitest'
import { fillJournal } from './full-journal-server.ts'
import { missingPostgres, startPostgres } from './postgres-server.ts'

const missing = missingPostgres()

describe.skipIf(missing)(`two processes on one Postgres${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  engineConformance('embedded over Postgres, two processes', '[S5]', {
    make: async (): Promise<EnginePlace> => {
      const server = await startPostgres()
      return {
        program: new URL('engine-worker.ts', import.meta.url),
        workers: 2,
        clock: 'worker',
        worker: () => ({ url: server.url }),
        ground: () => ({ store: postgres(server.url) }),
        crash: async () => {
          await server.kill()
          await server.start()
        },
        fill: () => fillJournal(server),
        stop: () => server.stop(),
      }
    },
    apart: { 15: 'a server has no virtual clock; the engine over a store that fails is simulated by test/fault/simulation.test.ts of tutti' },
  })
})
