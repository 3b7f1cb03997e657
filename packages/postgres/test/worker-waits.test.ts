/** `tutti worker` as a person starts it, before its Postgres is there. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { folder, start } from '../../tutti/test/cli/command.ts'
import { missingPostgres, startPostgres } from './postgres-server.ts'

const missing = missingPostgres()
const app = `
import { flow } from '${new URL('../../tutti/src/index.ts', import.meta.url).href}'
export const flows = [flow('double', (n, run) => run.step('twice', n, (x) => 2 * x))]
`

describe.skipIf(missing)(`a worker whose Postgres is not there${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  test('[S5] says so and tries again until it is there, and is ended by Ctrl-C at once', { timeout: 60_000 }, async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    await server.kill()
    const env = { TUTTI_STORE: server.url, NODE_OPTIONS: '--conditions=tutti-source' }
    const [waiting, ended] = ['one', 'two'].map(() => start(folder({ 'app.ts': app }), ['worker', '--app', 'app.ts', '--json'], { env })) as [Worker, Worker]
    await Promise.all([waiting, ended].map((worker) => worker.wrote('"event":"away","code":"JOURNAL_UNWRITABLE"')))
    const asked = performance.now()
    ended.child.kill('SIGINT')
    expect(await ended.ended).toMatchObject({ code: 0, out: expect.stringContaining('"event":"end","counts":{}') })
    expect(performance.now() - asked).toBeLessThan(4_000)

    await server.start()
    await waiting.wrote('"event":"ready"')
    // What no waiting mends is not waited for.
    const elsewhere = { ...env, TUTTI_STORE: server.url.replace(/postgres$/, 'nothing') }
    const refused = await start(folder({ 'app.ts': app }), ['worker', '--app', 'app.ts'], { env: elsewhere }).ended
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('CONFIG_INVALID')])
    waiting.child.kill('SIGINT')
    expect((await waiting.ended).code).toBe(0)
  })
})

type Worker = ReturnType<typeof start>
