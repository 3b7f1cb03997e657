import { describe, expect, it } from 'vitest'
import { flow, schedule } from './index.ts'
import { instantsOf, type When } from './instants.ts'

const job = flow('job', async (_: null) => 1)

/** The next instants after a moment, as ISO text without seconds. */
function next(when: When, from: string, count: number): string[] {
  const { after } = instantsOf('s', when)
  const found: string[] = []
  for (let at: number | undefined = Date.parse(from); found.length < count; ) {
    at = after(at)
    if (at === undefined) break
    found.push(new Date(at).toISOString().slice(0, 16))
  }
  return found
}

describe('the instants of a schedule', () => {
  it('[R12] a fixed time that the clock jumps over is when the clock goes on; one that comes twice comes once', () => {
    const berlin = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' }
    expect(next(berlin, '2026-03-28T00:00Z', 3)).toEqual(['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'])
    expect(next(berlin, '2026-10-24T00:00Z', 3)).toEqual(['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'])
    const newYork = { timeZone: 'America/New_York' }
    expect(next({ ...newYork, cron: '0 2 * * *' }, '2026-03-07T12:00Z', 2)).toEqual(['2026-03-08T07:00', '2026-03-09T06:00'])
    expect(next({ ...newYork, cron: '30 1 * * *' }, '2026-10-31T12:00Z', 2)).toEqual(['2026-11-01T05:30', '2026-11-02T06:30'])
  })

  it('[R12] half an hour of summer time is a half hour', () => {
    const lordHowe = { timeZone: 'Australia/Lord_Howe' }
    expect(next({ ...lordHowe, cron: '15 2 * * *' }, '2026-10-03T00:00Z', 2)).toEqual(['2026-10-03T15:30', '2026-10-04T15:15'])
    expect(next({ ...lordHowe, cron: '45 1 * * *' }, '2026-04-03T00:00Z', 3)).toEqual(['2026-04-03T14:45', '2026-04-04T14:45', '2026-04-05T15:15'])
  })

  it('[R12] what comes every half hour comes in both of the hours that are the same, and not in the one that is missing', () => {
    const half = { cron: '*/30 * * * *', timeZone: 'Europe/Berlin' }
    expect(next(half, '2026-10-24T23:45Z', 5).map((at) => at.slice(11))).toEqual(['00:00', '00:30', '01:00', '01:30', '02:00'])
    expect(next(half, '2026-03-29T00:15Z', 3).map((at) => at.slice(11))).toEqual(['00:30', '01:00', '01:30'])
  })

  it('[R12] days that not every month or year has come when they are there', () => {
    expect(next({ cron: '0 0 29 2 *' }, '2026-01-01T00:00Z', 2)).toEqual(['2028-02-29T00:00', '2032-02-29T00:00'])
    expect(next({ cron: '0 0 31 * *' }, '2026-01-01T00:00Z', 4)).toEqual(['2026-01-31T00:00', '2026-03-31T00:00', '2026-05-31T00:00', '2026-07-31T00:00'])
  })

  it('[R12] every so long means the multiples of it, whenever the process began', () => {
    expect(next({ every: '15m' }, '2026-01-01T00:07Z', 2)).toEqual(['2026-01-01T00:15', '2026-01-01T00:30'])
    expect(instantsOf('s', { every: '1m' }).between(0, 3_600_000, 2)).toEqual([3_540_000, 3_600_000])
  })

  it('[R12] of many instants that have come the last ones are found, without going through all of them', () => {
    const { between } = instantsOf('s', { cron: '* * * * *' })
    const now = Date.UTC(2026, 5, 1, 0, 0, 30)
    expect(between(Date.UTC(2016, 0, 1), now, 2).map((at) => new Date(at).toISOString())).toEqual(['2026-05-31T23:59:00.000Z', '2026-06-01T00:00:00.000Z'])
    expect(between(now - 60_000, now, 5)).toEqual([Date.UTC(2026, 5, 1)])
    expect(between(now, Date.UTC(2026, 5, 1, 0, 1), 5)).toEqual([Date.UTC(2026, 5, 1, 0, 1)])
  })
})

describe('the declaration of a schedule', () => {
  it.each([
    [{ cron: '61 * * * *' }, 'cron'],
    [{ cron: 'every night' }, 'cron'],
    [{ cron: '0 0 30 2 *' }, 'cron'],
    [{ cron: '0 3 * * *', timeZone: 'Mars/Base' }, 'timeZone'],
    [{}, 'cron'],
    [{ cron: '0 3 * * *', every: '1h' }, 'cron'],
    [{ every: '10ms' }, 'every'],
    [{ every: 'often' }, 'every'],
    [{ every: '1h', timeZone: 'UTC' }, 'timeZone'],
    [{ every: '1h', missed: 'some' }, 'missed'],
    [{ every: '1h', overlap: 'no' }, 'overlap'],
  ])('[R12] what cannot be kept is refused, and the field is named: %j', (when, field) => {
    expect(() => schedule('nightly', { flow: job, input: null, ...(when as object) })).toThrowError(
      expect.objectContaining({ code: 'SCHEDULE_INVALID', data: { schedule: 'nightly', field } }),
    )
  })

  it('[R12] a schedule without a flow, or with a name that could not stand in a run, is refused', () => {
    expect(() => schedule('nightly', { every: '1h' } as never)).toThrowError(expect.objectContaining({ code: 'SCHEDULE_INVALID' }))
    expect(() => schedule('a/b', { every: '1h', flow: job, input: null })).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
