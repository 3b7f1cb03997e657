import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

/** A run costs 10 micro-USD for each unit of its input. */
const begin = `
import { EmbeddedEngine, EmbeddedHandle, flow } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const amounts = (microUsd) => ({ microUsd, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 })
const plan = (text) => () => ({ hold: amounts(1_000_000), execute: () => ({ value: 'x', settle: amounts(text.length * 10) }) })
const desk = flow('desk', { version: '3' }, (text, run) => run['~core'].ask({ name: 'call', kind: 'model', effect: 'idempotent', fingerprint: 'f', plan: plan(text) }))
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows: [desk], resume: false })
for (let n = 1; n <= Number(process.argv[2]); n++) await new EmbeddedHandle(engine, await engine.start(desk, 'x'.repeat(n * 100))).result()
await engine.close({ graceMs: 0 })
`

describe('forecast', () => {
  test('[B7] says from the runs of a flow what one may cost and take, for an input of that length where there are enough, and fails where there are none', async () => {
    const cwd = folder({ 'begin.ts': begin, 'package.json': '{"type":"module"}' })
    const ran = (count: number): void => expect(spawnSync(process.execPath, ['begin.ts', String(count)], { cwd, encoding: 'utf8' }).stderr).toBe('')
    ran(3)
    const few = await tutti(cwd, ['forecast', 'desk'])
    expect(few).toMatchObject({ code: 0, err: '' })
    expect(few.out).toMatch(
      /^money {2}half below \$0\.002, 95 of 100 below \$0\.003\ntime {3}half below .+, 95 of 100 below .+\nfrom 3 completed runs: few, so the second figure is the highest seen\n$/,
    )
    ran(25)
    const told = parsed(await tutti(cwd, ['forecast', 'desk', JSON.stringify('x'.repeat(1_000)), '--json']))
    expect(told).toMatchObject({ flow: 'desk', runs: 28, basis: { usd: 'input size' } })
    expect(told.usd.p50).toBeCloseTo(0.01, 3)
    expect(await tutti(cwd, ['forecast', 'desk', '--flow-version', '9'])).toMatchObject({ out: '', err: expect.stringContaining('RUN_NO_HISTORY') })
  })
})
