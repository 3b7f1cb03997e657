import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { nothing } from '../budget/index.ts'
import { TuttiError } from '../errors/index.ts'
import { type Failpoint, failpoints } from '../primitives/index.ts'
import { type Flow, flow, signal } from '../run/index.ts'
import { type TestApp, testing } from './index.ts'

const Go = signal('go', z.string())

/** Something of everything. `paid` is the world outside, which no crash undoes; its first payment is refused, for nothing was done. */
function shop(): { readonly paid: readonly string[]; readonly tried: readonly number[]; readonly desk: Flow<string, string> } {
  const paid: string[] = []
  const tried: number[] = []
  const desk = flow('desk', async (order: string, run) => {
    const flaky = await run.step('flaky', order, (_, { attempt }) => (tried.push(attempt) === 1 && attempt === 1 ? raise() : 'in the end'), {
      effect: 'idempotent',
      retry: { attempts: 9, backoff: '1s' },
    })
    const word = await run.wait(Go)
    await run.sleep('nap', '1h')
    const paying = await run['~core'].ask<string>({
      name: 'pay',
      kind: 'tool',
      effect: 'once',
      fingerprint: order,
      reconcile: (key) => (paid.includes(key) ? { done: true, value: `paid ${order}` } : { done: false }),
      plan: () => ({
        hold: { ...nothing, toolCalls: 1 },
        execute: async ({ idempotencyKey }) => {
          paid.push(idempotencyKey)
          return { value: `paid ${order}` }
        },
      }),
    })
    return `${flaky}, ${word}, ${paying}`
  })
  return { paid, tried, desk }
}

const raise = (): never => {
  throw new Error('by design')
}

/** A day of one app with the run: it crashes on the way, or the run ends. */
async function day(app: TestApp, desk: Flow<string, string>, id = 'run_shop'): Promise<string> {
  const handle = await app.start(desk, '17', { id })
  await app.clock.advance('1m')
  await handle.send(Go, 'now', { id: 'sig_now' }).catch(unlessFinished)
  await app.clock.advance('2h')
  return (await handle.result()).output
}

const unlessFinished = (error: unknown): void => {
  if (!TuttiError.is(error, 'RUN_FINISHED')) throw error
}

const crashed = { code: 'ENGINE_CLOSED' }
const names = Object.keys(failpoints) as Failpoint[]
/** Where an earlier app has to crash, so that the one after it comes to this place. */
const behind: { readonly [name in Failpoint]?: Failpoint } = {
  'lease taken, run.resumed not written': 'run created, not driven',
  'run.resumed written, run not driven': 'run created, not driven',
  'lost attempt found, loss not recorded': 'intent recorded, effect not begun',
  'loss recorded, next attempt not begun': 'intent recorded, effect not begun',
  'doubt found, not recorded': 'budget held, call not sent',
  'doubt recorded, tool not asked': 'budget held, call not sent',
  'verdict known, not recorded': 'budget held, call not sent',
  'refutation recorded, hold not settled': 'budget held, call not sent',
}
/** These are on the way of a run that waits for its turn, fails, and is undone. */
const undone: readonly Failpoint[] = [
  'run let through, not driven',
  'end decided, nothing undone',
  'step undone, not recorded',
  'undo recorded, next not begun',
]
/** They need other code, five crashes, or a real second at rest: see `test/crash`. */
const elsewhere: readonly Failpoint[] = [
  'divergence found, not suspended',
  'crash loop found, not suspended',
  'rest decided, not suspended',
  'suspension written, run not let go',
]

describe('crashAt', () => {
  it.each(names.filter((name) => !elsewhere.includes(name) && !undone.includes(name)))(
    "[D6][R1] '%s': the app after it comes to the same end, and pays once",
    async (name) => {
      const { paid, desk } = shop()
      let app = testing({ flows: [desk] })
      for (const at of [behind[name], name].filter((place) => place !== undefined)) {
        app.crashAt(at)
        await expect(day(app, desk)).rejects.toMatchObject(crashed)
        app = testing({ flows: [desk], after: app })
      }
      expect(await day(app, desk)).toBe('in the end, now, paid 17')
      expect(paid).toHaveLength(1)
      expect((await app.replay('run_shop', desk)).output).toBe('in the end, now, paid 17')
      await app.close()
    },
  )

  it.each(undone)("[D6][R8] '%s': the app after it undoes the rest, in the same order", async (name) => {
    const undoing: string[] = []
    const trip = flow('trip', { queue: { concurrency: 1 } }, async (_: null, run) => {
      for (const what of ['flight', 'train'])
        await run.step(what, what, () => what, { effect: 'idempotent', undo: (_output, input) => void undoing.push(input) })
      return run.fail('the card was declined')
    })
    const app = testing({ flows: [trip] })
    app.crashAt(name)
    const left = app.start(trip, null, { id: 'run_trip' }).then((handle) => handle.result())
    await expect(left).rejects.toMatchObject(crashed)
    await using after = testing({ flows: [trip], after: app })
    await expect(after.run(trip, null, { id: 'run_trip' })).rejects.toMatchObject({ code: 'RUN_FAILED' })
    expect(undoing.filter((what, i) => what !== undoing[i - 1])).toEqual(['train', 'flight'])
    expect(undoing.length).toBeLessThanOrEqual(name === 'step undone, not recorded' ? 3 : 2)
  })

  it('[D6] counts the times a place is passed: the start of this run is the first commit, its first intent the second', async () => {
    const { desk } = shop()
    const first = testing({ flows: [desk] })
    first.crashAt('committed, not answered')
    await expect(first.start(desk, '17')).rejects.toMatchObject({ message: "the app crashed at 'committed, not answered', as crashAt() said" })
    const second = testing({ flows: [desk] })
    second.crashAt('committed, not answered', 2)
    const handle = await second.start(desk, '17', { id: 'run_shop' })
    await expect(handle.result()).rejects.toMatchObject(crashed)
    await using after = testing({ flows: [desk], after: second })
    expect(await day(after, desk)).toContain('paid')
  })

  it('[D6] keeps what was committed, and nothing of what was not', async () => {
    for (const [at, attempts] of [
      ['everything written, not committed', [1, 2]],
      ['committed, not answered', [2]],
    ] as const) {
      const { desk, tried } = shop()
      const app = testing({ flows: [desk] })
      app.crashAt(at, 2)
      await expect(day(app, desk)).rejects.toMatchObject(crashed)
      await using after = testing({ flows: [desk], after: app })
      await day(after, desk)
      expect(tried).toEqual(attempts)
    }
  })

  it('[D6] takes nothing with it but the app it is called on', async () => {
    const { desk } = shop()
    await using other = testing({ flows: [desk] })
    const app = testing({ flows: [desk] })
    app.crashAt('run created, not driven')
    expect(await day(other, desk, 'run_other')).toContain('paid')
    await expect(day(app, desk)).rejects.toMatchObject(crashed)
  })

  it('[D6] lets no effect begin, nothing be written and nothing be sent afterwards', async () => {
    const { paid, desk } = shop()
    const app = testing({ flows: [desk] })
    app.crashAt('budget held, call not sent')
    await expect(day(app, desk)).rejects.toMatchObject(crashed)
    expect(paid).toEqual([])
    await expect(app.start(desk, '18')).rejects.toMatchObject(crashed)
    await app.close()
  })

  it('[D6] refuses a place that is not on the list, and a count that is none', () => {
    const app = testing({ flows: [] })
    expect(() => app.crashAt('step.started' as never)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('run created') }),
    )
    expect(() => app.crashAt('committed, not answered', 0)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
