/** A disk that is full, as whoever wrote an app meets it: processes of their own, and a file system that has no space while a mark says so. Needs Linux and a C compiler. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { canMakeDiskFault } from './disk-fault.ts'
import type { FullDiskOrder, FullDiskReport } from './full-disk-worker.ts'

const RUNS = ['run_a', 'run_b', 'run_c', 'run_d']
const worker = join(import.meta.dirname, 'full-disk-worker.ts')
const folder = mkdtempSync(join(tmpdir(), 'tutti-full-'))
const library = join(folder, 'disk-fault.so')
const canFail = canMakeDiskFault(library)

const orderIn = (name: string): Omit<FullDiskOrder, 'what'> => ({
  path: join(folder, `${name}.db`),
  runs: RUNS,
  full: join(folder, `${name}.full`),
  log: join(folder, `${name}.log`),
})

async function life(what: FullDiskOrder['what'], name: string): Promise<FullDiskReport> {
  const order = orderIn(name)
  const child = fork(worker, { env: { ...process.env, LD_PRELOAD: library, DISK_FILE: `${name}.db-wal`, DISK_FULL: order.full } })
  const exit = once(child, 'exit')
  child.send({ what, ...order } satisfies FullDiskOrder)
  const [report] = (await Promise.race([once(child, 'message'), exit.then(() => Promise.reject(new Error(`'${what}' ended without a word`)))])) as [
    FullDiskReport,
  ]
  await exit
  return report
}

/** How often each step of these runs was done. */
function done(name: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const line of readFileSync(orderIn(name).log, 'utf8').split('\n'))
    if (RUNS.includes(line.split(' ')[0] as string)) counts[line] = (counts[line] ?? 0) + 1
  return counts
}

/** Steps 1 and 2 were acknowledged; the third was done when there was no space to say so, and is done again. */
const once12AndAgain3 = Object.fromEntries(RUNS.flatMap((run) => [1, 2, 3, 4, 5].map((n) => [`${run} ${n}`, n === 3 ? 2 : 1])))
const every = <T>(value: T, times: number): T[] => Array.from({ length: times }, () => value)

describe.skipIf(!canFail)(canFail ? 'a full disk under an app' : 'not run: no C compiler', () => {
  afterAll(() => rmSync(folder, { recursive: true }))

  it('[R9] failure 3: each run stops at its step and says so; resumed or left alone, all go on in the same process once there is space, and no acknowledged step is repeated', async () => {
    const { stopped, beside, resumed, alone } = await life('goes on', 'alive')
    expect(stopped).toEqual(every('JOURNAL_UNWRITABLE', 2 * RUNS.length))
    expect(beside).toEqual(['completed', 'completed', 'JOURNAL_UNWRITABLE'])
    expect([...resumed, ...alone]).toEqual(every('completed', RUNS.length))
    expect(done('alive')).toEqual(once12AndAgain3)
  })

  it('[R9] a process that is killed while the disk is full loses nothing acknowledged: the next one goes on with every run', async () => {
    const { stopped } = await life('is killed', 'killed')
    expect(stopped).toEqual(every('JOURNAL_UNWRITABLE', 2 * RUNS.length))
    rmSync(orderIn('killed').full)
    expect((await life('opens', 'killed')).alone).toEqual(every('completed', RUNS.length))
    expect(done('killed')).toEqual(once12AndAgain3)
  })
})
