import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
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

/** Drives the run `one` to its end: three calls that may cost 500 and cost 400. It hangs in the call that it is told to hang in. */
const worker = `
import { appendFileSync } from 'node:fs'
import { EmbeddedEngine, EmbeddedHandle, flow } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const say = (line) => appendFileSync('log', line + '\\n')
const amounts = (microUsd) => ({ microUsd, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 })
const execute = (n) => async ({ attempt }) => {
  say('call ' + n + '@' + attempt)
  if (process.argv[2] === String(n)) await new Promise(() => setInterval(() => {}, 1_000_000))
  return { value: n, settle: amounts(400) }
}
const call = (run, n) => run['~core'].ask({ name: 'call' + n, kind: 'model', effect: 'idempotent', fingerprint: String(n), plan: () => ({ hold: amounts(500), execute: execute(n) }) })
const desk = flow('desk', { budget: { usd: 0.0008, onExhausted: 'ask' } }, async (_, run) => [await call(run, 1), await call(run, 2), await call(run, 3)])
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows: [desk], leaseMs: 700 })
await engine.open()
await engine.start(desk, null, { id: 'one' }).catch(() => {})
const { output, usage } = await new EmbeddedHandle(engine, 'one').result()
say('end ' + JSON.stringify([output, Math.round(usage.usd * 1e6)]))
await engine.close()
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

  test('[B3] [B2] a run that waits for a grant, and is killed, spends no more than it was granted meanwhile, and what a killed attempt may have cost counts in full', async () => {
    const cwd = folder({ 'worker.ts': worker, 'package.json': '{"type":"module"}' })
    const begin = (...args: string[]): ChildProcess => {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'worker.ts', ...args], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    }
    const said = (): string[] => (existsSync(join(cwd, 'log')) ? readFileSync(join(cwd, 'log'), 'utf8').trim().split('\n') : [])
    const kill = async (child: ChildProcess): Promise<void> => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    const store = sqliteStore(join(cwd, '.tutti/tutti.db'))
    onTestFinished(() => store.close())
    const soon = { timeout: 20_000, interval: 20 }
    const waits = (): Promise<void> => expect.poll(async () => (await store.head('one' as RunId))?.status, soon).toBe('waiting') as unknown as Promise<void>
    const granted = async (usd: string): Promise<void> => expect((await tutti(cwd, ['grant', 'one', '--usd', usd])).out).toContain(`usd +${usd}`)

    // 400 of 800 are spent, and the second call may cost 500.
    const first = begin()
    await waits()
    await kill(first)
    await granted('0.0006')
    // It goes on, and is killed in that call: 900 of 1,400 are counted. Asked again it costs 400, and the third call has no room.
    const second = begin('2')
    await expect.poll(said, soon).toContain('call 2@1')
    await kill(second)
    const third = begin()
    await expect.poll(said, soon).toContain('call 2@2')
    await waits()
    await kill(third)
    // A grant that is not enough lets nothing through.
    await granted('0.0003')
    const fourth = begin()
    await expect.poll(async () => (await store.head('one' as RunId))?.owner !== undefined, soon).toBe(true)
    await waits()
    expect(said()).toEqual(['call 1@1', 'call 2@1', 'call 2@2'])
    const ended = once(fourth, 'exit')
    await granted('0.0001')
    expect((await ended)[0]).toBe(0)
    expect(said()).toEqual(['call 1@1', 'call 2@1', 'call 2@2', 'call 3@1', 'end [[1,2,3],1700]'])
  })
})
