import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { agent, flow, inMemory, signal, sqlite, tutti } from './index.ts'
import { scripted } from './testing/index.ts'

const Go = signal('go', z.string())
const double = flow('double', { input: z.number() }, async (n, run) => run.step('multiply', n, (x) => x * 2))
const waiting = flow('waiting', async (name: string, run) => `${name} got ${await run.wait(Go)}`)

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tutti-app-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

describe('running', () => {
  test('[R11] an app in memory runs a flow to its end, and replays it from its journal', async () => {
    await using app = tutti({ flows: [double], store: inMemory() })
    const { output, id, usage } = await app.run(double, 21)
    expect([output, usage.usd]).toEqual([42, 0])
    expect(await app.replay(id, double)).toMatchObject({ output: 42 })
    const handle = await app.start(double, 21)
    const told = await handle.result()
    expect(told).toMatchObject({ output, id: handle.id })
    expect(Object.keys(told).sort()).toEqual(['id', 'output', 'usage'])
  })

  test('[R1] an input that does not fit is refused before a run exists', async () => {
    const store = inMemory()
    await using app = tutti({ flows: [double], store })
    await expect(app.start(double, 'x' as never, { id: 'mine' })).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
    expect(await app.get('mine')).toBeUndefined()
  })

  test('[R1] a start with an id is the run that exists, and another input under that id is refused', async () => {
    await using app = tutti({ flows: [waiting], store: inMemory() })
    const first = await app.start(waiting, 'a', { id: 'order-17' })
    const again = await app.start(waiting, 'a', { id: 'order-17' })
    expect(again.id).toBe(first.id)
    await expect(app.start(waiting, 'b', { id: 'order-17' })).rejects.toMatchObject({ code: 'RUN_ID_TAKEN' })
    await again.send(Go, 'it')
    expect(await first.outcome()).toMatchObject({ status: 'completed', output: 'a got it' })
  })

  test('[D1] a run that failed replays to its failure, one that has not ended is not replayed', async () => {
    const broken = flow('broken', async (_: null, run) => run.fail('on purpose', { why: 'a test' }))
    await using app = tutti({ flows: [broken, waiting], store: inMemory() })
    const failed = await app.start(broken, null)
    await expect(failed.result()).rejects.toMatchObject({ code: 'RUN_FAILED', message: 'on purpose', data: { why: 'a test' } })
    await expect(app.replay(failed.id, broken)).rejects.toMatchObject({ code: 'RUN_FAILED' })
    const open = await app.start(waiting, 'a')
    await expect(app.replay(open.id, waiting)).rejects.toMatchObject({ code: 'RUN_BUSY' })
    await expect(app.replay('run_none', waiting)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })
})

describe('comparing', () => {
  test('[D3] two runs of one flow are compared step by step, and a run that does not exist is refused', async () => {
    await using app = tutti({ flows: [double], store: inMemory() })
    const [a, b, c] = [await app.run(double, 1), await app.run(double, 1), await app.run(double, 2)]
    expect(await app.diff(a.id, b.id)).toMatchObject({ firstDivergence: undefined, steps: [{ key: 'double/multiply', change: 'same' }], usd: 0 })
    expect(await app.diff(a.id, c.id)).toMatchObject({ firstDivergence: 'double/multiply', steps: [{ change: 'input' }] })
    await expect(app.diff(a.id, 'run_none')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })
})

describe('restarts', () => {
  test('[R1] a run that one app left goes on in the next one over the same file', async () => {
    const file = join(folder(), 'runs.db')
    const before = tutti({ flows: [waiting], store: sqlite(file) })
    const { id } = await before.start(waiting, 'a')
    await before.close({ graceMs: 0 })
    await using app = tutti({ flows: [waiting], store: sqlite(file) })
    const handle = await app.get(id, waiting)
    await handle?.send(Go, 'it later')
    expect(await handle?.result()).toMatchObject({ output: 'a got it later' })
  })

  test('[R1] with resume: false a run stays as it was left, until it is resumed by name', async () => {
    const file = join(folder(), 'runs.db')
    const left = flow('left', async (_: null, run) => {
      await run.sleep('pause', 20)
      return 'done'
    })
    const before = tutti({ flows: [left], store: sqlite(file) })
    const { id } = await before.start(left, null)
    await before.close({ graceMs: 0 })
    await using app = tutti({ flows: [left], store: sqlite(file), resume: false })
    expect(await (await app.resume(id)).result()).toMatchObject({ output: 'done' })
    await expect(app.resume('run_none')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })

  test('[R11] the default store is a file in TUTTI_HOME', async () => {
    const home = folder()
    vi.stubEnv('TUTTI_HOME', home)
    await using app = tutti({ flows: [double] })
    await app.run(double, 1)
    expect(existsSync(join(home, 'tutti.db'))).toBe(true)
  })

  test('[R7] a closed app starts nothing', async () => {
    const app = tutti({ flows: [double], store: inMemory() })
    await app.close()
    await expect(app.run(double, 1)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
  })
})

describe('declared', () => {
  test('[K4] an app with tenants takes no start without one, at compile time or at run time', async () => {
    await using app = tutti({ flows: [double], store: inMemory(), tenants: true })
    // @ts-expect-error a scope is required
    await expect(app.run(double, 1)).rejects.toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('tenant') })
    // @ts-expect-error so is its tenant
    await expect(app.run(double, 1, { scope: { user: 'ada' } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(await app.run(double, 1, { scope: { tenant: 'acme' } })).toMatchObject({ output: 2 })
  })

  test('[M1] the model of an app answers for agents that declare none, and an override answers before both', async () => {
    const plain = agent({ name: 'plain' })
    const own = agent({ name: 'own', model: scripted(['its own']) })
    const overrides = { models: { plain: scripted(['overridden']) } }
    await using app = tutti({ flows: [plain, own], store: inMemory(), model: scripted(["the app's"]) })
    expect([(await app.run(plain, 'x')).output, (await app.run(own, 'x')).output]).toEqual(["the app's", 'its own'])
    await using other = tutti({ flows: [plain], store: inMemory(), model: scripted([]), overrides })
    expect((await other.run(plain, 'x')).output).toBe('overridden')
  })

  test('[R5] two flows of one name and version are refused; a flow that is registered twice is one', () => {
    const same = flow('double', async (n: number) => n)
    expect(() => tutti({ flows: [double, same], store: inMemory() })).toThrow(expect.objectContaining({ code: 'CONFIG_FLOW_DUPLICATE' }))
    expect(() => tutti({ flows: [double, double], store: inMemory() })).not.toThrow()
  })

  test('[D2] what an app is given and cannot do yet is refused by name, never ignored', () => {
    const given = { flows: [], store: inMemory(), telemetry: [{ '~exporter': 'x' }] } as const
    expect(() => tutti(given)).toThrow(expect.objectContaining({ code: 'FLOW_NOT_YET', message: expect.stringMatching(/telemetry/) }))
  })

  test('[D2] what an app declares and cannot do yet says so', async () => {
    await using app = tutti({ flows: [double], store: inMemory() })
    const notYet = [app.fetch(new Request('http://localhost/'))]
    for (const outcome of await Promise.allSettled(notYet)) expect(outcome).toMatchObject({ reason: { code: 'FLOW_NOT_YET' } })
  })
})
