/**
 * A process killed at every failpoint, each time that it is passed. By default a sample that another seed makes another one, with every failpoint in it;
 * `FAILPOINTS=all` takes every pass up to the bound. `SEED=…` repeats a sample.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Failpoint, failpoints } from '../../src/primitives/index.ts'
import type { KillAt } from '../../src/testing/kill-at.ts'
import { seeded } from '../../src/testing/random-program.ts'
import { checkEnd, checkPrefix, type Look } from '../../src/testing/verdict.ts'
import type { WorkerTask } from './crash-worker.ts'
import { campaignOf, life, look } from './life.ts'

const ALL = process.env.FAILPOINTS === 'all'
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
/** A place that is passed more often than this is not more interesting for it. */
const MOST_PASSES = 60
const random = seeded(SEED)
const folder = mkdtempSync(join(tmpdir(), 'tutti-failpoint-'))
afterAll(async () => {
  cases.length = 0
  await lanes
  rmSync(folder, { recursive: true })
})

const names = Object.keys(failpoints) as Failpoint[]
const inWorker: readonly Failpoint[] = ['committed in the worker, answer not posted', 'answer of the worker come, nobody told']

/** Only whoever goes on after another crash comes here. */
const behind: { readonly [name in Failpoint]?: KillAt } = {
  'lease taken, run.resumed not written': { name: 'run created, not driven', pass: 1 },
  'run.resumed written, run not driven': { name: 'run created, not driven', pass: 1 },
  'lost attempt found, loss not recorded': { name: 'intent recorded, effect not begun', pass: 1 },
  'loss recorded, next attempt not begun': { name: 'budget held, call not sent', pass: 1 },
  'doubt found, not recorded': { name: 'effect done, outcome not recorded', pass: 1, key: '/charge' },
  'doubt recorded, tool not asked': { name: 'effect done, outcome not recorded', pass: 1, key: '/send' },
  'verdict known, not recorded': { name: 'effect done, outcome not recorded', pass: 1, key: '/send' },
  'refutation recorded, hold not settled': { name: 'budget held, call not sent', pass: 1, key: '/charge' },
}
/** They are not on the way of a run that comes to its end; they have tests of their own below. */
const apart: readonly Failpoint[] = ['divergence found, not suspended', 'crash loop found, not suspended']

let files = 0
function newTask(commit: 'main' | 'worker', runs: readonly string[] = ['shop-1', 'doomed-1', 'trip-1', 'queued-1']): WorkerTask {
  const name = join(folder, String(++files))
  return { file: `${name}.db`, log: `${name}.log`, runs, alone: true, store: { commit } }
}

/**
 * One process after the other, each killed at its place; then one that is left alone. Answers whether all were: how many transactions a run takes is a matter
 * of the moment, so one of the last may not be there.
 */
async function killedAt(task: WorkerTask, places: readonly KillAt[]): Promise<boolean> {
  let before: Look = { journals: new Map(), executions: [] }
  for (const at of places) {
    if ((await life(task, { at })) === 'done') return false
    const now = await look(task)
    checkPrefix(before, now)
    before = now
  }
  expect(await life(task)).toBe('done')
  checkPrefix(before, await look(task))
  expect(await checkEnd(campaignOf(task))).toMatchObject({ payments: 2 })
  return true
}

/** How often a run that nobody kills passes each place. */
async function passesOf(): Promise<ReadonlyMap<Failpoint, number>> {
  const task = newTask('worker')
  const trace = join(folder, 'trace')
  expect(await life(task, { trace })).toBe('done')
  expect(await checkEnd(campaignOf(task))).toMatchObject({ payments: 2, repeats: 0, lost: 0, doubts: 0 })
  const passes = new Map<Failpoint, number>()
  for (const name of readFileSync(trace, 'utf8').split('\n').slice(0, -1) as Failpoint[]) passes.set(name, (passes.get(name) ?? 0) + 1)
  return passes
}

