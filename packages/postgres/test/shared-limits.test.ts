import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { postgres } from '@tutti/postgres'
import fc from 'fast-check'
import type { LimitAnswer, LimitAsk } from 'tutti/store'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LimitTask } from './limit-worker.ts'
import { missingPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'
import { underFire } from './standing-fire.ts'

const missing = missingPostgres()
const NOW = 1_800_000_000_000

describe.skipIf(missing)(`[S5] two workers on one Postgres${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres({ fsync: 'off' })
  }, 60_000)
  afterAll(() => server?.stop())

  // Two processes are killed six times, and runs of a killed one go on once it is known to be gone.
  it('[B4] two workers, killed again and again, never ask a provider for more than their limit allows', async () => {
    const schema = 'tutti_budgets'
    const store = postgres(server.url, { schema })
    const program = new URL('standing-worker.ts', import.meta.url)
    await underFire({ program, place: () => ({ url: server.url, schema }), store, runs: 10, kills: 6 }, Date.now() % 100_000)
    await store.close()
    expect(await server.ask(`SELECT count(*)::int AS left FROM ${schema}.holds`)).toEqual([{ left: 0 }])
  }, 120_000)

  it('[M9] whatever two workers ask of one limit, in whatever order, no more is let through than it allows, and nothing is held back that fits', async () => {
    const workers = [0, 1].map(() =>
      fork(fileURLToPath(new URL('limit-worker.ts', import.meta.url)), [JSON.stringify({ url: server.url, schema: 'tutti_limits' })], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
    )
    try {
      await Promise.all(workers.map((worker) => once(worker, 'message')))
      await anyAsks(workers)
    } finally {
      for (const worker of workers) worker.kill('SIGKILL')
    }
  }, 120_000)
})

const askedOf = async (worker: ChildProcess, asks: readonly LimitAsk[]): Promise<readonly LimitAnswer[]> => {
  const answered = once(worker, 'message')
  worker.send({ asks } satisfies LimitTask)
  return (await answered)[0] as LimitAnswer[]
}

async function anyAsks(workers: readonly ChildProcess[]): Promise<void> {
  const one = fc.record({ worker: fc.nat(1), second: fc.nat(50), tokens: fc.integer({ min: 1, max: 40 }) })
  const most = fc.record({ requests: fc.integer({ min: 1, max: 15 }), tokens: fc.integer({ min: 20, max: 300 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 4, maxLength: 40 }), most, fc.uuid(), async (asks, limit, name) => {
      const askOf = ({ second, tokens }: { second: number; tokens: number }): LimitAsk => ({
        ...{ name, most: limit, take: { requests: 1, tokens }, now: NOW + second * 1_000 },
      })
      const mine = workers.map((_, which) => asks.filter(({ worker }) => worker === which))
      const answers = await Promise.all(workers.map((worker, which) => askedOf(worker, (mine[which] ?? []).map(askOf))))
      const taken = mine.flatMap((own, which) => own.filter((_, i) => answers[which]?.[i]?.taken))
      const tokens = taken.reduce((sum, each) => sum + each.tokens, 0)
      expect(taken.length).toBeLessThanOrEqual(limit.requests)
      expect(tokens).toBeLessThanOrEqual(limit.tokens)
      for (const [which, own] of mine.entries())
        for (const [i, ask] of own.entries())
          if (!answers[which]?.[i]?.taken) expect(taken.length + 1 > limit.requests || tokens + ask.tokens > limit.tokens).toBe(true)
    }),
    { numRuns: 25 },
  )
}
