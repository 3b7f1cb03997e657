import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

const app = `
import { flow } from '${source('run/index.ts')}'
const held = { microUsd: 500, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
const call = (run) => run['~core'].ask({ name: 'call', kind: 'model', effect: 'idempotent', fingerprint: 'f', plan: () => ({ hold: held, execute: () => ({ value: 'x' }) }) })
export const flows = [flow('desk', { budget: { usd: 0.0008, onExhausted: 'ask' } }, async (_, run) => [await call(run), await call(run)])]
`
const begin = `
import { flows } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows, resume: false })
await new EmbeddedHandle(engine, await engine.start(flows[0], null)).outcome()
await engine.close({ graceMs: 0 })
`

describe('grant', () => {
  test('[B3] raises the limits of a run that waits for it, wherever it is looked at, and it goes on', async () => {
    const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
    expect(spawnSync(process.execPath, ['begin.ts'], { cwd, encoding: 'utf8' }).stderr).toBe('')
    const shown = await tutti(cwd, ['show', 'last'])
    expect(shown.out).toMatch(/call#2 .*waits for a grant: it could use 0\.0005 USD; of the 0\.0008 USD allowed to the run, 0\.0005 USD are taken/)
    expect(shown.out).toMatch(/npx tutti grant run_\w+ --usd AMOUNT\n/)
    expect((await tutti(cwd, ['runs', '--waiting'])).out).toMatch(/npx tutti grant run_\w+ --usd AMOUNT/)
    expect(await tutti(cwd, ['grant', 'last'])).toMatchObject({ code: 2, err: expect.stringContaining('say how much more') })
    expect((await tutti(cwd, ['grant', 'last', '--usd', '0.0002'])).out).toMatch(/^Granted to run_\w+: usd \+0\.0002\. .*npx tutti resume run_/)
    expect(parsed(await tutti(cwd, ['resume', 'last', '--app', 'app.ts', '--json']))).toMatchObject({ status: 'completed', output: ['x', 'x'] })
    expect((await tutti(cwd, ['show', 'last'])).out).toMatch(/call#2 .*ask: waited until there was room/)
    expect(await tutti(cwd, ['grant', 'last', '--usd', '1'])).toMatchObject({ code: 2, err: expect.stringContaining('RUN_FINISHED') })
  })
})
