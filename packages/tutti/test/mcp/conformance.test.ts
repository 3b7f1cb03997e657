import { type ChildProcess, execFile, fork } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** The official suite: every scenario that a revision scores, and those it does not, which are told. https://github.com/modelcontextprotocol/conformance */
const suite = new URL('../../../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname
const revisions = ['2025-11-25', '2026-07-28'] as const
const children: ChildProcess[] = []
let url = ''
let relayPort = ''

/** The suite gives a stream 600 ms, however busy the machine is with other tests: both sides go before them, where that may be asked for. */
function first(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, -15)
  } catch {
    // Only a superuser may.
  }
}

function started(file: string): Promise<string> {
  const child = fork(new URL(file, import.meta.url).pathname)
  children.push(child)
  first(child.pid)
  return new Promise<string>((resolve, reject) => {
    child.once('message', (said) => resolve(String(said)))
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)))
  })
}

beforeAll(async () => {
  ;[url, relayPort] = await Promise.all([started('conformance-server-child.ts'), started('conformance-client-child.ts')])
}, 60_000)
afterAll(() => {
  for (const child of children) child.kill()
})

function conformance(...args: string[]): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-conformance-'))
    const { pid } = execFile(
      process.execPath,
      [suite, ...args],
      { cwd: folder, maxBuffer: 64_000_000, env: { ...process.env, RELAY_PORT: relayPort } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, said: `${stdout}\n${stderr}` }),
    )
    first(pid)
  })
}

describe.each(revisions)('the conformance suite, requirements %s', (revision) => {
  test('[T3] every scored scenario of a server passes', { timeout: 180_000, retry: 3 }, async () => {
    const { code, said } = await conformance('server', '--url', url, '--requirements', revision)
    expect(code, said.slice(-6000)).toBe(0)
  })

  test('[T2] every scored scenario of a client passes', { timeout: 300_000 }, async () => {
    const relay = new URL('conformance-relay-child.ts', import.meta.url).pathname
    const { code, said } = await conformance('client', '--command', `${process.execPath} ${relay}`, '--requirements', revision, '--timeout', '120000')
    expect(code, said.slice(-6000)).toBe(0)
  })
})
