/**
 * C8 as a property, where agents are shown no more than a window of what was said: whatever leaves is in exactly the summaries, or counted as left out; nothing is lost or told twice,
 * and no call is without its result. Also where the process ends at random places.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { steer } from '../agent/index.ts'
import { TuttiError } from '../errors/index.ts'
import type { Prompt } from '../message/index.ts'
import { type Failpoint, failpoints } from '../primitives/index.ts'
import { linesOf } from '../testing/heard.ts'
import { type Deed, everyDeed, LongTalk, type Talk } from '../testing/long-talk.ts'
import { seeded } from '../testing/random-program.ts'
import { type TestApp, testing } from '../testing/testing.ts'
import { type Topology, topologies } from '../testing/topologies.ts'

const memories = fc.record({ window: fc.constantFrom(0, 1_500, 1_500, 3_000), summarize: fc.constantFrom(false, 'rolling' as const, 'hierarchical' as const) })
const talk: fc.Arbitrary<Talk> = fc.record({
  script: fc.array(fc.array(fc.constantFrom(...everyDeed), { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 16, size: 'max' }),
  memories: fc.array(memories, { minLength: 3, maxLength: 3 }),
  before: fc.integer({ min: 0, max: 3 }),
  length: fc.integer({ min: 300, max: 2_500 }),
  bytesPerToken: fc.constantFrom(0, 3, 4, 5),
  mumbles: fc.boolean(),
})

/** Starts it, and goes on with it in one app after another until it has ended. */
async function live(given: Talk, crashes: readonly { at: Failpoint; pass: number }[] = []): Promise<{ long: LongTalk; outcome: string; died: number }> {
  let app: TestApp
  const say = async (word: string): Promise<unknown> => (await app.get('run_long'))?.send(steer, word, { id: word })
  const long = new LongTalk(given, say)
  app = testing({ flows: [long.flow] })
  for (let died = 0; ; died++) {
    const crash = crashes[died]
    if (crash) app.crashAt(crash.at, crash.pass)
    try {
      const handle = await app.start(long.flow, long.task as Prompt, { id: 'run_long' })
      await app.clock.advance('5m')
      const outcome = await handle.outcome()
      await app.close()
      if (outcome.status === 'completed') return { long, died, outcome: outcome.output }
      if (outcome.status === 'failed' && outcome.error.code === 'TEAM_STUCK') return { long, died, outcome: outcome.error.message }
      throw outcome.status === 'failed' ? outcome.error : new Error(outcome.status)
    } catch (error) {
      if (!TuttiError.is(error, 'ENGINE_CLOSED') || died > crashes.length) throw error
      app = testing({ flows: [long.flow], after: app })
    }
  }
}

test('[C8][K2] random hand-overs between agents that remember differently: at every call of a model each thing said so far is in the prompt once, or in exactly the summaries, or counted as left out', async () => {
  const seen = { shortened: 0, summaries: 0, folds: 0 }
  await fc.assert(
    fc.asyncProperty(talk, async (given) => {
      const { long } = await live(given)
      expect(long.faults()).toEqual([])
      // A sub-agent is told what it is asked, and nothing of what went before.
      for (const { options } of long.helper.calls) expect(options.prompt).toHaveLength(1)
      seen.shortened += long.shortened
      seen.summaries += long.summaries.length
      seen.folds += long.summaries.filter(({ prompt }) => prompt.includes('follow one another')).length
    }),
    { numRuns: Number(process.env.RUNS ?? 60) },
  )
  if (process.env.RUNS) process.stdout.write(`${JSON.stringify(seen)}\n`)
  expect(Math.min(seen.shortened, seen.summaries)).toBeGreaterThan(40)
}, 60_000)

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const PLANS = 16

const historiesOf = ({ model }: LongTalk): readonly string[] => [...new Set(model.calls.map(({ options }) => linesOf(options.prompt).join('\n')))].sort()

test(`[C8][K2] killed at random places and gone on with (SEED=${SEED}), such a team comes to the same outcome, what left is the same, and no model is shown another history`, async () => {
  const random = seeded(SEED)
  const names = Object.keys(failpoints) as Failpoint[]
  let [died, summaries] = [0, 0]
  for (const [plan, each] of fc.sample(talk, { numRuns: PLANS, seed: SEED }).entries()) {
    // What a person says meanwhile may come a turn later after a crash: then it is there once all the same, and the histories are others.
    const hasWords = plan % 2 === 0
    const given = hasWords ? each : { ...each, script: each.script.map((turn) => turn.map((deed) => (deed === 'say' ? 'find' : deed))) }
    const whole = await live(given)
    const crashes = Array.from({ length: 4 }, () => ({ at: names[Math.floor(random() * names.length)] as Failpoint, pass: 1 + Math.floor(random() * 8) }))
    // One place that every run passes, so that none is without a death.
    crashes[0] = { at: random() < 0.5 ? 'outcome recorded, not delivered' : 'committed, not answered', pass: 1 + Math.floor(random() * 30) }
    const killed = await live(given, crashes)
    expect([given, crashes, killed.outcome]).toEqual([given, crashes, whole.outcome])
    expect([given, crashes, killed.long.faults(hasWords ? 'late' : 'in place')]).toEqual([given, crashes, []])
    if (!hasWords) expect([given, crashes, historiesOf(killed.long)]).toEqual([given, crashes, historiesOf(whole.long)])
    died += killed.died
    summaries += killed.long.summaries.length
  }
  expect(died).toBeGreaterThan(PLANS / 2)
  expect(summaries).toBeGreaterThan(PLANS / 2)
}, 60_000)

test('[C8] of the talk in which real processes are killed, something leaves each agent, and is summarized', async () => {
  const { flow, models } = (topologies['hand-overs between agents of which each remembers otherwise'] as () => Topology)()
  await using app = testing({ flows: [flow] })
  await app.run(flow, 'the task')
  const shown = models.flatMap(({ calls }) => calls.map(({ prompt }) => prompt))
  for (const name of ['a', 'b', 'c'])
    expect(shown.filter((prompt) => prompt.startsWith(`system: You are ${name}.`) && /earlier messages of this/.test(prompt)).length).toBeGreaterThan(0)
  expect(shown.filter((prompt) => prompt.startsWith('system: You keep')).length).toBeGreaterThan(2)
})

test('[C8][K2] an agent that is handed to again goes on with the summary it had: nothing is summarized twice, and its prompts shrink for nobody else', async () => {
  const stint = (to: Deed): readonly (readonly Deed[])[] => [['find'], ['find'], ['find'], [to]]
  const none = { window: 0, summarize: false }
  const { long } = await live({
    ...{ script: [...stint('transfer_to_b'), ...stint('transfer_to_a'), ...stint('transfer_to_b'), ['transfer_to_a'], ['find']] },
    ...{ memories: [{ window: 1_500, summarize: true }, none, none], before: 0, length: 1_500, bytesPerToken: 4, mumbles: false },
  })
  expect(long.faults()).toEqual([])
  const leaving = long.summaries.map(({ prompt }) => prompt.slice(prompt.indexOf('<conversation>')).match(/\bR\w0\b/g) ?? [])
  expect(leaving.length).toBeGreaterThan(2)
  expect(new Set(leaving.flat()).size).toBe(leaving.flat().length)
})
