/** `tutti worker --engine restate` as a person starts it, before Restate is there. */
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { restate } from '@tutti/restate'
import { flow, sqlite, tutti } from 'tutti'
import { describe, expect, onTestFinished, test } from 'vitest'
import { folder, type Started, start } from '../../tutti/test/cli/command.ts'
import { freePorts, missingRestate, startRestate } from './restate-server.ts'

const missing = missingRestate()
const app = `
import { flow } from '${new URL('../../tutti/src/index.ts', import.meta.url).href}'
export const flows = [flow('double', (n, run) => run.step('twice', n, (x) => 2 * x))]
`
const double = flow('double', (n: number, run) => run.step('twice', n, (x) => 2 * x))

interface Place {
  readonly ingress: string
  readonly admin: string
}

async function workerAt(cwd: string, at: Place, ...more: readonly string[]): Promise<Started> {
  const [port] = await freePorts(1)
  const env = { TUTTI_RESTATE_INGRESS: at.ingress, TUTTI_RESTATE_ADMIN: at.admin, NODE_OPTIONS: '--conditions=tutti-source' }
  return start(cwd, ['worker', '--engine', 'restate', '--port', `${port}`, '--app', 'app.ts', ...more], { env })
}

describe('a worker whose Restate is not there', () => {
  test.skipIf(missing)(
    `[S4] says so and tries again, drives once it is there, and drains${missing ? ` (not run: ${missing})` : ''}`,
    { timeout: 90_000 },
    async () => {
      const cwd = folder({ 'app.ts': app })
      const server = await startRestate()
      onTestFinished(() => server.stop())
      const [node] = server.nodes as [(typeof server.nodes)[0]]
      await node.kill()
      const worker = await workerAt(cwd, server, '--json')
      await worker.wrote('"event":"away","code":"ENGINE_UNREACHABLE"')
      await node.start()
      await worker.wrote('"event":"ready"')

      const { ingress, admin } = server
      await using client = tutti({ flows: [double], store: sqlite(join(cwd, '.tutti/tutti.db')), engine: restate({ ingress, admin }), resume: false })
      expect((await client.run(double, 21)).output).toBe(42)
      worker.child.kill('SIGINT')
      const { code, out } = await worker.ended
      expect([code, out]).toEqual([0, expect.stringContaining('{"completed":1}')])
    },
  )

  test('[S4] is ended by Ctrl-C at once: between two tries, and while one is not answered', async () => {
    const nobody = await listening()
    await nobody.close()
    const silent = await listening()
    onTestFinished(() => silent.close())
    const refused = await workerAt(folder({ 'app.ts': app }), at(nobody.url), '--json')
    const unanswered = await workerAt(folder({ 'app.ts': app }), at(silent.url))
    await Promise.all([refused.wrote('"event":"away"'), unanswered.wrote('Drives double')])
    await silent.heard
    const asked = performance.now()
    for (const { child } of [refused, unanswered]) child.kill('SIGINT')
    const [first, second] = await Promise.all([refused.ended, unanswered.ended])
    expect(performance.now() - asked).toBeLessThan(4_000)
    expect([first.code, first.out]).toEqual([0, expect.stringContaining('"event":"end","counts":{}')])
    expect([second.code, second.err]).toEqual([0, expect.stringContaining('Ended: nothing was due.')])
  })
})

const at = (url: string): Place => ({ ingress: url, admin: url })

/** Takes connections, and answers none. */
async function listening(): Promise<{ readonly url: string; readonly heard: Promise<void>; close(): Promise<void> }> {
  const heard = Promise.withResolvers<void>()
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    heard.resolve()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  return { url, heard: heard.promise, close }
}
