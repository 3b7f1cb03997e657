import { describe, expect, it } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { journalOf } from '../../src/testing/failpoint-store.ts'
import { crew } from './crew.ts'

function deployments() {
  const { begin, file, log, ...rest } = crew('drain-worker.ts')
  return { file, begin: (graceMs: number) => begin(file, log, String(graceMs)), ...rest }
}

describe('a process that is asked to end', () => {
  it('[R7][R2] lets what is under way finish and begins nothing more: the next one goes on with no step cut off, repeated or in doubt', async () => {
    const { file, begin, said, until } = deployments()
    const first = begin(3_000)
    await until('sends 3')
    first.child.kill('SIGTERM')
    expect(await first.over).toBe(0)
    const sent = (): string[] => said().filter((line) => line.startsWith('sends'))
    expect(sent().length).toBeLessThan(60)
    expect(said().slice(-2).sort()).toEqual(['has closed', 'sees ENGINE_CLOSED'])
    const second = begin(3_000)
    expect(await second.over).toBe(0)
    expect(said().at(-1)).toBe('sees 60')
    expect(sent()).toEqual(Array.from({ length: 60 }, (_, n) => `sends ${n}`))
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
