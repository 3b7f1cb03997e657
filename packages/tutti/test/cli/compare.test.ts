import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

/** A flow of three steps, of which the last rests on the first alone. */
const app = `
import { flow } from '${source('run/index.ts')}'
export const sums = flow('sums', async (n, run) => {
  const a = await run.step('a', n, (x) => x + 1)
  await run.step('b', 'constant', (x) => x)
  return run.step('c', a, (x) => x * 2)
})
`
/** A step that is free, and one that could use 0.0005 USD. */
const dear = `
import { flow } from '${source('run/index.ts')}'
import { nothing } from '${source('budget/index.ts')}'
const settle = { ...nothing, microUsd: 500 }
export const dear = flow('dear', async (n, run) => {
  const free = await run.step('free', () => 'free')
  const plan = () => ({ hold: settle, execute: () => ({ value: 'dear', settle }) })
  return free + ', ' + (await run['~core'].ask({ name: 'call', kind: 'model', effect: 'idempotent', fingerprint: 'x', plan }))
})
`
const begin = `
import { sums } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows: [sums], resume: false })
await new EmbeddedHandle(engine, await engine.start(sums, 1, { id: 'first' })).outcome()
await engine.close({ graceMs: 0 })
`

function ended(): string {
  const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
  expect(spawnSync(process.execPath, ['begin.ts'], { cwd, encoding: 'utf8' }).stderr).toBe('')
  return cwd
}

describe('fork, diff and why', () => {
  test('[D2][D3] a run is forked with another value for a step, and the two are compared', async () => {
    const cwd = ended()
    const forked = parsed(await tutti(cwd, ['fork', 'first', '--at', 'sums/a', '--output', '10', '--app', 'app.ts', '--json']))
    expect(forked).toMatchObject({ status: 'completed', output: 20 })
    const diff = parsed(await tutti(cwd, ['diff', 'first', forked.run, '--json']))
    expect(diff.steps.map(({ key, change }: { key: string; change: string }) => [key, change])).toEqual([
      ['sums/a', 'output'],
      ['sums/b', 'same'],
      ['sums/c', 'input'],
    ])
    expect((await tutti(cwd, ['diff', 'first', 'last'])).out).toContain('2 of 3 steps changed, 1 are the same')
  })

  test('[D2][B3] a fork is given a limit of its own, and of a run whose budget was used up it is what show says to do', async () => {
    const cwd = folder({
      'app.ts': dear,
      'begin.ts': begin.replaceAll('sums', 'dear').replace("id: 'first'", "id: 'first', budget: { usd: 0.000001 }"),
      'package.json': '{"type":"module"}',
    })
    expect(spawnSync(process.execPath, ['begin.ts'], { cwd, encoding: 'utf8' }).stderr).toBe('')
    const { out } = await tutti(cwd, ['show', 'first'])
    expect(out).toMatch(/BUDGET_EXCEEDED: 'dear\/call' could use 0\.000500 USD/)
    expect(out).toContain('`npx tutti fork first` does the rest')
    const small = await tutti(cwd, ['fork', 'first', '--app', 'app.ts', '--budget', '0.0001'])
    expect(small.err).toContain('of the 0.000100 USD allowed to the run')
    expect(parsed(await tutti(cwd, ['fork', 'first', '--app', 'app.ts', '--budget', '0.01', '--json']))).toMatchObject({
      status: 'completed',
      output: 'free, dear',
    })
  })

  test('[D2] a step that does not exist, and a value that is not JSON, are refused with their codes', async () => {
    const cwd = ended()
    const none = await tutti(cwd, ['fork', 'first', '--at', 'sums/z', '--app', 'app.ts'])
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining("error RUN_STEP_NOT_FOUND: the run 'first' has no step 'sums/z'") })
    const torn = await tutti(cwd, ['fork', 'first', '--at', 'sums/a', '--output', '{', '--app', 'app.ts'])
    expect(torn).toMatchObject({ code: 2, err: expect.stringContaining('error CONFIG_USAGE: --output is not JSON') })
  })

  test('[D8] the steps behind an output are said with the longest chain, of the run and of one step', async () => {
    const cwd = ended()
    expect((await tutti(cwd, ['why', 'first'])).out).toMatch(/^the output rests on 3 steps\n\nthe longest way to it, \d+ ms of \d+ ms:\n/)
    expect(parsed(await tutti(cwd, ['why', 'first', 'sums/a', '--json']))).toMatchObject({ key: 'sums/a', steps: [{ key: 'sums/a' }] })
  })
})
