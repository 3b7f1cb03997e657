import { describe, expect, it } from 'vitest'
import type { TuttiError } from '../../errors/index.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { testEngine } from '../../testing/test-engine.ts'
import { flow, type StepContext, type StepOptions } from '../index.ts'

/** A step of one attempt after another, each doing `work`. */
async function begun(work: (ctx: StepContext) => Promise<unknown>, o: StepOptions<null, unknown>) {
  const clock = simulatedClock()
  const desk = flow('desk', async (_: null, run) => run.step('a', null, (_, ctx) => work(ctx), o))
  const { start, lines } = testEngine([desk], { clock })
  const handle = await start(desk, null)
  return { clock, handle, lines: () => lines(handle.id) }
}
const silent = (): Promise<never> => new Promise(() => {})

describe('an idle timeout', () => {
  it('[R3] gives a step up that shows no sign of life for so long, tells it so, and says so with a code that may be tried again', async () => {
    const reasons: unknown[] = []
    const work = ({ signal }: StepContext): Promise<never> => {
      signal.addEventListener('abort', () => reasons.push((signal.reason as TuttiError).code))
      return silent()
    }
    const { clock, handle, lines } = await begun(work, { idle: '10s', retry: { attempts: 2, backoff: 0 } })
    await clock.advance('9s')
    expect([await lines(), reasons]).toEqual([[], []])
    await clock.advance('1s')
    expect(await lines()).toEqual(['step.failed desk/a @1 RUN_STEP_IDLE again'])
    await clock.advance('10s')
    expect(await handle.outcome()).toMatchObject({
      status: 'failed',
      error: { code: 'RUN_STEP_IDLE', message: "'desk/a' showed no sign of life for 10000 ms" },
    })
    expect(reasons).toEqual(['RUN_STEP_IDLE', 'RUN_STEP_IDLE'])
  })

  it('[R3] begins anew with every heartbeat, also one taken out of the context, however long the step takes in all', async () => {
    let beat = (): void => {}
    const { clock, handle } = await begun(
      ({ heartbeat }) => {
        beat = heartbeat
        return silent()
      },
      { idle: '10s' },
    )
    await settled()
    for (let i = 0; i < 20; i++) {
      await clock.advance('9s')
      beat()
    }
    await clock.advance('9999ms')
    const ending = handle.outcome()
    expect(await Promise.race([ending.then(() => 'ended'), settled().then(() => 'goes on')])).toBe('goes on')
    await clock.advance('1ms')
    expect(await ending).toMatchObject({ error: { code: 'RUN_STEP_IDLE' } })
  })

  it('[R3] begins anew with every part that is streamed', async () => {
    const clock = simulatedClock()
    let say = (): void => {}
    const desk = flow('desk', async (_: null, run) =>
      run['~core'].ask<null>({
        name: 'a',
        kind: 'model',
        effect: 'read',
        fingerprint: 'f',
        idleMs: 10_000,
        plan: () => ({
          execute: (ctx) => {
            say = () => ctx.stream({ type: 'text', text: '.' })
            return silent()
          },
        }),
      }),
    )
    const { start } = testEngine([desk], { clock })
    const handle = await start(desk, null)
    await clock.advance('9s')
    say()
    await clock.advance('9s')
    expect((await Promise.race([handle.outcome(), settled()])) ?? 'goes on').toBe('goes on')
    await clock.advance('1s')
    expect(await handle.outcome()).toMatchObject({ error: { code: 'RUN_STEP_IDLE' } })
  })

  it('[R3] is over with the step, stands beside its timeout, and leaves no alarm behind', async () => {
    const quick = await begun(async ({ heartbeat }) => heartbeat(), { idle: '10s', timeout: '1m' })
    await settled()
    expect(quick.clock.alarms).toBe(0)
    expect((await quick.handle.outcome()).status).toBe('completed')
    let beat = (): void => {}
    const long = await begun(
      ({ heartbeat }) => {
        beat = heartbeat
        return silent()
      },
      { idle: '10s', timeout: '15s' },
    )
    await long.clock.advance('9s')
    beat()
    await long.clock.advance('6s')
    expect(await long.handle.outcome()).toMatchObject({ error: { code: 'RUN_TIMEOUT' } })
    expect(long.clock.alarms).toBe(0)
  })

  it('[I8] of a step that may happen once only leaves it in doubt', async () => {
    const { clock, handle, lines } = await begun(silent, { idle: '10s', effect: 'once', retry: { attempts: 3 } })
    await clock.advance('10s')
    expect(await lines()).toEqual(['step.started desk/a @1', 'step.doubted desk/a @1 RUN_STEP_IDLE'])
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.resolve', key: 'desk/a' }] })
  })
})
