/**
 * Processes killed at random moments. `KILLS=500` for a long campaign, `SEED=…` to repeat one; timing is the machine's, so a seed repeats the plan, not each
 * moment. A campaign of more than 60 prints what it saw.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { type SqliteOptions, sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { answerTo } from '../../src/testing/person.ts'
import { seeded } from '../../src/testing/random-program.ts'
import { checkEnd, checkPrefix, type Tally } from '../../src/testing/verdict.ts'
import { worldAt } from '../../src/testing/world.ts'
import type { WorkerTask } from './crash-worker.ts'
import { campaignOf, life, look, warmUp } from './life.ts'

const KILLS = Number(process.env.KILLS ?? 24)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'tutti-crash-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Mode {
  readonly store: SqliteOptions
  readonly processes: number
}
const modes: readonly Mode[] = (['sync', 'relaxed'] as const).flatMap((durability) =>
  (['main', 'worker'] as const).flatMap((commit) => [1, 2].map((processes) => ({ store: { durability, commit }, processes }))),
)
/** A short campaign takes another few of them each time. */
const chosen = Array.from({ length: Math.min(modes.length, Math.ceil(KILLS / 8)) }, (_, i) => modes[(SEED + i * 3) % modes.length] as Mode)
const nameOf = ({ store: { durability, commit }, processes }: Mode): string => `${durability}-${commit}-${processes}`

interface Seen extends Tally {
  readonly mode: string
  readonly kills: number
}

/** Answers runs that wait, from outside, until it is stopped. Some answers come before anyone waits for them, some are for nobody. */
function person({ file, log, runs }: WorkerTask, random: () => number): () => Promise<void> {
  const store = sqliteStore(file)
  const world = worldAt(log)
  let stopped = false
  const answer = async (): Promise<void> => {
    for (const run of runs as readonly RunId[]) {
      const head = await store.head(run)
      if (head?.status === 'running' && run.startsWith('shop-') && random() < 0.02)
        await store.post(run, { ...answerTo(run, { signal: 'approval', key: 'early' }, world), key: undefined } as never, Date.now())
      if (head?.status === 'waiting') for (const wait of head.waiting ?? []) await store.post(run, answerTo(run, wait, world), Date.now())
    }
  }
  const answering = (async () => {
    while (!stopped) {
      await answer()
      await after(15)
    }
  })()
  return async () => {
    stopped = true
    await answering
    await store.close()
    world.close()
  }
}

/** One file and its processes, of which one after the other is killed until `kills` are used up. */
async function campaign(mode: Mode, seed: number, kills: number): Promise<Seen> {
  const random = seeded(seed)
  const tallies: Tally[] = []
  let used = 0
  for (let batch = 0; used < kills; batch++) {
    const name = `${nameOf(mode)}-${seed}-${batch}`
    const task: WorkerTask = {
      ...{ file: join(folder, `${name}.db`), log: join(folder, `${name}.log`), alone: false, store: mode.store },
      runs: ['work', 'tight', 'shop', 'shop', 'doomed', 'trip', 'queued', 'queued'].map((flow, n) => `${flow}-${name}-${n}`),
    }
    const leave = person(task, random)
    let before = await look(task)
    const lives = async (): Promise<void> => {
      for (;;) {
        const isLast = used >= kills
        if (!isLast) used++
        const end = await life(task, isLast ? {} : { afterMs: Math.floor(random() * 160) })
        const now = await look(task)
        checkPrefix(before, now)
        before = now
        if (end === 'done' && !isLast) used--
        if (end === 'done') return
      }
    }
    await Promise.all(Array.from({ length: mode.processes }, lives)).finally(leave)
    tallies.push(await checkEnd(campaignOf(task)))
  }
  return { mode: nameOf(mode), kills: used, ...summed(tallies) }
}

function summed(tallies: readonly Tally[]): Tally {
  const total = (field: keyof Tally): number => tallies.reduce((sum, tally) => sum + tally[field], 0)
  const names = ['runs', 'entries', 'executions', 'repeats', 'lost', 'doubts', 'payments'] as const
  return Object.fromEntries(names.map((name) => [name, total(name)])) as unknown as Tally
}

describe('a process that is killed', () => {
  it(
    `[R1][R2][R6][B2] at ${KILLS} random moments loses nothing recorded, repeats nothing recorded, pays nothing twice and passes no budget (seed ${SEED})`,
    async () => {
      await warmUp(folder)
      const share = (i: number): number => Math.floor((KILLS * (i + 1)) / chosen.length) - Math.floor((KILLS * i) / chosen.length)
      const waiting = chosen.map((mode, i) => () => campaign(mode, SEED + i, share(i)))
      const seen: Seen[] = []
      const lane = async (): Promise<void> => {
        for (let next = waiting.shift(); next; next = waiting.shift()) seen.push(await next())
      }
      await Promise.all([lane(), lane(), lane()])
      if (KILLS > 60) console.table([...seen, { mode: `all, seed ${SEED}`, kills: seen.reduce((sum, { kills }) => sum + kills, 0), ...summed(seen) }])
      expect(seen.reduce((sum, { kills }) => sum + kills, 0)).toBe(KILLS)
    },
    60_000 + KILLS * 3_000,
  )
})
