import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Effect, type Entry, type EntryType, sqliteStore } from '../../src/journal/index.ts'
import { encode, type RunId } from '../../src/primitives/index.ts'
import { journalOf } from '../../src/testing/failpoint-store.ts'
import type { FencedTask } from './fenced-worker.ts'

const worker = fileURLToPath(new URL('fenced-worker.ts', import.meta.url))
const [run, beside] = ['run_fenced', 'run_beside']

/** Two processes on one file; the first stops itself in the step `b`. */
function two(effect: Effect) {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-fenced-'))
  const [file, log] = [join(folder, 'journal.db'), join(folder, 'log')]
  const children: ChildProcess[] = []
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const begin = (role: FencedTask['role']): { child: ChildProcess; over: Promise<number | null> } => {
    const task: FencedTask = { file, log, run, beside, role, effect }
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', worker, JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit'] })
    children.push(child)
    return { child, over: new Promise((resolve) => child.once('exit', resolve)) }
  }
  const said = (): string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  const until = async (line: string): Promise<void> => {
    while (!said().includes(line)) await later(10)
  }
  const entries = async (id: string): Promise<readonly Entry[]> => {
    const store = sqliteStore(file)
    const journal = await journalOf(store, id as RunId)
    await store.close()
    return journal.entries
  }
  return { file, begin, said, until, entries }
}

const count = (entries: readonly Entry[], wanted: EntryType): number => entries.filter(({ type }) => type === wanted).length

describe('of two living processes on one file', () => {
  it('[R6] the one that was stopped past its lease is refused when it goes on; the other has finished, and a run of the same commit is not harmed', async () => {
    const { begin, said, until, entries } = two('idempotent')
    const first = begin('first')
    await until('first executes b')
    const second = begin('second')
    expect(await second.over).toBe(0)
    const output = 'a by first, b by second, c by second, d by second'
    const before = ['first executes beside', 'first executes a', 'first executes b']
    expect(said()).toEqual([...before, 'second executes b', 'second executes c', 'second executes d', `second sees ${output}`])

    first.child.kill('SIGCONT')
    expect(await first.over).toBe(0)
    expect(said().slice(7)).toEqual(['first is refused with JOURNAL_FENCED', `first sees ${output}`, 'first sees beside by first'])
    const fenced = await entries(run)
    expect(count(fenced, 'run.resumed')).toBe(1)
    expect(count(fenced, 'step.completed')).toBe(4)
    expect((await entries(beside)).map(({ type }) => type)).toEqual(['run.started', 'step.completed', 'run.completed'])
  }, 60_000)

  it('[R6][R2] an effect that may happen once, during which the first was stopped, is not repeated by the other: a person says what became of it', async () => {
    const { file, begin, said, until, entries } = two('once')
    const first = begin('first')
    await until('first executes b')
    const second = begin('second')
    await until('second waits for tutti.resolve')
    first.child.kill('SIGCONT')
    await until('first is refused with JOURNAL_FENCED')
    const store = sqliteStore(file)
    await store.post(run as RunId, { id: 'looked', type: 'resolve', key: 'slow/b', verdict: 'done', value: encode('b by first') }, Date.now())
    await store.close()
    expect(await second.over).toBe(0)
    expect(await first.over).toBe(0)
    expect(said().filter((line) => line.endsWith('executes b'))).toEqual(['first executes b'])
    expect(said()).toContain('second sees a by first, b by first, c by second, d by second')
    expect(count(await entries(run), 'step.doubted')).toBe(1)
  }, 60_000)
})
