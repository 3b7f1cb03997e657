/**
 * `npm run bench -- scale [--json]`: what a durable step costs where runs live: in a SQLite file, in Postgres, on Restate with the journal in Postgres, and beside
 * them the same steps in a bare service of Restate. One worker process each, on one machine with the servers. The set-ups take turns, round for round, and each is compared
 * with the round beside it; before that every process has driven 12,800 steps. Four minutes on a quiet machine, eight on a busy one.
 */
import { join } from 'node:path'
import { missingPostgres, type PostgresServer, startPostgres } from '../packages/postgres/test/postgres-server.ts'
import { missingRestate, type RestateServer, startRestate } from '../packages/restate/test/restate-server.ts'
import { reporter } from './figure.ts'
import { inFolder } from './measure.ts'
import { reportKept, reportLoad, reportShares, reportYoung } from './scale/figures.ts'
import { Rounds } from './scale/rounds.ts'
import type { Setup } from './scale/setup.ts'
import { Worker } from './scale/worker.ts'

const loads = [
  { runs: 1, steps: 400 },
  { runs: 16, steps: 150 },
  { runs: 64, steps: 100 },
  { runs: 256, steps: 100 },
]
/** What processes do first that have just been started. */
const YOUNG = { runs: 64, steps: 50 }

function setupsOver(folder: string, { url, pid }: PostgresServer, { ingress, admin, nodes }: RestateServer): readonly Setup[] {
  const servers = { restate: nodes.map((node) => node.pid), postgres: [pid] }
  return [
    { kind: 'sqlite', path: join(folder, 'journal.db'), servers },
    { kind: 'postgres', postgres: url, schema: 'embedded', servers },
    { kind: 'restate', postgres: url, schema: 'hosted', ingress, admin, servers },
    { kind: 'bare', ingress, admin, servers },
  ]
}

const missing = missingRestate() ?? missingPostgres()
if (missing) throw new Error(`not run: ${missing}`)
await inFolder(async (folder) => {
  const [postgres, restate] = await Promise.all([startPostgres(), startRestate()])
  const workers: Worker[] = []
  try {
    for (const setup of setupsOver(folder, postgres, restate)) workers.push(await Worker.begin(setup))
    const report = reporter()
    const rounds = new Rounds(workers)
    reportYoung(report, await rounds.once(YOUNG))
    await rounds.warmUp()
    for (const load of loads) reportLoad(report, load, await rounds.over(load))
    reportShares(report, rounds.all)
    await reportKept(report, postgres, rounds)
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
    await Promise.all([postgres.stop(), restate.stop()])
  }
})
