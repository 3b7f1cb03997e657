import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { journalOf } from '../../src/testing/failpoint-store.ts'
import type { FencedTask } from './fenced-worker.ts'

const worker = fileURLToPath(new URL('fenced-worker.ts', import.meta.url))

it('[R6] of two living processes on one file, the one that was stopped past its lease is refused when it goes on, and the other finishes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-fenced-'))
  const [file, log, run] = [join(folder, 'journal.db'), join(folder, 'log'), 'run_fenced']
  const children: ChildProcess[] = []
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const begin = (role: FencedTask['role']): { child: ChildProcess; over: Promise<number | null> } => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', worker, JSON.stringify({ file, log, run, role })], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    children.push(child)
    return { child, over: new Promise((resolve) => child.once('exit', resolve)) }
  }
  const said = (): string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  const until = async (line: string): Promise<void> => {
    while (!said().includes(line)) await later(10)
  }

  const first = begin('first')
  await until('first executes b')
  const second = begin('second')
  expect(await second.over).toBe(0)
  const output = 'a by first, b by second, c by second, d by second'
  expect(said()).toEqual(['first executes a', 'first executes b', 'second executes b', 'second executes c', 'second executes d', `second sees ${output}`])

  first.child.kill('SIGCONT')
  expect(await first.over).toBe(0)
  expect(said().slice(6)).toEqual(['first is refused with JOURNAL_FENCED', `first sees ${output}`])
  const store = sqliteStore(file)
  const { entries } = await journalOf(store, run as RunId)
  await store.close()
  expect(entries.filter(({ type }) => type === 'run.resumed')).toHaveLength(1)
  expect(entries.filter(({ type }) => type === 'step.completed')).toHaveLength(4)
}, 60_000)
