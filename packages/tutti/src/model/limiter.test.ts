import { describe, expect, onTestFinished, test } from 'vitest'
import { type LimitBook, memoryLimits, memoryStore } from '../journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../run/index.ts'
import { type SimulatedClock, settled, simulatedClock } from '../testing/simulated-clock.ts'
import { askModel, gateway, gatewayKey } from './gateway.ts'
import type { ModelLike } from './model.port.ts'
import { request } from './one-question.ts'
import { played, refusal } from './played.ts'
import { breaker, hedge, limit, retry } from './policy.ts'

interface Made {
  readonly clock: SimulatedClock
  readonly engine: EmbeddedEngine
  /** Who was asked for, and when (s after the start). */
  readonly served: string[]
  /** Starts a run that asks so many times, all at once. */
  start(id: string, o?: { tenant?: string; times?: number; deadline?: number }): Promise<EmbeddedHandle<unknown>>
}

/** An app on a simulated clock, whose runs ask a model that answers at once. */
function app(policy: (model: ModelLike) => ModelLike, o: { clock?: SimulatedClock; limits?: LimitBook; usage?: object; hold?: Promise<void> } = {}): Made {
  const clock = o.clock ?? simulatedClock()
  const began = clock.now()
  const served: string[] = []
  const told = new Map<Run['id'], string>()
  const model = policy(
    played(
      'a/one',
      async ({ say }) => {
        await o.hold
        say('x')
      },
      o.usage ? { usage: o.usage } : {},
    ).model,
  )
  const asks = flow('asks', async (times: number, run: Run) => {
    told.set(run.id, run.scope.tenant === 'default' ? run.id : `${run.scope.tenant}/${run.id}`)
    await run.all(
      Array.from({ length: times }, (_, i) =>
        askModel(run, { name: `ask:${i}`, agent: 'a', model, request: request('hello') }).then(() =>
          served.push(`${told.get(run.id)} ${(clock.now() - began) / 1_000}`),
        ),
      ),
    )
  })
  const models = gateway({ env: {}, cwd: '.', clock, ...(o.limits ? { limits: o.limits } : {}) })
  const engine = new EmbeddedEngine({
    store: memoryStore(),
    flows: [asks],
    services: new Map([[gatewayKey.service, models]]),
    clock,
    leaseMs: 1e9,
    patienceMs: 1e9,
  })
  onTestFinished(() => engine.close({ graceMs: 0 }))
  const start: Made['start'] = async (id, { tenant, times = 1, deadline } = {}) =>
    new EmbeddedHandle(engine, await engine.start(asks, times, { id: id as Run['id'], deadline, ...(tenant ? { scope: { tenant } } : {}) }))
  return { clock, engine, served, start }
}

