/** The process of `disk-fault.test.ts`: appends to one run over a disk that fails, reads it again after each refusal and goes on, and tells what it was answered. */
import { statSync } from 'node:fs'
import { type Entry, type NewRun, type SqliteOptions, sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'

export interface DiskOrder {
  readonly path: string
  readonly durability: SqliteOptions['durability']
  readonly appends: number
}
export interface DiskReport {
  /** The entry that is acknowledged, and how many syncs there had been by then; or the code that refused it. */
  readonly seq: number
  readonly syncs?: number | undefined
  readonly refused?: string | undefined
}

const run = 'run_disk' as RunId
const entry = (seq: number): Entry => ({ seq, time: seq, type: 'run.patched', id: `patch ${seq}` })
const begun: NewRun = {
  ...{ run, flow: 'desk', version: '1', scope: { tenant: 'acme' }, createdAt: 1, startHash: 'h', labels: {} },
  ...{ entries: [entry(1)], lease: { owner: 'one', until: 9e12 } },
}
/** Each line of the log is one sync, and no longer than this. */
const syncs = (): number => statSync(process.env.DISK_LOG ?? '', { throwIfNoEntry: false })?.size ?? 0

process.once('message', async ({ path, durability, appends }: DiskOrder) => {
  const reports: DiskReport[] = []
  const store = sqliteStore(path, { durability, commit: 'main' })
  const attempt = async (seq: number, work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work()
      reports.push({ seq, syncs: syncs() })
      return true
    } catch (error) {
      reports.push({ seq, refused: (error as { code?: string }).code ?? String(error) })
      return false
    }
  }
  const lastOf = async (): Promise<number> => {
    let last = 0
    for await (const { seq } of store.read(run)) last = seq
    return last
  }
  for (let tries = 0; tries < 40 && !(await attempt(1, () => store.create(begun))); tries++);
  let seq = 2
  for (let tries = 0; tries < appends + 40 && seq <= appends; tries++) {
    const mine = seq
    if (await attempt(mine, () => store.append({ run, epoch: 1, entries: [entry(mine)] }))) seq++
    else {
      // Nothing of this run is accepted before it is read again.
      await attempt(mine, () => store.append({ run, epoch: 1, entries: [entry(mine)] }))
      seq = (await lastOf()) + 1
    }
  }
  process.send?.(reports, () => process.kill(process.pid, 'SIGKILL'))
})
