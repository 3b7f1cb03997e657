import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

// Where no month begins while the test runs.
const now = Date.now()
const isSafe = new Date(now).getUTCMonth() === new Date(now + 600_000).getUTCMonth()
const zone = isSafe ? 'UTC' : 'Etc/GMT+12'
const month = isSafe ? new Date(now).toISOString().slice(0, 7) : `${new Date(now - 43_200_000).toISOString().slice(0, 7)} ${zone}`

const app = `
import { flow } from '${source('run/index.ts')}'
const held = { microUsd: 500, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
const call = (run) => run['~core'].ask({ name: 'call', kind: 'model', effect: 'idempotent', fingerprint: 'f', plan: () => ({ hold: held, execute: () => ({ value: 'x' }) }) })
export const flows = [flow('desk', async (_, run) => { await run.sleep('nap', '1s'); return call(run) })]
export const budgets = [{ per: 'tenant', every: 'month', timeZone: '${zone}', usd: 0.0008, modelCalls: 9 }]
`
const begin = `
import { flows, budgets } from './app.ts'
import { sqlite, tutti } from '${source('index.ts')}'
const app = tutti({ flows, budgets, store: sqlite('.tutti/tutti.db') })
await app.run(flows[0], null, { scope: { tenant: 'acme' } })
await app.start(flows[0], null, { scope: { tenant: 'acme' }, id: 'second' })
const [account] = await app.spending({ tenant: 'acme' })
console.log(JSON.stringify(account))
await app.close({ graceMs: 0 })
`

describe('budgets', () => {
  test('[B4] says what was spent, what is held and what is left, of whom and until when; a run that the command goes on with is held to them', async () => {
    const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
    expect((await tutti(cwd, ['budgets'])).err).toContain('Nothing was used of standing budgets')
    const begun = spawnSync(process.execPath, ['begin.ts'], { cwd, encoding: 'utf8' })
    expect(begun.stderr).toBe('')
    expect(JSON.parse(begun.stdout)).toMatchObject({
      per: 'tenant',
      tenant: 'acme',
      every: 'month',
      period: month,
      spent: { usd: 0.0005, modelCalls: 1 },
      limit: { usd: 0.0008 },
    })
    const { out } = await tutti(cwd, ['budgets'])
    expect(out).toMatch(new RegExp(`month ${month.replace('+', '\\+')}  tenant acme +\\$0\\.0005 +\\$0 +\\$0\\.0008 +\\$0\\.0003`))
    expect(out).toMatch(/1 calls +0 calls +9 calls +8 calls/)
    const resumed = await tutti(cwd, ['resume', 'second', '--app', 'app.ts'])
    expect(resumed.err).toContain(`of the 0.000800 USD allowed to tenant 'acme', month ${month}, 0.000500 USD are spent or held`)
    expect(parsed(await tutti(cwd, ['budgets', '--json', '--per', 'tenant']))).toMatchObject({ accounts: [{ tenant: 'acme', held: { usd: 0 } }] })
    expect(await tutti(cwd, ['budgets', '--per', 'moon'])).toMatchObject({ code: 2 })
  })
})