/** The cases of one failpoint: in a sample one pass of it, at random. */
function casesOf(name: Failpoint, passes: ReadonlyMap<Failpoint, number>): readonly (() => Promise<void>)[] {
  const first = behind[name]
  const most = first ? 1 : Math.min(MOST_PASSES, passes.get(name) ?? 0)
  const chosen = ALL ? Array.from({ length: most }, (_, i) => i + 1) : [1 + Math.floor(random() * Math.max(1, most))]
  return chosen.map((pass) => {
    const commit = inWorker.includes(name) || random() < 0.3 ? 'worker' : 'main'
    return async () => {
      for (let left = pass; !(await killedAt(newTask(commit), [...(first ? [first] : []), { name, pass: left }])); left = Math.ceil(left / 2))
        expect(left, `'${name}' was not passed`).toBeGreaterThan(1)
    }
  })
}

/** What became of the cases of each failpoint; two are under way at a time. */
const outcomes = new Map<Failpoint, Promise<unknown>>()
const cases: (() => Promise<void>)[] = []
let lanes: Promise<unknown> | undefined
let took = 0
beforeAll(async () => {
  const passes = await passesOf()
  for (const name of names.filter((one) => !apart.includes(one))) {
    const all = casesOf(name, passes).map(
      (work) =>
        new Promise<void>((resolve, reject) =>
          cases.push(() =>
            work()
              .then(() => void took++)
              .then(resolve, reject),
          ),
        ),
    )
    outcomes.set(name, Promise.all(all))
    outcomes.get(name)?.catch(() => {})
  }
  const lane = async (): Promise<void> => {
    for (let next = cases.shift(); next; next = cases.shift()) await next()
  }
  lanes = Promise.all([lane(), lane()])
}, 60_000)
afterAll(() => console.log(`failpoints: ${took} kills, seed ${SEED}`))

describe('a process that is killed where it can hurt', () => {
  it.each(names.filter((name) => !apart.includes(name)))(
    `[R1][R2][R6][B2][D6] '%s': the next one comes to the same end (seed ${SEED})`,
    async (name) => {
      expect(await outcomes.get(name)).not.toEqual([])
    },
    ALL ? 1_800_000 : 120_000,
  )

  it("[R5][R1] 'divergence found, not suspended': the next one finds it again, and the code that fits goes on", async () => {
    const task = newTask('main', ['doomed-1'])
    expect(await life(task, { at: { name: 'outcome recorded, not delivered', pass: 1 } })).toBe('killed')
    const changed = { ...task, changed: true }
    expect(await life(changed, { at: { name: 'divergence found, not suspended', pass: 1 } })).toBe('killed')
    expect(await life(changed)).toBe('done')
    const { journals, executions } = await look(task)
    expect(journals.get('doomed-1')?.at(-1)).toMatchObject({ type: 'run.suspended', why: 'diverged' })
    expect(executions).toHaveLength(1)
    expect(await life({ ...task, asked: true })).toBe('done')
    expect(await checkEnd(campaignOf(task))).toMatchObject({ executions: 1 })
  }, 60_000)

  it("[R1] 'crash loop found, not suspended': the next one suspends the run, and a person may have it driven again", async () => {
    const task = newTask('main', ['doomed-1'])
    const impatient = { ...task, maxStalls: 2 }
    const places = ['run created, not driven', 'run.resumed written, run not driven', 'crash loop found, not suspended'] as const
    for (const name of places) expect(await life(impatient, { at: { name, pass: 1 } }), name).toBe('killed')
    expect(await life(impatient)).toBe('done')
    const { journals, executions } = await look(task)
    expect(journals.get('doomed-1')?.at(-1)).toMatchObject({ type: 'run.suspended', why: 'crash-loop', error: { code: 'RUN_CRASH_LOOP' } })
    expect(executions).toEqual([])
    expect(await life({ ...task, asked: true })).toBe('done')
    expect(await checkEnd(campaignOf(task))).toMatchObject({ executions: 1 })
  }, 60_000)
})
