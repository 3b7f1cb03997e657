import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { journalOf } from '../../src/testing/failpoint-store.ts'

const worker = fileURLToPath(new URL('drain-worker.ts', import.meta.url))

function deployments() {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-drain-'))
  const [file, log] = [join(folder, 'journal.db'), join(folder, 'log')]
  const children: ChildProcess[] = []
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const begin = (graceMs: number): { child: ChildProcess; over: Promise<number | NodeJS.Signals | null> } => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', worker, file, log, String(graceMs)], { stdio: 'inherit' })
    children.push(child)
    return { child, over: new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code))) }
  }
  const said = (): string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  const until = async (line: string): Promise<void> => {
    while (!said().includes(line)) await later(5)
  }
  return { file, begin, said, until }
}

describe('a process that is asked to end', () => {
  it('[R7][R2] lets what is under way finish and begins nothing more: the next one goes on with no step cut off, repeated or in doubt', async () => {
    const { file, begin, said, until } = deployments()
    const first = begin(600)
    await until('sends 3')
    first.child.kill('SIGTERM')
    expect(await first.over).toBe(0)
    const sent = (): string[] => said().filter((line) => line.startsWith('sends'))
    expect(sent().length).toBeLessThan(40)
    expect(said().slice(-2).sort()).toEqual(['has closed', 'sees ENGINE_CLOSED'])
    const second = begin(600)
    expect(await second.over).toBe(0)
    expect(said().at(-1)).toBe('sees 40')
    expect(sent()).toEqual(Array.from({ length: 40 }, (_, n) => `sends ${n}`))
    const store = sqliteStore(file)
    const { entries } = await journalOf(store, 'run_long' as RunId)
    await store.close()
    expect(entries.filter(({ type }) => type === 'step.doubted')).toEqual([])
    expect(entries.find(({ type }) => type === 'run.suspended')).toMatchObject({ why: 'drain' })
  }, 60_000)

  it('[R7] ends at once at the second signal', async () => {
    const { begin, until } = deployments()
    const { child, over } = begin(60_000)
    await until('sends 1')
    child.kill('SIGTERM')
    await until('is asked to end')
    child.kill('SIGTERM')
    expect(await over).toBe('SIGTERM')
  }, 60_000)
})
