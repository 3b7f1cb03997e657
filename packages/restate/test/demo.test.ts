import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { missingPostgres, startPostgres } from '../../postgres/test/postgres-server.ts'
import { freePorts, missingRestate, startRestate } from './restate-server.ts'

const missing = missingRestate() ?? missingPostgres()
const root = fileURLToPath(new URL('../../..', import.meta.url))
const cli = join(root, 'packages/tutti/src/cli/main.ts')
const demo = fileURLToPath(new URL('demo-child.ts', import.meta.url))
const flags = ['--disable-warning=ExperimentalWarning', '--conditions=tutti-source']
type Env = Readonly<Record<string, string | undefined>>

describe.skipIf(missing)(`Restate and Postgres${missing ? ` (not run: ${missing})` : ''}`, () => {
  test('[S4] [S5] the flow of the demo runs there unchanged, because the environment says so, and every command works on its runs', {
    timeout: 120_000,
  }, async () => {
    const home = mkdtempSync(join(tmpdir(), 'tutti-demo-'))
    const children: ChildProcess[] = []
    const [restate, postgres, [port]] = await Promise.all([startRestate(), startPostgres(), freePorts(1)])
    onTestFinished(async () => {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all([restate.stop(), postgres.stop()])
      rmSync(home, { recursive: true, force: true })
    })
    const here = { TUTTI_HOME: home }
    const there = {
      ...here,
      ...{ TUTTI_STORE: postgres.url, TUTTI_ENGINE: 'restate', TUTTI_RESTATE_INGRESS: restate.ingress, TUTTI_RESTATE_ADMIN: restate.admin },
    }
    await node(here, demo, 'ingest')

    const worker = spawn(process.execPath, [...flags, cli, 'worker', '--app', 'demo/desk.ts', '--port', `${port}`, '--json'], {
      cwd: root,
      env: { ...process.env, ...there },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(worker)
    const said: { event: string; run?: string }[] = []
    const lines = createInterface({ input: worker.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => said.push(JSON.parse(line)))
    while (!said.some(({ event }) => event === 'ready')) await once(lines, 'line')
    expect(JSON.parse(await node(there, cli, 'doctor', '--json')).ok).toBe(true)

    const questions = ['How do I declare a required option?', 'How do I add a subcommand?']
    const [first, second] = await Promise.all(questions.map((question) => node(there, demo, 'ask', question).then(JSON.parse)))
    expect([first, second]).toMatchObject([{ ok: true }, { ok: true }])
    expect(first.proofs).toBeGreaterThan(0)
    // Who asked has gone; the runs lie in Postgres, driven by the worker.
    const [shown, replayed, differs, why, runs] = (await Promise.all([
      node(there, cli, 'show', first.id),
      node(there, cli, 'replay', first.id, '--app', 'demo/desk.ts', '--json'),
      node(there, cli, 'diff', first.id, second.id),
      node(there, cli, 'why', first.id, '--json'),
      node(there, cli, 'runs'),
    ])) as [string, string, string, string, string]
    expect(shown).toContain('checkQuestion')
    expect(shown).toMatch(/answered by tutti\/extractive/)
    expect(JSON.parse(replayed)).toMatchObject({ same: true })
    expect(differs).toContain('checkQuestion')
    expect(JSON.parse(why)).toMatchObject({ run: first.id })
    expect(runs).toContain(second.id)
    expect(
      said
        .filter(({ event }) => event === 'completed')
        .map(({ run }) => run)
        .sort(),
    ).toEqual([first.id, second.id].sort())

    worker.kill('SIGTERM')
    const [code] = await once(worker, 'exit')
    expect([code, said.at(-1)]).toMatchObject([0, { event: 'end', counts: { completed: 2 } }])
  })
})

async function node(env: Env, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...args], { cwd: root, env: { ...process.env, ...env } })
  return stdout
}
