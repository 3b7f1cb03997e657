import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href

const app = `
import { flow, signal } from '${source('run/index.ts')}'
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
const Go = signal('go', anything)
export const flows = [flow('patient', async (_, run) => run.wait(Go))]
`
const begin = `
import { flows } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows, resume: false })
const run = await engine.start(flows[0], null, { deadline: '2d' })
await new EmbeddedHandle(engine, run).outcome()
await engine.close({ graceMs: 0 })
`

describe('pause', () => {
  test('[R7] a run stands still until resume, says so wherever it is looked at, and has then what it was sent', async () => {
    const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
    spawnSync(process.execPath, ['begin.ts'], { cwd })
    const paused = await tutti(cwd, ['pause', 'last', '--reason', 'the bank is closed'])
    expect(paused).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^run_\w+ is paused\.\nIts deadline keeps running: \d{4}-.*\.\nGo on with: npx tutti resume run_\w+\n$/),
    })
    expect((await tutti(cwd, ['pause', 'last'])).out).toMatch(/^run_\w+ stands still already: paused: the bank is closed\.\n/)
    expect((await tutti(cwd, ['runs'])).out).toMatch(/run_\w+ +patient +paused/)
    expect(parsed(await tutti(cwd, ['runs', '--status', 'suspended', '--json']))).toMatchObject({ runs: [{ status: 'suspended', why: 'paused' }] })
    expect(parsed(await tutti(cwd, ['runs', '--status', 'paused', '--json']))).toMatchObject({ runs: [{ why: 'paused' }] })
    expect(parsed(await tutti(cwd, ['runs', '--status', 'diverged', '--status', 'stopped', '--json']))).toEqual({ runs: [] })
    expect((await tutti(cwd, ['show', 'last'])).out).toMatch(/^patient version 1 {2}paused\n[\s\S]*paused: the bank is closed\n.*npx tutti resume run_/)
    expect((await tutti(cwd, ['signal', 'last', 'go', '17'])).out).toMatch(
      /^Left for run_\w+: 'go'\.\nIt stands still \(paused: the bank is closed\) and has it once it goes on: npx tutti resume run_/,
    )
    expect(parsed(await tutti(cwd, ['resume', 'last', '--app', 'app.ts', '--json']))).toMatchObject({ status: 'completed', output: 17 })
    expect(await tutti(cwd, ['pause', 'last'])).toMatchObject({ code: 2, err: expect.stringContaining('error RUN_FINISHED') })
    expect(await tutti(cwd, ['pause', 'run_nobody'])).toMatchObject({ code: 2, err: expect.stringContaining('error RUN_NOT_FOUND') })
  })

  test('[R7] a paused run is ended by cancel once an app with its flow opens the store', async () => {
    const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
    spawnSync(process.execPath, ['begin.ts'], { cwd })
    expect(parsed(await tutti(cwd, ['pause', 'last', '--json']))).toMatchObject({ status: 'suspended', why: 'paused', reason: 'paused from the command line' })
    expect((await tutti(cwd, ['cancel', 'last'])).out).toMatch(/will be cancelled when an app with its flow 'patient' opens this store/)
    expect((await tutti(cwd, ['show', 'last'])).out).toContain('\nis to be cancelled: cancelled from the command line (')
    expect(await tutti(cwd, ['resume', 'last', '--app', 'app.ts'])).toMatchObject({ code: 1, err: expect.stringContaining('RUN_CANCELLED') })
  })
})
