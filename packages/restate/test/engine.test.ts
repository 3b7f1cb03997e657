import { postgres } from '@tutti/postgres'
import { restate } from '@tutti/restate'
import { type EnginePlace, engineConformance } from 'tutti/conformance'
import { describe } from 'vitest'
import { fillJournal } from '../../postgres/test/full-journal-server.ts'
import { missingPostgres, startPostgres } from '../../postgres/test/postgres-server.ts'
import { balancer } from './balancer.ts'
import { freePorts, missingRestate, startRestate } from './restate-server.ts'

const missing = missingRestate() ?? missingPostgres()

describe.skipIf(missing)(`Restate and Postgres${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  engineConformance('Restate and Postgres, two workers', '[S4] [S5]', {
    make: async (): Promise<EnginePlace> => {
      const [server, database] = await Promise.all([startRestate(), startPostgres()])
      const { ingress, admin } = server
      const ports = await freePorts(2)
      const front = await balancer(ports)
      return {
        program: new URL('engine-worker.ts', import.meta.url),
        workers: 2,
        clock: 'engine',
        worker: (at) => ({ url: database.url, ingress, admin, port: ports[at], advertise: front.url }),
        ground: () => ({ store: postgres(database.url), engine: restate({ ingress, admin }) as never }),
        crash: async () => {
          await Promise.all([server.nodes[0]?.kill(), database.kill()])
          await Promise.all([server.nodes[0]?.start(), database.start()])
        },
        fill: () => fillJournal(database),
        cutOff: (at) => front.cutOff(ports[at] as number),
        stop: async () => {
          await front.close()
          await Promise.all([server.stop(), database.stop()])
        },
      }
    },
    apart: {
      15: 'a server has no virtual clock; hosted runs whose attempts are lost anywhere are drawn from seeds in src/run/hosted/hosted-run.test.ts of tutti',
    },
  })
})
