import { expect, it } from 'vitest'
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
  expect((await tutti(cwd, ['schedule', 'next', 'nightly', '--count', '1'])).out).toMatch(/03:00:00 Europe\/Berlin {2}\d{4}-\d\d-\d\dT0[12]:00:00\.000Z/)
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
  await worker.wrote('"event":"completed"')
  worker.child.kill('SIGTERM')
  const { code, out } = await worker.ended
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; run?: string; flow?: string })
  expect(code).toBe(0)
  expect(events[0]).toMatchObject({ event: 'health', queued: 0 })
  expect(events.find(({ event }) => event === 'begins')).toMatchObject({ flow: 'report', run: expect.stringMatching(/^often@/) })
  expect(events.at(-1)).toMatchObject({ event: 'end', counts: { completed: expect.any(Number) } })
})
