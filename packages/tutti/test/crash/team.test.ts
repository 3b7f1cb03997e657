/**
 * Every topology in a process that is killed at random moments, again and again, and gone on with. `KILLS=300` for a long campaign, `SEED=…` to repeat one; timing is
 * the machine's, so a seed repeats the plan, not each moment. A campaign of more than 20 prints what it saw.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import type { Entry } from '../../src/journal/index.ts'
import { decode } from '../../src/primitives/index.ts'
import { faultsIn } from '../../src/testing/heard.ts'
import { seeded } from '../../src/testing/random-program.ts'
import { topologies } from '../../src/testing/topologies.ts'
import { checkPrefix } from '../../src/testing/verdict.ts'
import { life, look } from './life.ts'
import type { Shown, TeamTask } from './team-worker.ts'

const KILLS = Number(process.env.KILLS ?? 5)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
/** Of one journal: by then most of its runs have ended. */
const MOST_KILLS = 6
/** A process is killed when so many models were asked, at most, and so long after: however slow the machine is, in the midst of it. */
const MOST_ASKED = 14
const MOST_MS = 20
const worker = fileURLToPath(new URL('team-worker.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tutti-teams-'))
afterAll(() => rmSync(folder, { recursive: true }))

const taskOf = (name: string): TeamTask => ({
  ...{ file: join(folder, `${name}.db`), log: join(folder, `${name}.log`) },
  runs: Object.keys(topologies).map((_, i) => `run_${i}`),
})

/** A line that a killed process left unfinished is not there. */
const shownIn = ({ log }: TeamTask): readonly Shown[] =>
  readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Shown)

const historyOf = ({ run, model, prompt }: Shown): string => `${run} ${model} ${JSON.stringify(prompt)}`
const histories = (shown: readonly Shown[]): readonly string[] => [...new Set(shown.map(historyOf))].sort()
const doneIn = (entries: readonly Entry[] = []): readonly string[] => entries.flatMap((entry) => (entry.type === 'step.completed' ? [entry.key] : [])).sort()

interface Seen {
  readonly kills: number
  readonly runs: number
  readonly shown: number
  /** Histories that a model was shown again, because a process ended before its answer was recorded. */
  readonly again: number
}

/** One journal and its processes, one after the other, until the runs have ended or the kills are used up. */
async function campaign(name: string, random: () => number, kills: number, whole: TeamTask): Promise<Seen> {
  const task = taskOf(name)
  let before = await look(task)
  let used = 0
  for (;;) {
    const isLast = used >= kills
    const end = await life(task, isLast ? {} : { afterLines: 1 + Math.floor(random() * MOST_ASKED), afterMs: Math.floor(random() * MOST_MS) }, worker)
    const now = await look(task)
    checkPrefix(before, now)
    before = now
    if (end === 'done') break
    used++
  }
  const [shown, undisturbed] = [shownIn(task), await look(whole)]
  expect(histories(shown)).toEqual(histories(shownIn(whole)))
  for (const run of task.runs) {
    const entries = before.journals.get(run) ?? []
    expect([run, doneIn(entries)]).toEqual([run, doneIn(undisturbed.journals.get(run))])
    expect(new Set(doneIn(entries)).size).toBe(doneIn(entries).length)
    expect(entries.at(-1)?.type).toBe('run.completed')
  }
  checkOutputs(before.journals)
  return { kills: used, runs: task.runs.length, shown: shown.length, again: shown.length - histories(shown).length }
}

function checkOutputs(journals: ReadonlyMap<string, readonly Entry[]>): void {
  for (const [i, make] of Object.values(topologies).entries()) {
    const last = journals.get(`run_${i}`)?.at(-1)
    expect(last?.type === 'run.completed' ? decode(last.output as never) : last).toEqual(make().output)
  }
}

it(
  `[C7][C8][R1] killed at ${KILLS} random moments and gone on with (SEED=${SEED}), every topology comes to its outcome; nobody is shown a history that is not that of a run which nobody kills, no call in one is left without its result, and no step is recorded twice`,
  async () => {
    const random = seeded(SEED)
    const whole = taskOf('whole')
    // It compiles what all of them load, too.
    expect(await life(whole, {}, worker)).toBe('done')
    expect(new Set(shownIn(whole).map(({ run }) => run)).size).toBe(whole.runs.length)
    for (const { run, prompt } of shownIn(whole)) expect([run, faultsIn(prompt as never)]).toEqual([run, []])
    const seen: Seen[] = []
    let left = KILLS
    while (left > 0) {
      const one = await campaign(`c${seen.length}`, random, Math.min(left, MOST_KILLS), whole)
      left -= one.kills
      seen.push(one)
    }
    const sum = (field: keyof Seen): number => seen.reduce((total, each) => total + each[field], 0)
    if (KILLS > 20) console.table({ seed: SEED, campaigns: seen.length, kills: sum('kills'), runs: sum('runs'), shown: sum('shown'), again: sum('again') })
    expect(sum('kills')).toBe(KILLS)
  },
  60_000 + KILLS * 10_000,
)
