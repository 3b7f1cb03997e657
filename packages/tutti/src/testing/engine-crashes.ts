/** Conformance of engines: what processes and servers that die leave behind. */
import { setTimeout as later } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Entry, memoryStore } from '../journal/index.ts'
import type { Failpoint, RunId } from '../primitives/index.ts'
import { type AnyFlow, EmbeddedEngine, EmbeddedHandle, replayRun } from '../run/index.ts'
import { COST, TIGHT } from './crash-flow.ts'
import { type Crew, type EngineTest, linesOf, type Worker } from './engine-crew.ts'
import { engineFlows, isRaceFree, RANDOM_PROGRAMS } from './engine-flows.ts'
import { seeded } from './random-program.ts'
import { checkEnd, checkExecutions, checkPrefix, type Look, type Tally } from './verdict.ts'
import { dreamWorld } from './world.ts'

const KILLS = Number(process.env.KILLS ?? 4)
const ALL_FAILPOINTS = process.env.FAILPOINTS === 'all'
/** How many of the failpoints that are passed a sample takes. */
const SAMPLE = 3
const MOST_PASSES = 40
const LEASE_MS = 1_000
/** The boundaries of a run itself, which every engine passes. */
const everywhere: readonly Failpoint[] = [
  'run created, not driven',
  'attempt planned, intent not recorded',
  'budget held, call not sent',
  'intent recorded, effect not begun',
  'effect done, outcome not recorded',
  'attempt failed, failure not recorded',
  'failure recorded, backoff not begun',
  'outcome recorded, not delivered',
  'terminal entry built, not durable',
  'terminal entry durable, caller not told',
  'end decided, nothing undone',
  'step undone, not recorded',
]

const cast = ['work', 'shop', 'doomed', 'trip'] as const
type Begin = readonly { readonly id: string; readonly input: number }[]
const numbered = (ids: readonly string[]): Begin => ids.map((id, input) => ({ id, input }))
const idsOf = (begin: Begin): readonly string[] => begin.map(({ id }) => id)

/** Failure 1. */
export async function atFailpoints(of: EngineTest): Promise<void> {
  const { crew, seed } = of
  const places = await passed(of)
  const names = [...places.keys()].filter((name) => name !== 'run created, not driven')
  expect(names).toEqual(expect.arrayContaining(everywhere.filter((name) => name !== 'run created, not driven')))
  const random = seeded(seed)
  const chosen = ALL_FAILPOINTS
    ? names.flatMap((name) => Array.from({ length: Math.min(MOST_PASSES, places.get(name) ?? 0) }, (_, i) => ({ name, pass: i + 1 })))
    : Array.from({ length: SAMPLE }, () => {
        const [name] = names.splice(Math.floor(random() * names.length), 1) as [Failpoint]
        return { name, pass: 1 + Math.floor(random() * Math.ceil(Math.min(MOST_PASSES, places.get(name) ?? 1) / 2)) }
      })
  const tallies: Tally[] = []
  let kills = 0
  for (const killAt of chosen) {
    const begin = numbered(cast.map((flow) => of.named(flow)))
    const runs = idsOf(begin)
    const victim = crew.begin({ begin, killAt, leaseMs: LEASE_MS })
    const seeing = crew.seeThrough(runs)
    await Promise.race([victim.over, seeing])
    if (victim.child.signalCode === 'SIGKILL') {
      kills++
      const before = await crew.look(runs)
      crew.begin({ begin, leaseMs: LEASE_MS })
      await seeing
      checkPrefix(before, await crew.look(runs))
    }
    tallies.push(await checkEnd(crew.campaign(runs)))
    await crew.stopAll()
  }
  expect(kills, 'places that were passed').toBeGreaterThan(chosen.length / 2)
  tell(`failure 1: killed at ${kills} failpoints of ${places.size} that are passed`, tallies, seed)
}

/** How often a run that nobody kills passes each place. */
async function passed({ crew, named }: EngineTest): Promise<Map<Failpoint, number>> {
  const begin = numbered(cast.map((flow) => named(flow)))
  const trace = `${crew.log}-trace`
  const worker = crew.begin({ begin, trace })
  await crew.seeThrough(idsOf(begin))
  await worker.stop()
  expect(await checkEnd(crew.campaign(idsOf(begin)))).toMatchObject({ repeats: 0, lost: 0, payments: 2 })
  const passes = new Map<Failpoint, number>()
  for (const name of linesOf(trace) as Failpoint[]) passes.set(name, (passes.get(name) ?? 0) + 1)
  return passes
}

/** Failures 5 and 12 are read from one campaign. */
const campaigns = new WeakMap<EngineTest['place'], Promise<Tallied>>()

interface Tallied {
  readonly tally: Tally
  readonly look: Look
  readonly begin: Begin
  readonly kills: number
}

function campaignOf(of: EngineTest): Promise<Tallied> {
  const known = campaigns.get(of.place) ?? campaign(of)
  campaigns.set(of.place, known)
  return known
}

