import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type RunStatus, sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { newRun, started } from '../../src/testing/sample-run.ts'
import { folder, parsed, tutti } from './command.ts'

const DAY = 86_400_000

/** A home with three runs that ended 40, 20 and 0 days ago, and one that has waited for 40. */
async function home(): Promise<string> {
  const here = folder({})
  const store = sqliteStore(join(here, '.tutti/tutti.db'))
  const make = async (name: string, daysAgo: number, status: RunStatus, labels: Record<string, string> = {}): Promise<void> => {
    const [run, time] = [name as RunId, Date.now() - daysAgo * DAY]
    const ended = { seq: 2, time, type: 'run.completed', output: 1, usage: {} as never } as const
    const entries = [{ ...started(run), time }, ...(status === 'completed' ? [ended] : [])]
    await store.create(newRun(name, { createdAt: time, lease: undefined, entries, head: { status }, labels }))
  }
  await make('run_old1', 40, 'completed')
  await make('run_old2', 20, 'completed', { team: 'sales' })
  await make('run_new1', 0, 'completed')
  await make('run_wait', 40, 'waiting')
  await store.close()
  return here
}
const left = async (here: string): Promise<string> =>
  parsed(await tutti(here, ['runs', '--json']))
    .runs.map(({ run }: { run: string }) => run)
    .sort()
    .join(' ')

test('[R10] a dry run says what would go and what stays; then it goes, into the archive, and comes back from there', async () => {
  const here = await home()
  const criteria = ['prune', '--older-than', '30d', '--archive', 'kept']
  const dry = await tutti(here, [...criteria, '--dry-run'])
  expect(dry.out).toMatch(/^Would remove 1 run \(2 entries, \d+ B\)\.\nKept 1 run:\n {2}run_wait has not ended\n$/)
  expect(existsSync(join(here, 'kept'))).toBe(false)
  const done = await tutti(here, [...criteria, '--json'])
  expect(parsed(done)).toMatchObject({ removed: ['run_old1'], kept: [{ run: 'run_wait', why: 'not-ended' }], entries: 2, dryRun: false })
  expect(await left(here)).toBe('run_new1 run_old2 run_wait')
  const [file = ''] = readdirSync(join(here, 'kept'))
  expect(await tutti(here, ['import', join('kept', file)])).toMatchObject({ code: 0, out: expect.stringContaining('run_old1 is here: completed') })
  expect((await tutti(here, ['prune', '--label', 'team=sales', '--status', 'completed,failed'])).out).toMatch(
    /^Removed 1 run .* The journal is [\d.]+ KB now\.\n$/,
  )
  expect(parsed(await tutti(here, ['prune', 'run_o', 'new1', '--json'])).removed).toEqual(['run_old1', 'run_new1'])
  expect(await left(here)).toBe('run_wait')
})

test('[O3] runs are listed by label; what is no label is a matter of usage', async () => {
  const here = await home()
  const listed = async (...args: readonly string[]): Promise<string> =>
    parsed(await tutti(here, ['runs', '--json', ...args]))
      .runs.map(({ run }: { run: string }) => run)
      .join(' ')
  expect(await listed('--label', 'team=sales', '--limit', '1')).toBe('run_old2')
  expect(await listed('--label', 'team=sales', '--label', 'tier=1')).toBe('')
  expect(await listed('--stranded')).toBe('run_wait')
  expect(await listed('--stranded', '--label', 'team=sales')).toBe('')
  expect((await tutti(here, ['runs', '--label', 'team=none'])).err).toMatch(/^No runs like that/)
  expect(await tutti(here, ['runs', '--label', 'team'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining("'team' is no label") })
})

test('[R10] a prune that is asked for wrongly says so and touches nothing', async () => {
  const here = await home()
  writeFileSync(join(here, 'file'), '')
  const wrong: [string[], number, string][] = [
    [[], 2, 'nothing says which runs'],
    [['--status', 'completed,waiting'], 2, "'waiting' has not ended"],
    [['--label', 'team'], 2, "'team' is no label"],
    [['--before', '2099-13-45'], 2, "'2099-13-45' is not a date"],
    [['run_old1', 'run_wait'], 1, 'RUN_NOT_FINISHED'],
    [['run_old1', '--archive', 'file'], 5, 'JOURNAL_ARCHIVE_FAILED'],
  ]
  for (const [args, code, says] of wrong)
    expect(await tutti(here, ['prune', ...args]), args.join(' ')).toMatchObject({ code, out: '', err: expect.stringContaining(says) })
  expect(await left(here)).toBe('run_new1 run_old1 run_old2 run_wait')
})
