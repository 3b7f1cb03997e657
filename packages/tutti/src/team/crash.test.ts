/**
 * Every topology on a task whose outcome is known, in an app that dies at random places and is gone on with: the outcome is the same, and no model is ever shown
 * another history than it would have been shown without a crash. `SEED=…` repeats one.
 */
import { describe, expect, test } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { type Failpoint, failpoints } from '../primitives/index.ts'
import { faultsIn, linesOf } from '../testing/heard.ts'
import { seeded } from '../testing/random-program.ts'
import { testing } from '../testing/testing.ts'
import { type Topology, topologies } from '../testing/topologies.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const PLANS = 8

/** Starts it, and goes on with it in one app after another until it has ended. @returns how often it died */
async function live({ flow, output }: Topology, crashes: readonly { at: Failpoint; pass: number }[]): Promise<number> {
  let app = testing({ flows: [flow] })
  for (let died = 0; ; died++) {
    const crash = crashes[died]
    if (crash) app.crashAt(crash.at, crash.pass)
    try {
      const handle = await app.start(flow, 'the task', { id: 'run_team' })
      await app.clock.advance('5m')
      expect((await handle.result()).output).toEqual(output)
      await app.close()
      return died
    } catch (error) {
      if (!TuttiError.is(error, 'ENGINE_CLOSED') || died > crashes.length) throw error
      app = testing({ flows: [flow], after: app })
    }
  }
}

/** Every history that a model was shown, whoever it was. */
const historiesOf = ({ models }: Topology): ReadonlySet<string> =>
  new Set(models.flatMap(({ calls, modelId }) => calls.map(({ options }) => `${modelId}\n${linesOf(options.prompt).join('\n')}`)))

describe.each(Object.entries(topologies))('%s', (_, make) => {
  test('[C7] comes to its outcome, and every call in every history is told once what became of it', async () => {
    const whole = make()
    expect(await live(whole, [])).toBe(0)
    for (const { calls } of whole.models) for (const { options } of calls) expect(faultsIn(options.prompt)).toEqual([])
  })

  test(`[C8] killed at random places and gone on with (SEED=${SEED}), it comes to the same outcome, and nobody is shown another history`, async () => {
    const whole = make()
    await live(whole, [])
    const histories = historiesOf(whole)
    const random = seeded(SEED)
    const names = Object.keys(failpoints) as Failpoint[]
    let died = 0
    for (let plan = 0; plan < PLANS; plan++) {
      const crashes = Array.from({ length: 3 }, () => ({ at: names[Math.floor(random() * names.length)] as Failpoint, pass: 1 + Math.floor(random() * 6) }))
      // One place that every run passes, so that no plan is without a death.
      crashes[0] = { at: random() < 0.5 ? 'outcome recorded, not delivered' : 'committed, not answered', pass: 1 + Math.floor(random() * 8) }
      const killed = make()
      died += await live(killed, crashes)
      expect([plan, crashes, [...historiesOf(killed)].filter((history) => !histories.has(history))]).toEqual([plan, crashes, []])
      expect(historiesOf(killed).size).toBe(histories.size)
    }
    expect(died).toBeGreaterThan(PLANS / 2)
  }, 60_000)
})
