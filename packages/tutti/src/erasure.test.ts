import { expect, it, onTestFinished } from 'vitest'
import { memoryStore } from './journal/index.ts'
import { flow } from './run/index.ts'
import { type App, appOn } from './tutti.ts'

const echo = flow('echo', async (text: string) => text)
const held = flow('held', async (text: string, run) => {
  await run.step('hold', text, (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
})

function open(): App {
  const app = appOn({ flows: [echo, held] }, { store: memoryStore(), gateway: undefined as never })
  onTestFinished(() => app.close({ graceMs: 0 }))
  return app
}

it('[R13] an app erases one user and goes on with the others', async () => {
  const app = open()
  const ada = { tenant: 'acme', user: 'ada' }
  await app.run(echo, 'a', { id: 'a', scope: ada })
  await app.run(echo, 'b', { id: 'b', scope: { tenant: 'acme', user: 'bob' } })
  expect(await app.erase(ada)).toMatchObject({ runs: ['a'], keys: 0 })
  expect([await app.get('a'), (await app.get('b'))?.id]).toEqual([undefined, 'b'])
  expect((await app.run(echo, 'again', { id: 'a', scope: ada })).output).toBe('again')
})

it('[R13] a run under way refuses an erasure; forced, it is cancelled before it is removed', async () => {
  const app = open()
  const handle = await app.start(held, 'x', { id: 'x', scope: { tenant: 'acme' } })
  const outcome = handle.outcome()
  await expect(app.erase({ tenant: 'acme' })).rejects.toMatchObject({ code: 'RUN_NOT_FINISHED', data: { runs: ['x'] } })
  expect(await app.erase({ tenant: 'acme', force: true })).toMatchObject({ runs: ['x'] })
  expect(await outcome).toMatchObject({ status: 'cancelled' })
  expect(await app.get('x')).toBeUndefined()
})

it('[R10] an app prunes what has ended, and refuses what has not', async () => {
  const app = open()
  await app.run(echo, 'a', { id: 'a', labels: { kind: 'test' } })
  await app.start(held, 'x', { id: 'x' })
  await expect(app.prune({ runs: ['a', 'x'] })).rejects.toMatchObject({ code: 'RUN_NOT_FINISHED' })
  expect(await app.prune({ labels: { kind: 'test' } })).toMatchObject({ removed: ['a'] })
  await expect(app.prune({})).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect((await app.get('x'))?.id).toBe('x')
})
