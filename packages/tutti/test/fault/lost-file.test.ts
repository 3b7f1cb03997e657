/** A journal that is removed or replaced while it is open: in a process of its own, because one that wrote on would look well until it ends. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Loss, LossOrder, LossReport } from './lost-file-worker.ts'

const folder = mkdtempSync(join(tmpdir(), 'tutti-lost-'))
let count = 0

async function lose(loss: Loss, commit: LossOrder['commit']): Promise<LossReport> {
  const home = join(folder, `${++count}`)
  mkdirSync(home)
  const child = fork(join(import.meta.dirname, 'lost-file-worker.ts'))
  const exit = once(child, 'exit')
  child.send({ path: join(home, 'tutti.db'), loss, commit } satisfies LossOrder)
  const [report] = (await Promise.race([once(child, 'message'), exit.then(() => Promise.reject(new Error('it ended without a word')))])) as [LossReport]
  await exit
  return report
}

/** Windows lets nobody remove a file that is open. */
describe.skipIf(process.platform === 'win32')('a journal that is lost while it is open', () => {
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each<[Loss, LossOrder['commit']]>([
    ['removed', 'main'],
    ['removed', 'worker'],
    ['folder removed', 'main'],
    ['replaced', 'main'],
    ['replaced', 'worker'],
    ['log removed', 'main'],
  ])('[R9] %s (%s): the run stops at once and says which file, no step after it is acknowledged, and no run begins', async (loss, commit) => {
    const { before, after, said, next } = await lose(loss, commit)
    expect([before, after]).toEqual([2, 0])
    for (const words of [said, next]) expect(words).toMatch(/JOURNAL_UNWRITABLE: .*tutti\.db(-wal)?' was removed or replaced while it was open/)
  })

  it('[R9] put back where it was: the run goes on from what was recorded', async () => {
    expect(await lose('put back', 'main')).toMatchObject({ said: expect.stringContaining('JOURNAL_UNWRITABLE'), resumed: 'completed' })
  })
})
