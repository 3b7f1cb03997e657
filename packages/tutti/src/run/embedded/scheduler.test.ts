import { describe, expect, it, vi } from 'vitest'
import { TuttiError } from '../../errors/index.ts'
import { memoryStore } from '../../journal/index.ts'
import type { RunId } from '../../primitives/index.ts'
import { settled, simulatedClock } from '../../testing/simulated-clock.ts'
import { gate, testEngine } from '../../testing/test-engine.ts'
import { flow, type ScheduleOptions, schedule } from '../index.ts'

const START = Date.UTC(2026, 0, 1, 0, 30)
const HOUR = 3_600_000

/** Two processes' worth of apps over one store and one clock, with one hourly schedule. */
function hourly(over: Partial<ScheduleOptions<string>> = {}) {
  const [store, clock] = [memoryStore(), simulatedClock(START)]
  const worked: string[] = []
  const held: ReturnType<typeof gate<void>>[] = []
  let holding = false
  const job = flow('job', async (hour: string, run) => {
    await run.step('work', hour, () => {
      worked.push(hour)
      if (!holding) return
      const own = gate()
      held.push(own)
      return own.promise
    })
  })
  const nightly = schedule('nightly', { cron: '0 * * * *', flow: job, input: (at) => at.toISOString().slice(11, 16), ...over })
  const open = async () => {
    const app = testEngine([job], { store, clock, resume: true, schedules: [nightly], leaseMs: 1_000 * HOUR })
    await app.engine.open()
    await settled()
    return app
  }
  const hold = (yes: boolean): void => {
    holding = yes
    if (!yes) for (const each of held.splice(0)) each.open()
  }
  return { store, clock, worked, open, hold, job }
}

