/** Runs whose workers went away: what the doctor finds of them, and what becomes of one that a person resumes. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { restate } from '@tutti/restate'
import { type App, type Flow, flow, type RunHandle, signal, sqlite, tutti } from 'tutti'
import type { EngineCheck, EngineMaker } from 'tutti/engine'
import { afterAll, beforeAll, describe, type TestContext, test } from 'vitest'
import { z } from 'zod'
import { freePorts, missingRestate, type RestateServer, startRestate } from './restate-server.ts'

const missing = missingRestate()
const main = fileURLToPath(new URL('../../tutti/src/cli/main.ts', import.meta.url))
const Go = signal('go', z.string())

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await later(20)
}

/** The flows whose first step was carried out. */
const done: string[] = []
const desk = (name: string, version = '1', first = 'look'): Flow<string, string> =>
  flow(name, { version }, async (text: string, run) => {
    const look = (text: string): string => {
      done.push(name)
      return `${text}!`
    }
    return `${await run.step(first, text, look)} ${await run.wait(Go)}`
  })

describe.skipIf(missing)(`Restate whose workers went away${missing ? ` (not run: ${missing})` : ''}`, () => {
  let server: RestateServer
  beforeAll(async () => {
    server = await startRestate()
  }, 120_000)
  afterAll(() => server?.stop(), 60_000)

  /** Workers and clients of one journal. */
  function place(onTestFinished: TestContext['onTestFinished']) {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-left-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const { ingress, admin } = server
    const opened = (flows: readonly Flow<string, string>[], port?: number): App => {
      const app = tutti({
        flows,
        store: sqlite(join(folder, 'tutti.db')),
        engine: restate({ ingress, admin, ...(port !== undefined && { serve: { port } }) }),
        resume: port !== undefined,
      })
      onTestFinished(() => app.close({ graceMs: 0 }))
      return app
    }
    return {
      /** `tutti cancel`, over the same journal. */
      async cancel(run: string): Promise<string> {
        const env = { TUTTI_ENGINE: 'restate', TUTTI_RESTATE_INGRESS: ingress, TUTTI_RESTATE_ADMIN: admin, NODE_OPTIONS: '--conditions=tutti-source' }
        return (await promisify(execFile)(process.execPath, [main, 'cancel', run, '--home', folder], { cwd: folder, env })).stdout
      },
      /** As a client has it, which drives nothing. */
      async handleOf(run: string): Promise<RunHandle<string>> {
        return (await opened([]).get(run)) as RunHandle<string>
      },
      async worker(port: number, ...flows: readonly Flow<string, string>[]): Promise<App> {
        const app = opened(flows, port)
        await app.get('run_none')
        return app
      },
    }
  }

  const checks = (name: string): Promise<readonly EngineCheck[]> => {
    const { ingress, admin } = server
    const maker = restate({ ingress, admin }) as EngineMaker
    return (maker.check as NonNullable<EngineMaker['check']>)().then((found) => found.filter(({ ok, says }) => !ok && says.includes(`${name}.`)))
  }
  const atRest = async (handle: RunHandle<unknown>): Promise<void> => until(async () => (await handle.outcome()).status === 'waiting')

  test.concurrent('[S4] [R8] runs that began at an address where nobody listens any more are found by the doctor, and one that is resumed, or cancelled, is so at another', {
    timeout: 120_000,
  }, async ({ expect, onTestFinished }) => {
    const [first, second] = (await freePorts(2)) as [number, number]
    const { handleOf, worker, cancel } = place(onTestFinished)
    const before = await worker(first, desk('moved'), desk('unwanted'))
    const begun = await before.start(desk('moved'), 'a')
    const unwanted = await before.start(desk('unwanted'), 'a')
    await Promise.all([atRest(begun), atRest(unwanted)])
    await before.close({ graceMs: 0 })
    expect(await checks('moved')).toMatchObject([
      {
        what: 'hanging',
        says: expect.stringMatching(`^1 run of moved\\.1: nobody answers at http://127\\.0\\.0\\.1:${first}/ \\(.*refused.*\\): ${begun.id}$`),
      },
      { what: 'nobody', says: expect.stringContaining(`:${first}/, where nobody answers`) },
    ])
    await worker(second, desk('moved'), desk('unwanted'))
    const handle = await handleOf(begun.id)
    await handle.send(Go, 'on')
    await handle.resume()
    expect((await handle.result()).output).toBe('a! on')
    expect(done.filter((name) => name === 'moved')).toHaveLength(1)
    expect(await cancel(unwanted.id)).toBe(`${unwanted.id} is cancelled.\n`)
  })

  test.concurrent('[S4] [R6] a diverged run stands though workers with the right code are there, and tells whoever resumes it how it went on', {
    timeout: 120_000,
  }, async ({ expect, onTestFinished }) => {
    const [port] = (await freePorts(1)) as [number]
    const { handleOf, worker } = place(onTestFinished)
    const before = await worker(port, desk('bent'))
    const begun = await before.start(desk('bent'), 'a')
    await atRest(begun)
    await before.close({ graceMs: 0 })
    const handle = await handleOf(begun.id)
    const wrong = await worker(port, desk('bent', '1', 'search'))
    await handle.send(Go, 'on')
    await until(async () => (await handle.outcome()).status === 'failed')
    expect(await handle.outcome()).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    await handle.resume()
    expect(await handle.outcome()).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    await wrong.close({ graceMs: 0 })
    const right = await worker(port, desk('bent'))
    // Another run has been through: so has Restate's next attempt at this one.
    await atRest(await right.start(desk('bent'), 'b'))
    await handle.send(Go, 'more')
    await later(1_500)
    expect(await handle.outcome()).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    await handle.resume()
    expect(await handle.outcome()).toMatchObject({ status: 'completed', output: 'a! on' })
  })

  test.concurrent('[S4] [R8] a run whose version no worker has is not waited for: whoever resumes it is told so, and the doctor too', {
    timeout: 120_000,
  }, async ({ expect, onTestFinished }) => {
    const [port] = (await freePorts(1)) as [number]
    const { handleOf, worker } = place(onTestFinished)
    const before = await worker(port, desk('aged'))
    const begun = await before.start(desk('aged'), 'a')
    await atRest(begun)
    await before.close({ graceMs: 0 })
    const after = await worker(port, desk('aged', '2'))
    const handle = await handleOf(begun.id)
    await expect(handle.resume()).rejects.toMatchObject({ code: 'RUN_VERSION_MISMATCH', data: { recorded: '1', registered: ['2'] } })
    expect(await checks('aged')).toMatchObject([{ what: 'hanging', says: expect.stringMatching(/^1 run of aged\.1: the workers at .* do not have it/) }])
    await after.close({ graceMs: 0 })
    await expect(handle.resume()).rejects.toMatchObject({ code: 'CONFIG_FLOW_UNKNOWN' })
    await worker(port, desk('aged'), desk('aged', '2'))
    await handle.send(Go, 'on')
    await handle.resume()
    expect((await handle.result()).output).toBe('a! on')
  })

  test.concurrent('[S4] Restate makes attempts for as long as it takes; a run that it gave up all the same goes on when it is resumed', {
    timeout: 120_000,
  }, async ({ expect, onTestFinished }) => {
    const [port] = (await freePorts(1)) as [number]
    const { handleOf, worker } = place(onTestFinished)
    const before = await worker(port, desk('given-up'))
    const begun = await before.start(desk('given-up'), 'a')
    await atRest(begun)
    const service = (await (await fetch(`${server.admin}/services/tutti.given-up.1`)).json()) as { retry_policy: { max_attempts: number } }
    expect(service.retry_policy.max_attempts).toBeGreaterThan(1_000_000_000)
    await before.close({ graceMs: 0 })
    await paused(begun.id)
    await worker(port, desk('given-up'))
    expect(await checks('given-up')).toMatchObject([{ what: 'hanging', says: expect.stringContaining('Restate makes no attempt any more') }])
    const handle = await handleOf(begun.id)
    await handle.send(Go, 'on')
    await handle.resume()
    expect((await handle.result()).output).toBe('a! on')
  })

  /** As Restate leaves a run after so many attempts. */
  async function paused(run: string): Promise<void> {
    const query = `SELECT id, status FROM sys_invocation WHERE target_service_key = '${run}' AND target_handler_name = 'run'`
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const asked = async (): Promise<{ id: string; status: string }> => {
      const answer = await fetch(`${server.admin}/query`, { method: 'POST', headers, body: JSON.stringify({ query }) })
      return ((await answer.json()) as { rows: [{ id: string; status: string }] }).rows[0]
    }
    await fetch(`${server.admin}/invocations/${(await asked()).id}/pause`, { method: 'PATCH' })
    await until(async () => (await asked()).status === 'paused')
  }
})
