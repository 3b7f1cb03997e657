import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import { newRun } from '../../src/testing/sample-run.ts'
import { folder, parsed, start, tutti } from './command.ts'

const source = (file: string): string => new URL(`../../src/${file}`, import.meta.url).href

const app = `
import { flow, schedule } from '${source('run/index.ts')}'
export const report = flow('report', { queue: { concurrency: 1 } }, async (day, run) => run.step('write', day, (d) => 'report of ' + d))
export const flows = [report]
export const schedules = [schedule('declared', { cron: '0 3 * * *', timeZone: 'Europe/Berlin', flow: report, input: 'monday' })]
`

it('[R12] a schedule is added, looked at, paused, resumed, run by hand and removed from the command line', async () => {
  const cwd = folder({ 'app.ts': app })
  const json = async (...args: string[]) => parsed(await tutti(cwd, ['schedule', ...args, '--json']))
  expect(await json('add', 'nightly', '--cron', '0 3 * * *', '--tz', 'Europe/Berlin', 'report', '"sunday"')).toMatchObject({ name: 'nightly', flow: 'report' })
  const { schedules } = await json('list')
  expect(schedules).toMatchObject([{ name: 'nightly', when: '0 3 * * * Europe/Berlin', paused: false, declared: false }])
  const next = await json('next', 'nightly', '--count', '3')
  expect(next.next.length).toBe(3)
  expect((await tutti(cwd, ['schedule', 'next', 'nightly', '--count', '1'])).out).toMatch(
    /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d 03:00:00 Europe\/Berlin {2}\d{4}-\d\d-\d\dT0[12]:00:00\.000Z/,
  )
  expect(await json('pause', 'nightly')).toEqual({ schedule: 'nightly', paused: true })
  expect((await tutti(cwd, ['schedule', 'list'])).out).toMatch(/nightly {3}report {2}0 3 \* \* \* Europe\/Berlin {2}paused/)
  expect(await json('resume', 'nightly')).toMatchObject({ paused: false, next: next.next[0] })
  const byHand = await json('run', 'nightly', '--app', 'app.ts')
  expect(byHand).toMatchObject({ status: 'completed', output: 'report of sunday' })
  expect((await tutti(cwd, ['schedule', 'run', 'declared', '--app', 'app.ts'])).out).toBe('report of monday\n')
  expect(await json('remove', 'nightly')).toEqual({ schedule: 'nightly', removed: true })
  expect((await json('pause', 'nightly')).error).toMatchObject({ code: 'SCHEDULE_NOT_FOUND' })
})

it('[R12] what cannot be kept is refused, and nothing is', async () => {
  const cwd = folder({})
  const refused = await tutti(cwd, ['schedule', 'add', 'never', '--cron', '0 0 30 2 *', 'report'])
  expect([refused.code, refused.err]).toEqual([
    2,
    expect.stringContaining("error SCHEDULE_INVALID: the schedule 'never' cannot be kept: '0 0 30 2 *' names a date that never comes"),
  ])
  expect((await tutti(cwd, ['schedule', 'add', 'x', '--every', '1h', 'report', '{broken'])).err).toContain('CONFIG_USAGE')
  expect(parsed(await tutti(cwd, ['schedule', 'list', '--json']))).toEqual({ schedules: [] })
})

it('[R12] a worker drives what is queued and scheduled, says each run, and drains at SIGTERM', async () => {
  const cwd = folder({ 'app.ts': app })
  expect((await tutti(cwd, ['worker'])).err).toContain('CONFIG_USAGE')
  await tutti(cwd, ['schedule', 'add', 'often', '--every', '1s', 'report', '"now"'])
  const worker = start(cwd, ['worker', '--app', 'app.ts', '--json'])
  // What is overdue may begin, and end, before the worker has said how it stands.
  await worker.wrote('"event":"health"')
  await worker.wrote('"event":"completed"')
  worker.child.kill('SIGTERM')
  const { code, out } = await worker.ended
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; run?: string; flow?: string })
  expect(code).toBe(0)
  expect(events).toContainEqual(expect.objectContaining({ event: 'health', queued: expect.any(Number) }))
  expect(events.find(({ event }) => event === 'begins')).toMatchObject({ flow: 'report', run: expect.stringMatching(/^often@/) })
  expect(events.at(-1)).toMatchObject({ event: 'end', counts: { completed: expect.any(Number) } })
})

/** One run at a time, and none ever ends by itself. */
const stuck = `
import { flow } from '${source('run/index.ts')}'
export const job = flow('job', { queue: { concurrency: 1 } }, async (name, run) => run.step('work', name, () => new Promise(() => {})))
export const flows = [job]
`

/** Three runs that are queued: a, b and c. */
async function threeQueued(): Promise<string> {
  const cwd = folder({ 'app.ts': stuck })
  const store = sqliteStore(join(cwd, '.tutti/tutti.db'))
  for (const run of ['a', 'b', 'c']) await store.create(newRun(run, { flow: 'job', lease: undefined, head: { status: 'queued' } }))
  await store.close()
  return cwd
}

const statusesIn = async (cwd: string): Promise<object> =>
  Object.fromEntries(parsed(await tutti(cwd, ['runs', '--json'])).runs.map(({ run, status }: { run: string; status: string }) => [run, status]))

it('[R12] runs and show say where a queued run stands; what a worker had not finished within its grace is left for the next one', async () => {
  const cwd = await threeQueued()
  const { runs } = parsed(await tutti(cwd, ['runs', '--json']))
  expect(runs.map(({ run, position }: { run: string; position: number }) => `${run} ${position}`).toSorted()).toEqual(['a 1', 'b 2', 'c 3'])
  expect((await tutti(cwd, ['runs'])).out).toMatch(/^b .*queued 2 /m)
  expect((await tutti(cwd, ['show', 'b'])).out).toContain('queued, 2 of 3')
  const worker = start(cwd, ['worker', '--app', 'app.ts', '--json', '--grace', '100ms'])
  await worker.wrote('"event":"begins"')
  worker.child.kill('SIGINT')
  expect(await worker.ended).toMatchObject({ code: 0, out: expect.stringMatching(/"event":"let go","run":"a".*\n.*"event":"end"/) })
  expect(await statusesIn(cwd)).toEqual({ a: 'stopped', b: 'queued', c: 'queued' })
})

it('[R12] a second Ctrl-C ends a worker at once, however much grace is left; its run is left for the next one', async () => {
  const cwd = await threeQueued()
  const worker = start(cwd, ['worker', '--app', 'app.ts', '--grace', '10m'])
  await worker.wrote('begins')
  worker.child.kill('SIGINT')
  await worker.wrote('1 run may finish for 10 m')
  worker.child.kill('SIGINT')
  expect((await worker.ended).code).toBe(130)
  expect(await statusesIn(cwd)).toEqual({ a: 'stopped', b: 'queued', c: 'queued' })
})