async function campaign({ crew, place, seed, named }: EngineTest): Promise<Tallied> {
  const random = seeded(seed)
  const plain = numbered(['work', 'tight', 'shop', 'doomed', 'trip'].map(named))
  const programs = Array.from({ length: RANDOM_PROGRAMS }, (_, input) => ({ id: named('random'), input }))
  const begin = [...plain, ...programs]
  const runs = idsOf(begin)
  const isOver = Promise.withResolvers<void>()
  const seeing = crew.seeThrough(runs).finally(() => isOver.resolve())
  seeing.catch(() => {})
  let left = KILLS
  let kills = 0
  let before: Look = { journals: new Map(), executions: [] }
  const lane = async (at: number): Promise<void> => {
    for (;;) {
      const worker = crew.begin({ begin, leaseMs: LEASE_MS }, at)
      await worker.until('ready')
      if (left-- <= 0) return
      await Promise.race([later(20 + random() * 350), isOver.promise])
      worker.child.kill('SIGKILL')
      await worker.over
      kills++
      const now = await crew.look(runs)
      checkPrefix(before, now)
      before = now
    }
  }
  await Promise.all(Array.from({ length: place.workers }, (_, at) => lane(at)))
  await seeing
  const look = await crew.look(runs)
  checkPrefix(before, look)
  const tally = await checkEnd(crew.campaign(idsOf(plain)))
  for (const { id } of programs) checkExecutions(id, look)
  await checkRandom(crew, seed, programs)
  await crew.stopAll()
  return { tally, look, begin, kills }
}

/** A replay gives what the run gave; a flow without races gives what it gives where nobody is killed. */
async function checkRandom(crew: Crew, seed: number, programs: Begin): Promise<void> {
  const flows = engineFlows({ world: dreamWorld(), seed })
  const random = flows.find(({ name }) => name === 'random') as AnyFlow
  const quiet = new EmbeddedEngine({ store: memoryStore(), flows, resume: false })
  for (const { id, input } of programs) {
    const outcome = await crew.handle(id).outcome()
    const replayed = await replayRun(crew.client.store, id as RunId, random, new Map()).catch((error: unknown) => ({ error }))
    if (outcome.status === 'completed') expect(replayed).toMatchObject({ output: outcome.output })
    else expect(outcome.status, id).toBe('failed')
    if (!isRaceFree(input)) continue
    await quiet.start(random, input, { id })
    const undisturbed = await new EmbeddedHandle(quiet, id as RunId).outcome()
    expect([outcome.status, 'output' in outcome && outcome.output], id).toEqual([undisturbed.status, 'output' in undisturbed && undisturbed.output])
  }
  await quiet.close({ graceMs: 0 })
}

/** Failure 5. */
export async function atRandomMoments(of: EngineTest): Promise<void> {
  const { tally, begin, kills, look } = await campaignOf(of)
  expect(kills).toBeGreaterThanOrEqual(KILLS)
  tell(`failure 5: ${begin.length} runs of ${[...look.journals.values()].flat().length} entries, ${kills} kills`, [tally], of.seed)
}

/** Failure 12. */
export async function withinBudget(of: EngineTest): Promise<void> {
  const { look, begin } = await campaignOf(of)
  const run = idsOf(begin).find((id) => id.startsWith('tight-')) as string
  const end = look.journals.get(run)?.find((entry): entry is Extract<Entry, { type: 'run.completed' }> => entry.type === 'run.completed')
  const calls = look.executions.filter((execution) => execution.run === run && execution.sort === 'priced')
  expect(calls.length).toBeGreaterThan(0)
  expect(end?.usage.usd).toBeLessThanOrEqual(TIGHT.usd as number)
  expect(end?.usage.modelCalls).toBeLessThanOrEqual(TIGHT.modelCalls as number)
  expect(end?.usage.modelCalls).toBeGreaterThanOrEqual(calls.length)
  expect(Math.round((end?.usage.usd ?? 0) * 1e6)).toBeGreaterThanOrEqual(calls.length * COST)
  const settled = look.journals.get(run)?.reduce((sum, entry) => sum + ('settle' in entry && entry.settle ? entry.settle.modelCalls : 0), 0)
  expect(settled, 'each call is counted once').toBe(end?.usage.modelCalls)
}

/** Failure 2. */
export async function serversDie(of: EngineTest): Promise<void> {
  await through(of, 'failure 2', async (worker) => {
    for (let i = 0; i < 2; i++) {
      await later(100 + seeded(of.seed + i)() * 300)
      await of.place.crash?.()
    }
    return worker
  })
}

/** Failure 3. */
export async function diskFull(of: EngineTest): Promise<void> {
  await through(of, 'failure 3', async (worker, begin) => {
    const mend = await of.place.fill?.()
    await worker.until('fenced JOURNAL_UNWRITABLE')
    await later(200)
    await mend?.()
    worker.child.kill('SIGTERM')
    await worker.over
    return of.crew.begin({ begin, leaseMs: LEASE_MS })
  })
}

/** Runs that meet something in the middle of their lives, and all the same come to the end of runs that meet nothing. */
async function through({ crew, seed, named }: EngineTest, what: string, meet: (worker: Worker, begin: Begin) => Promise<Worker>): Promise<void> {
  const begin = numbered(['work', 'shop', 'trip', 'tight'].map(named))
  const runs = idsOf(begin)
  const worker = crew.begin({ begin, leaseMs: LEASE_MS })
  await worker.until('ready')
  const seeing = crew.seeThrough(runs)
  seeing.catch(() => {})
  await later(60)
  const before = await crew.look(runs)
  await meet(worker, begin)
  await seeing
  checkPrefix(before, await crew.look(runs))
  tell(what, [await checkEnd(crew.campaign(runs))], seed)
}

function tell(what: string, tallies: readonly Tally[], seed: number): void {
  const sum = (of: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0)
  const figures = `${sum(({ executions }) => executions)} effects, ${sum(({ repeats }) => repeats)} in flight done again, ${sum(({ lost }) => lost)} attempts lost, ${sum(({ doubts }) => doubts)} in doubt`
  process.stdout.write(`${what}: ${figures} (seed ${seed})\n`)
}
