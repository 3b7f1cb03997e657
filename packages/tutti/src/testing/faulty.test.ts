import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { hedge, retry, timeout } from '../model/index.ts'
import { type Faults, faulty, scripted, testing } from './index.ts'

const said = 'It comes on Monday, at ten.'
const many = Array.from({ length: 40 }, () => said)

/** Asks an agent once over this model, letting time pass until it ends. */
async function ask(o: Faults, policy: (model: ReturnType<typeof faulty>) => Parameters<typeof retry>[0] = (model) => model) {
  const model = faulty(scripted(many), o)
  const made = agent({ name: 'a', model: policy(model) })
  await using app = testing({ flows: [made] })
  const begun = app.clock.now()
  const handle = await app.start(made, 'when?')
  for (
    let i = 0;
    i < 100 &&
    (await Promise.race([
      handle.result().then(
        () => true,
        () => true,
      ),
      app.clock.advance('100ms').then(() => false),
    ])) === false;
    i++
  );
  const outcome = await handle.outcome()
  return { outcome, faults: model.faults, tookMs: app.clock.now() - begun }
}

describe('a model with faults', () => {
  test('[D6] [M4] a rate limit asks for its wait, and the wait is kept', async () => {
    const { outcome, faults, tookMs } = await ask({ rateLimit: { calls: [1], retryAfter: '2s' } })
    expect(outcome).toMatchObject({ status: 'completed', output: said })
    expect(faults).toEqual(['rateLimit', 'none'])
    expect(tookMs).toBeGreaterThanOrEqual(2_000)
  })

  test('[D6] a server error is one, of the status asked for', async () => {
    const { outcome } = await ask({ serverError: { calls: [1, 2, 3], status: 529 } })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'MODEL_OVERLOADED', message: expect.stringContaining('529') } })
  })

  test('[D6] a cut stream and a malformed answer are seen as such', async () => {
    expect(await ask({ cut: [1, 2, 3] })).toMatchObject({ outcome: { error: { code: 'MODEL_STREAM_CUT' } } })
    const output = z.object({ a: z.string() })
    const model = faulty(scripted([{ json: { a: 'x' } }, { json: { a: 'x' } }]), { malformed: [1] })
    const made = agent({ name: 'a', model, output })
    await using app = testing({ flows: [made] })
    expect((await app.run(made, 'go')).output).toEqual({ a: 'x' })
    expect(app.calls[1]?.prompt).toContain('not JSON: {"a"')
  })

  test('[D6] latency and drip pass on the clock of the app: no test waits for them', async () => {
    const began = performance.now()
    const { outcome, tookMs } = await ask({ latency: '3s', drip: '100ms' })
    expect(outcome.status).toBe('completed')
    expect(tookMs).toBeGreaterThanOrEqual(3_900)
    expect(performance.now() - began).toBeLessThan(3_000)
    expect((await ask({ latency: '5s' }, (model) => retry(timeout(model, { firstToken: '1s' }), { attempts: 1 }))).outcome).toMatchObject({
      error: { code: 'MODEL_TIMEOUT' },
    })
  })

  test('[D6] [M8] a slow model is hedged in simulated time', async () => {
    const { faults, outcome, tookMs } = await ask({ latency: ['200ms', '6s'], seed: 3 }, (model) => hedge(model, { after: '500ms' }))
    expect(outcome.status).toBe('completed')
    expect(faults).toHaveLength(2)
    expect(tookMs).toBeLessThan(6_000)
  })

  test('[D6] the same seed fails the same calls; a share is a share', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const calls = async () => {
          const model = faulty(scripted(many), { seed, rateLimit: { calls: 0.3 }, serverError: 0.2 })
          for (let i = 0; i < 30; i++) await Promise.resolve(model.doGenerate({ prompt: [] })).catch(() => {})
          return model.faults
        }
        expect(await calls()).toEqual(await calls())
      }),
      { numRuns: 20 },
    )
    const model = faulty(scripted(Array.from({ length: 1_000 }, () => 'x')), { serverError: 0.25 })
    for (let i = 0; i < 1_000; i++) await Promise.resolve(model.doGenerate({ prompt: [] })).catch(() => {})
    const share = model.faults.filter((fault) => fault === 'serverError').length / 1_000
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.3)
  })

  test('[D6] what is no model object, and a share above 1, are refused', () => {
    expect(() => faulty(retry(scripted([]), { attempts: 1 }), {})).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => faulty(scripted([]), { cut: 3 })).toThrow(expect.objectContaining({ message: expect.stringContaining('cut is 3') }))
  })
})
