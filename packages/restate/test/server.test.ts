/** What a real server of Restate has to show besides the engine conformance suite. */
import { postgres } from '@tutti/postgres'
import { restate } from '@tutti/restate'
import { flow, signal, tutti } from 'tutti'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { missingPostgres, type PostgresServer, startPostgres } from '../../postgres/test/postgres-server.ts'
import { underFire } from '../../postgres/test/standing-fire.ts'
import { balancer } from './balancer.ts'
import { freePorts, missingRestate, type RestateServer, startRestate } from './restate-server.ts'

const missing = missingRestate() ?? missingPostgres()

describe.skipIf(missing)(`Restate and Postgres${missing ? ` (not run: ${missing})` : ''}`, () => {
  let server: RestateServer
  let database: PostgresServer
  beforeAll(async () => {
    ;[server, database] = await Promise.all([startRestate(), startPostgres({ fsync: 'off' })])
  }, 120_000)
  afterAll(() => Promise.all([server?.stop(), database?.stop()]), 60_000)

  test('[S4] [B4] two workers, killed again and again, never ask a provider for more than their one standing limit allows', { timeout: 120_000 }, async () => {
    const ports = await freePorts(2)
    const front = await balancer(ports)
    const store = postgres(database.url)
    const { ingress, admin } = server
    const place = (worker: number) => ({ url: database.url, ingress, admin, port: ports[worker], advertise: front.url })
    await underFire({ program: new URL('standing-worker.ts', import.meta.url), place, store, runs: 6, kills: 4 }, Date.now() % 100_000)
    expect(await database.ask('SELECT count(*)::int AS left FROM tutti.holds')).toEqual([{ left: 0 }])
    await Promise.all([front.close(), store.close()])
  })

  test('[S4] [R8] a run that is cancelled at Restate undoes what it did and ends as one that tutti cancels', { timeout: 60_000 }, async () => {
    const undone: string[] = []
    const Go = signal('go', z.string())
    const books = flow('booked', async (_: null, run) => {
      await run.step('book', () => 'seat 4', { effect: 'idempotent', undo: (seat) => void undone.push(seat) })
      return run.wait(Go)
    })
    const { ingress, admin } = server
    const store = postgres(database.url, { schema: 'cancelled' })
    await using app = tutti({ flows: [books], store, engine: restate({ ingress, admin, serve: { port: 0 } }) })
    const handle = await app.start(books, null)
    const until = async (status: string): Promise<void> => {
      while ((await store.head(handle.id))?.status !== status) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await until('waiting')
    const [invocation] = await asked(`SELECT id FROM sys_invocation WHERE target_service_key = '${handle.id}' AND target_handler_name = 'run'`)
    const { ok } = await fetch(`${admin}/invocations/${invocation?.id}/cancel`, { method: 'PATCH' })
    expect(ok).toBe(true)
    await until('cancelled')
    expect(undone).toEqual(['seat 4'])
  })

  async function asked(query: string): Promise<readonly { readonly id: string }[]> {
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const answer = await fetch(`${server.admin}/query`, { method: 'POST', headers, body: JSON.stringify({ query }) })
    return ((await answer.json()) as { rows: { id: string }[] }).rows
  }
})
