import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { restate } from '@tutti/restate'
import { flow, sqlite, tutti } from 'tutti'
import type { EngineMaker } from 'tutti/engine'
import { expect, onTestFinished, test, vi } from 'vitest'

const double = flow('double', (n: number, run) => run.step('twice', n, (x) => 2 * x))

/** Something that listens where Restate is looked for. */
async function answering(status: number, body: string): Promise<string> {
  const server = createServer((_, answer) => void answer.writeHead(status).end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function newStore() {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-host-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return sqlite(join(folder, 'journal.db'))
}

const startAt = async (ingress: string): Promise<unknown> => {
  await using app = tutti({ flows: [double], store: newStore(), engine: restate({ ingress }), resume: false })
  return await app.start(double, 1)
}

test('an option of restate() that there is not is refused when it is declared', () => {
  const refused = (message: string) => expect.objectContaining({ code: 'CONFIG_INVALID', message, hint: expect.stringContaining('Did you mean') })
  expect(() => restate({ ingres: 'http://127.0.0.1:1' } as never)).toThrow(refused("restate() has no option 'ingres'"))
  expect(() => restate({ serve: { prot: 1 } } as never)).toThrow(refused("the serve of restate() has no option 'prot'"))
})

test('[S4] whatever else listens there is not taken for a Restate without workers', async () => {
  await expect(startAt(await answering(404, 'not here'))).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  await expect(startAt(await answering(200, '<html>hello</html>'))).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringContaining('no Restate'),
  })
  await expect(startAt(await answering(404, `{"code":404,"message":"service 'x' not found"}`))).rejects.toMatchObject({ code: 'CONFIG_FLOW_UNKNOWN' })
})

test('[S4] an address that no waiting mends is refused at once, and nothing of it is shown', async () => {
  const opened = async (o: Parameters<typeof restate>[0]): Promise<unknown> => {
    await using app = tutti({ flows: [double], store: newStore(), engine: restate(o), resume: o?.serve !== undefined })
    return await app.start(double, 1)
  }
  const invalid = { code: 'CONFIG_INVALID', disposition: 'terminal', message: expect.not.stringContaining('secret') }
  for (const address of ['secret place', 'ftp://secret', 'secret:8080', 'http://me:secret@127.0.0.1:9', ''])
    for (const o of [{ ingress: address }, { admin: address, serve: { port: 0 } }, { serve: { port: 0, advertise: address } }])
      await expect(opened(o)).rejects.toMatchObject(invalid)
  await expect((restate({ ingress: 'secret place' }) as EngineMaker).check?.()).rejects.toMatchObject(invalid)
  await expect(opened({ ingress: 'http://127.0.0.1:19' })).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE', disposition: 'retryable' })
})

test('[S4] an app that drives nothing is no worker, though its environment says where one listens', async () => {
  vi.stubEnv('TUTTI_ENGINE', 'restate')
  vi.stubEnv('TUTTI_RESTATE_SERVE', '0')
  vi.stubEnv('TUTTI_RESTATE_INGRESS', await answering(202, '{}'))
  // A worker would register here.
  vi.stubEnv('TUTTI_RESTATE_ADMIN', await answering(500, 'no'))
  const appOf = (resume: boolean) => tutti({ flows: [double], store: newStore(), resume })
  await using client = appOf(false)
  expect((await client.start(double, 1)).id).toMatch(/^run_/)
  await using worker = appOf(true)
  await expect(worker.start(double, 1)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('[S4] an admin interface that does not say where runs stand is told of, and hides nothing else', async () => {
  const server = createServer((request, answer) => {
    const known = request.url === '/deployments' && request.method === 'GET'
    answer
      .writeHead(known || request.url === '/restate/health' ? 200 : 403)
      .end(known ? '{"deployments":[{"id":"dp","uri":"http://w/","services":[{"name":"tutti.a.1"}]}]}' : '{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const checks = await (restate({ ingress: at, admin: at }) as EngineMaker).check?.()
  expect(checks?.map(({ what, ok }) => [what, ok])).toEqual([
    ['restate', true],
    ['workers', true],
    ['hanging', false],
  ])
})
