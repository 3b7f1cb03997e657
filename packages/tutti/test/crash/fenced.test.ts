import { describe, expect, it } from 'vitest'
import { type Effect, type Entry, type EntryType, sqliteStore } from '../../src/journal/index.ts'
import { encode, type RunId } from '../../src/primitives/index.ts'
import { journalOf } from '../../src/testing/failpoint-store.ts'
import { crew, type Member } from './crew.ts'
import type { FencedTask } from './fenced-worker.ts'

const [run, beside] = ['run_fenced', 'run_beside']

/** Two processes on one file; the first stops itself in the step `b`. */
function two(effect: Effect) {
  const { begin, file, log, said, until } = crew('fenced-worker.ts')
  const entries = async (id: string): Promise<readonly Entry[]> => {
    const store = sqliteStore(file)
    const journal = await journalOf(store, id as RunId)
    await store.close()
    return journal.entries
  }
  const as = (role: FencedTask['role']): Member => begin(JSON.stringify({ file, log, run, beside, role, effect } satisfies FencedTask))
  return { file, begin: as, said, until, entries }
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
