// A schedule: a flow that the clock starts, in a time zone, once per instant however many processes there are. Here time is simulated.
import { flow, schedule } from 'tutti'
import { testing } from 'tutti/testing'

const report = flow('report', async (day: string, run) => run.step('write', day, (of) => console.log(`  report of ${of}`)))

const nightly = schedule('nightly', {
  cron: '0 3 * * *',
  timeZone: 'Europe/Berlin',
  flow: report,
  input: (at) => at.toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' }),
  missed: 'last', // nobody was there: one run for the last of the nights
})

const before = testing({ flows: [report], schedules: [nightly] })
console.log('two nights')
await before.clock.advance('2d')
await before.close()

// The process is gone for four days. The next one makes up for the last night only.
const away = testing({ flows: [report], after: before })
await away.clock.advance('4d')
await away.close()

await using later = testing({ flows: [report], schedules: [nightly], after: away })
console.log('back after four days, and one more night')
await later.clock.advance('1d')

const run = await later.get('nightly@2026-01-02T02:00:00Z')
console.log(`each night has a run of its own: ${run?.id}`)
