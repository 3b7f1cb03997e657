/**
 * The process of `full-disk.test.ts`: somebody's app with several runs, over a disk that fills up in the middle of them and has space again later.
 * `opens` is a process that comes afterwards, and goes on with what it finds.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { flow, inMemory, type RunHandle, type RunOutcome, type Store, sqlite, TuttiError, tutti } from '../../src/index.ts'

export interface FullDiskOrder {
  readonly what: 'goes on' | 'is killed' | 'opens'
  readonly path: string
  readonly runs: readonly string[]
  /** The disk is full while this file exists. */
  readonly full: string
  /** One line for each step that was done: its run and its number. */
  readonly log: string
}
export interface FullDiskReport {
  /** What each run was answered while the disk was full. */
  readonly stopped: readonly string[]
  /** What a run over another store was answered meanwhile, and one that was to begin. */
  readonly beside: readonly string[]
  /** How each run ended that a person resumed, and those that went on by themselves. */
  readonly resumed: readonly string[]
  readonly alone: readonly string[]
}

const codeOf = (error: unknown): string => (TuttiError.is(error) ? error.code : String(error))
const says = (outcome: RunOutcome<unknown>): string => ('error' in outcome ? outcome.error.code : outcome.status)

process.once('message', async ({ what, path, runs, full, log }: FullDiskOrder) => {
  let fill = (): void => {}
  const filled = new Promise<void>((resolve) => {
    fill = resolve
  })
  let inTheMiddle = 0
  const job = flow('job', async (_: number, run) => {
    for (const n of [1, 2, 3, 4, 5]) {
      await run.step('work', n, async () => {
        if (n === 3 && what !== 'opens') {
          if (++inTheMiddle === runs.length) fill()
          await filled
        }
        appendFileSync(log, `${run.id} ${n}\n`)
        return n
      })
    }
    return 'done'
  })
  const appOver = (store: Store) => tutti({ flows: [job], store })
  const app = appOver(sqlite(path))
  const untilDone = async (id: string): Promise<string> => {
    for (;;) {
      const said = says(await ((await app.get(id, job)) as RunHandle<string>).outcome())
      if (said === 'completed') return said
      await later(20)
    }
  }
  const report = { stopped: [] as string[], beside: [] as string[], resumed: [] as string[], alone: [] as string[] }
  if (what === 'opens') report.alone = await Promise.all(runs.map(untilDone))
  else {
    const handles = await Promise.all(runs.map((id, i) => app.start(job, i, { id })))
    filled.then(() => writeFileSync(full, ''))
    const results = handles.map((handle) => handle.result().then(() => 'completed', codeOf))
    report.stopped = [...(await Promise.all(results)), ...(await Promise.all(handles.map(async (handle) => says(await handle.outcome()))))]
    for (const store of [inMemory(), sqlite(`${path}.other.db`)]) {
      await using other = appOver(store)
      report.beside.push(says(await (await other.start(job, 9)).outcome()))
    }
    report.beside.push(await app.start(job, 9).then(() => 'started', codeOf))
  }
  if (what === 'goes on') {
    rmSync(full)
    const asked = runs.slice(0, 2)
    report.resumed = await Promise.all(asked.map(async (id) => says(await (await app.resume(id)).outcome())))
    // Their leases run out; nobody waits ten seconds for it here.
    const now = Date.now
    Date.now = () => now() + 11_000
    report.alone = await Promise.all(runs.slice(2).map(untilDone))
  }
  process.send?.(report, () => process.kill(process.pid, 'SIGKILL'))
})
