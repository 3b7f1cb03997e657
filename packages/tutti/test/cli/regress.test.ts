import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, start, tutti, write } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

/** A flow of two steps, of which the second is asked otherwise for what is over `over`; with `slow`, it takes its time. */
const app = (o: { over: number; slow?: boolean }): string => `
import { flow } from '${source('run/index.ts')}'
export const sums = flow('sums', async (n, run) => {
  const a = await run.step('a', n, (x) => x + 1)
  return run.step('b', n > ${o.over} ? a * 10 : a, async (x) => ${o.slow ? '(await new Promise((go) => setTimeout(go, 300)), x * 2)' : 'x * 2'})
})
`
const begin = `
import { sums } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows: [sums], resume: false })
for (const n of [1, 2, 3, 4]) await new EmbeddedHandle(engine, await engine.start(sums, n, { id: 'r' + n })).outcome()
await engine.close({ graceMs: 0 })
`

function ended(): string {
  const cwd = folder({ 'app.ts': app({ over: 99 }), 'begin.ts': begin, 'package.json': '{"type":"module"}' })
  expect(spawnSync(process.execPath, ['begin.ts'], { cwd, encoding: 'utf8' }).stderr).toBe('')
  return cwd
}

describe('regress', () => {
  test('[D4] is a gate: it passes while all runs end as they did, and fails on what it is told to fail on', async () => {
    const cwd = ended()
    const same = await tutti(cwd, ['regress', 'sums', '--app', 'app.ts', '--fail-on', 'changed', '--fail-on', 'cost'])
    expect(same).toMatchObject({ code: 0, out: expect.stringContaining('sums: 4 runs: 4 the same') })
    write(cwd, { 'app.ts': app({ over: 3 }) })
    const changed = await tutti(cwd, ['regress', 'sums', '--app', 'app.ts', '--last', '3', '--fail-on', 'changed', '--json'])
    expect(changed).toMatchObject({ code: 1, err: '' })
    const report = parsed(changed)
    expect(report).toMatchObject({
      passed: false,
      counts: { same: 2, changed: 1 },
      unchanged: { of: 3 },
      runs: [{ run: 'r4', verdict: 'changed', executed: 1, reused: 1 }, {}, {}],
    })
    expect((await tutti(cwd, ['diff', 'r4', report.runs[0].fork])).out).toContain('≠ sums/b  other input')
    expect((await tutti(cwd, ['regress', 'sums', '--app', 'app.ts'])).code).toBe(0)
  })

  test('[D4] refuses what it does not understand, with a code, and makes no fork', async () => {
    const cwd = ended()
    const refused = async (args: readonly string[], code: string): Promise<void> => {
      expect(await tutti(cwd, ['regress', ...args, '--app', 'app.ts'])).toMatchObject({ code: 2, err: expect.stringContaining(`error ${code}`) })
    }
    await Promise.all([
      refused(['none'], 'CONFIG_FLOW_UNKNOWN'),
      refused(['sums', '--fail-on', 'much'], 'CONFIG_USAGE'),
      refused(['sums', '--run', 'r9'], 'RUN_NOT_FOUND'),
    ])
    expect((await tutti(cwd, ['runs'])).out).not.toContain('regress_')
  })

  test('[D4] interrupted, it says how to go on, and goes on with what is left', async () => {
    const cwd = ended()
    write(cwd, { 'app.ts': app({ over: 0, slow: true }) })
    const going = start(cwd, ['regress', 'sums', '--app', 'app.ts', '--concurrency', '1'])
    await going.wrote('1 of 4 runs')
    going.child.kill('SIGINT')
    const { code, err } = await going.ended
    expect(code).toBe(130)
    const [, id] = /--id (\S+)/.exec(err) as unknown as [string, string]
    expect(err).toContain(`npx tutti regress sums --id ${id} --app app.ts --last 20`)
    const rest = parsed(await tutti(cwd, ['regress', 'sums', '--id', id, '--app', 'app.ts', '--json']))
    expect(rest).toMatchObject({ id, left: 0, counts: { changed: 4 } })
  })
})