describe('a schedule', () => {
  it('[R12] starts a run at each instant, named after it and labelled, and nothing before it was declared', async () => {
    const { store, clock, worked, open } = hourly({ labels: { team: 'night' }, scope: { tenant: 'acme' } })
    await open()
    expect(worked).toEqual([])
    await clock.advance('3h')
    expect(worked).toEqual(['01:00', '02:00', '03:00'])
    const head = await store.head('nightly@2026-01-01T02:00:00Z' as RunId)
    expect(head).toMatchObject({ status: 'completed', labels: { schedule: 'nightly', team: 'night' }, scope: { tenant: 'acme' } })
    expect(await store.schedules()).toMatchObject([{ name: 'nightly', considered: Date.UTC(2026, 0, 1, 3), run: 'nightly@2026-01-01T03:00:00Z' }])
  })

  it('[R9] a schedule whose last run is damaged, and one that cannot be read, hold up no other', async () => {
    const { store, clock, worked, open } = hourly()
    await open()
    await store.keepSchedule('a first', { considered: clock.now(), run: 'run_damaged' as RunId, spec: { flow: 'job', cron: '0 * * * *' } })
    const [head, schedules] = [store.head.bind(store), store.schedules.bind(store)]
    store.head = (run) => (run === 'run_damaged' ? Promise.reject(new TuttiError('JOURNAL_CORRUPT', 'it is damaged')) : head(run))
    store.schedules = async () => [{ name: 'a garbled one', considered: 0, paused: false, damaged: true }, ...(await schedules())]
    const warned: string[] = []
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation((message) => void warned.push(String(message)))
    await clock.advance('2h')
    warn.mockRestore()
    expect(worked).toEqual(['01:00', '02:00'])
    expect(warned).toEqual(expect.arrayContaining([expect.stringContaining("'a garbled one'"), expect.stringContaining("'a first'")]))
  })

  it('[R12] of several processes one starts the run of an instant', async () => {
    const { clock, worked, open } = hourly()
    await Promise.all([open(), open(), open()])
    await clock.advance('2h')
    expect(worked).toEqual(['01:00', '02:00'])
  })

  it.each([
    ['skip', []],
    ['last', ['04:00']],
    ['all', ['01:00', '02:00', '03:00', '04:00']],
  ] as const)('[R12] instants at which nobody was there are dealt with as said when somebody is there again: %s', async (missed, expected) => {
    const { clock, worked, open } = hourly({ missed })
    const first = await open()
    await first.engine.close()
    await clock.advance('4h')
    const second = await open()
    for (let turn = 0; turn < 10; turn++) await settled()
    expect(worked).toEqual(expected)
    await clock.advance('1h')
    expect(worked).toEqual([...expected, '05:00'])
    await second.engine.close()
    await open()
    expect(worked).toEqual([...expected, '05:00'])
  })

  it('[R12] of instants that were missed for months no more than a hundred are made up for', async () => {
    const { clock, worked, open, store } = hourly({ missed: 'all' })
    await (await open()).engine.close()
    await clock.advance('90d')
    await open()
    while (worked.length < 100) await settled()
    await settled()
    expect(worked.length).toBe(100)
    expect((await store.schedules())[0]?.considered).toBe(START + 90 * 24 * HOUR - HOUR / 2)
  })

  it('[R12] a clock that is set back starts nothing twice', async () => {
    const { worked, open, clock, store, job } = hourly()
    await open()
    await clock.advance('2h')
    expect(worked.length).toBe(2)
    const again = schedule('nightly', { cron: '0 * * * *', flow: job, input: 'again' })
    const earlier = testEngine([job], { store, clock: simulatedClock(START), resume: true, schedules: [again] })
    await earlier.engine.open()
    await settled()
    expect(worked.length).toBe(2)
  })

  it.each([
    ['skip', ['01:00'], ['01:00', '04:00']],
    ['allow', ['01:00', '02:00', '03:00'], ['01:00', '02:00', '03:00', '04:00']],
    ['queue', ['01:00'], ['01:00', '02:00', '03:00', '04:00']],
  ] as const)('[R12] while the last run has not ended, the next instant is dealt with as said: %s', async (overlap, during, after) => {
    const { clock, worked, open, hold } = hourly({ overlap })
    await open()
    hold(true)
    await clock.advance('2h')
    await clock.advance('45m')
    expect(worked).toEqual(during)
    hold(false)
    await clock.advance('1h')
    expect(worked).toEqual(after)
  })

  it('[R12] a schedule that is paused starts nothing, and has missed nothing when it goes on', async () => {
    const { clock, worked, open, store } = hourly({ missed: 'all' })
    await open()
    await store.keepSchedule('nightly', { paused: true })
    await settled()
    await clock.advance('3h')
    expect(worked).toEqual([])
    await store.keepSchedule('nightly', { paused: false, considered: clock.now() })
    await settled()
    await clock.advance('1h')
    expect(worked).toEqual(['04:00'])
  })

  it('[R12] one that is kept in the store alone is driven by whoever has its flow', async () => {
    const { clock, worked, store, job } = hourly()
    await store.keepSchedule('kept', { considered: START, spec: { flow: 'job', every: '30m', input: 'kept' } })
    await store.keepSchedule('elsewhere', { considered: START, spec: { flow: 'other', every: '30m' } })
    const app = testEngine([job], { store, clock, resume: true })
    await app.engine.open()
    await clock.advance('1h')
    expect(worked).toEqual(['kept', 'kept'])
    const { engine } = testEngine([flow('another', async (_: null) => 1)], { store, clock, resume: true })
    await engine.open()
  })

  it('[R12] with jitter a run starts later than its instant, by less than said, and the same on every process', async () => {
    const { clock, worked, open, store } = hourly({ jitter: '20m' })
    await Promise.all([open(), open()])
    await clock.advance('30m')
    expect(worked).toEqual([])
    await clock.advance('20m')
    expect(worked).toEqual(['01:00'])
    const head = await store.head('nightly@2026-01-01T01:00:00Z' as RunId)
    expect(head?.createdAt).toBeGreaterThan(START + HOUR / 2)
    expect(head?.createdAt).toBeLessThan(START + HOUR / 2 + 20 * 60_000)
  })

  it('[R12] an input that cannot be made is a warning, and the next instant has its chance', async () => {
    let calls = 0
    const { clock, worked, open } = hourly({
      input: () => {
        if (++calls === 1) throw new Error('no such day')
        return 'made'
      },
    })
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    await open()
    await clock.advance('2h')
    expect(worked).toEqual(['made'])
    expect((await warned).message).toContain('no such day')
  })
})