describe('limit', () => {
  test('[M9] calls over the limit wait for the next minute, and their labels say for how long', async () => {
    const { clock, engine, served, start } = app((model) => limit(model, { requestsPerMinute: 2 }))
    const handle = await start('r', { times: 5 })
    await settled()
    expect(served).toEqual(['r 0', 'r 0'])
    await clock.advance('3m')
    await handle.result()
    expect(served).toEqual(['r 0', 'r 0', 'r 61', 'r 61', 'r 122'])
    const waited: unknown[] = []
    for await (const entry of engine.store.read(handle.id)) if (entry.type === 'step.started') waited.push((entry.label as { waitedMs?: number }).waitedMs)
    expect(waited).toEqual([undefined, undefined, 61_000, 61_000, 122_000])
  })

  test('[M9] tenants take turns, and so do the runs of a tenant, however many each asks for', async () => {
    const { clock, served, start } = app((model) => limit(model, { requestsPerMinute: 1 }))
    await start('much', { tenant: 'a', times: 4 })
    await settled()
    await start('little', { tenant: 'a', times: 2 })
    await start('other', { tenant: 'b', times: 2 })
    await settled()
    await clock.advance('10m')
    expect(served.map((each) => each.split(' ')[0])).toEqual(['a/much', 'a/much', 'b/other', 'a/little', 'b/other', 'a/much', 'a/little', 'a/much'])
  })

  test('[M9] tokens are estimated before, and put right by what was used', async () => {
    const { clock, served, start } = app((model) => limit(model, { tokensPerMinute: 1_000 }), {
      usage: { inputTokens: { total: 10 }, outputTokens: { total: 90 } },
    })
    await start('r', { times: 20 })
    await settled()
    // 500 are guessed of an answer first: one fits beside it, and less is guessed the more is seen.
    expect(served.length).toBeGreaterThan(0)
    expect(served.length).toBeLessThanOrEqual(10)
    await clock.advance('20m')
    expect(served).toHaveLength(20)
    const perMinute = Map.groupBy(served, (each) => each.split(' ')[1])
    for (const made of perMinute.values()) expect(made.length * 100).toBeLessThanOrEqual(1_000)
  })

  test('[M9] so many calls at once, and not more', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let underWay = 0
    let most = 0
    const model = played('a/one', async ({ say }) => {
      most = Math.max(most, ++underWay)
      await promise
      await new Promise((done) => setImmediate(done))
      underWay--
      say('x')
    })
    const { start } = app(() => limit(model.model, { concurrency: 3 }))
    const handle = await start('r', { times: 10 })
    await settled()
    expect(underWay).toBe(3)
    resolve()
    await handle.result()
    expect([most, model.seen.calls]).toEqual([3, 10])
  })

  test('[M9] two apps on one book have one limit between them', async () => {
    const clock = simulatedClock()
    const limits = memoryLimits()
    const slow: LimitBook = { take: async (ask) => limits.take(ask), change: async (change) => limits.change(change) }
    const apps = [1, 2].map(() => app((model) => limit(model, { requestsPerMinute: 6 }), { clock, limits: slow }))
    await Promise.all(apps.map(({ start }, i) => start(`r${i}`, { times: 15 })))
    await settled()
    const served = (): number => apps.reduce((sum, { served }) => sum + served.length, 0)
    for (let minute = 1; minute <= 5; minute++) {
      expect(served()).toBe(minute * 6)
      await clock.advance(61_000)
    }
    expect(served()).toBe(30)
  })

  test('[M9] a book that cannot be written stops nobody: the process counts for itself', async () => {
    const broken: LimitBook = { take: () => Promise.reject(new Error('locked')), change: () => Promise.reject(new Error('locked')) }
    const { served, start } = app((model) => limit(model, { requestsPerMinute: 2 }), { limits: broken })
    await start('r', { times: 3 })
    await settled()
    expect(served).toHaveLength(2)
  })

  test('[M9] who must not wait so long is refused at once, and the next model is asked', async () => {
    const other = played('b/two', ({ say }) => say('y'))
    const { clock, served, start } = app((model) => [limit(retry(model, { attempts: 1 }), { requestsPerMinute: 1, maxWait: '5s' }), other.model])
    const handle = await start('r', { times: 3 })
    await settled()
    await clock.advance('6s')
    await handle.result()
    expect([served.length, other.seen.calls]).toEqual([3, 2])
  })

  test('[M9] a run that is cancelled, or whose deadline passes, waits no more and takes nobody else’s turn', async () => {
    const { clock, served, start } = app((model) => limit(model, { requestsPerMinute: 1 }))
    await start('first')
    await settled()
    const gone = await start('gone')
    const late = await start('late', { deadline: 10_000 })
    const last = await start('last')
    await settled()
    await gone.cancel()
    await clock.advance('2m')
    expect([(await gone.outcome()).status, (await late.outcome()).status, (await last.outcome()).status]).toEqual(['cancelled', 'failed', 'completed'])
    expect(served).toEqual(['first 0', 'last 61'])
  })

  test('[M8] [M9] a hedge does not wait in line: it is made now, or not at all', async () => {
    const clock = simulatedClock()
    const silent = played('a/slow', async () => new Promise(() => {}))
    const { start } = app(() => hedge(limit(silent.model, { requestsPerMinute: 1 }), { after: '1s' }), { clock })
    await start('r')
    await settled()
    await clock.advance('5m')
    expect(silent.seen.calls).toBe(1)
  })

  test('[B1] [M9] a call that the budget refuses, or an open circuit behind it, gives back what it took', async () => {
    const clock = simulatedClock()
    const failing = played('a/one', ({ call, say }) => (call === 1 ? Promise.reject(refusal(500)) : say('x')))
    const { start } = app(() => limit(breaker(retry(failing.model, { attempts: 1 }), { failures: 1, cooldown: '5s' }), { requestsPerMinute: 2 }), { clock })
    for (let i = 0; i < 4; i++) expect((await (await start(`r${i}`)).outcome()).status).toBe('failed')
    await clock.advance('6s')
    expect((await (await start('again')).outcome()).status).toBe('completed')
  })

  test('a limit that limits nothing, or by a part of a request, is refused', () => {
    for (const wrong of [{}, { requestsPerMinute: 0 }, { tokensPerMinute: 1.5 }, { concurrency: 1, maxWait: 'long' as never }])
      expect(() => limit('a/one', wrong)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
