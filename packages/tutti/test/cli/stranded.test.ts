import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href
const app = (version: string): string => `
import { flow } from '${source('run/index.ts')}'
export const flows = [flow('patient', { version: '${version}' }, async (_, run) => run.sleep('night', '8h'))]
`
const begin = `
import { flows } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows, resume: false })
await new EmbeddedHandle(engine, await engine.start(flows[0], null)).outcome()
await engine.close({ graceMs: 0 })
`

test('[R5] runs pinned to code that is gone are listed, with what is there instead, and resume says what to do', async () => {
  const cwd = folder({ 'app.ts': app('1'), 'new.ts': app('2'), 'begin.ts': begin, 'package.json': '{"type":"module"}' })
  spawnSync(process.execPath, ['begin.ts'], { cwd })
  expect((await tutti(cwd, ['runs', '--stranded', '--app', 'new.ts'])).out).toMatch(/^run_\w+ {2}patient version 1 \(here: 2\) {2}waiting, started /)
  expect(parsed(await tutti(cwd, ['runs', '--stranded', '--json']))).toMatchObject({
    runs: [{ flow: 'patient', version: '1', status: 'waiting', registered: [] }],
  })
  expect(await tutti(cwd, ['runs', '--stranded', '--app', 'app.ts'])).toMatchObject({ code: 0, err: expect.stringContaining('No run in') })
  expect((await tutti(cwd, ['doctor', '--app', 'new.ts'])).out).toMatch(/stranded +1 run pinned to code that is gone: run_\w+ {2}patient version 1 \(here: 2\)/)
  expect(await tutti(cwd, ['resume', 'last', '--app', 'new.ts'])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/RUN_VERSION_MISMATCH[\s\S]*Export that version too from the module of --app, beside the new one/),
  })
})
