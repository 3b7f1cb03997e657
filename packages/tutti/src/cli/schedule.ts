/** `tutti schedule …`: what starts flows by the clock, as the store of a home knows it; processes that drive it hear of a change at once. */
import { TuttiError } from '../errors/index.ts'
import type { JournalStore, ScheduleState } from '../journal/index.ts'
import { decode, encode, type Json, type RunId } from '../primitives/index.ts'
import { compileSchedule, instantsOf, type ScheduleSpec } from '../run/index.ts'
import { appOf } from './app-file.ts'
import { drive } from './drive.ts'
import { exitCode } from './exit-code.ts'
import { finish } from './finish.ts'
import { homeOf, openStore } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { inOneLine, pad, paintFor } from './paint.ts'
import { openSession } from './session.ts'
import { shortened } from './show.ts'
import { printJson, printLine, type Terminal } from './terminal.ts'

export interface ScheduleAddOptions extends CommonOptions {
  readonly cron?: string | undefined
  readonly every?: string | undefined
  readonly tz?: string | undefined
  readonly missed?: string | undefined
  readonly overlap?: string | undefined
  readonly jitter?: string | undefined
  readonly tenant?: string | undefined
}

/** `tutti schedule list` */
export async function listSchedules(terminal: Terminal, o: CommonOptions): Promise<number> {
  const states = await withStore(terminal, o, (store) => store.schedules())
  const rows = states.map((state) => ({ ...shown(state), next: state.paused ? undefined : nextOf(state, 1)[0] }))
  if (o.json) printJson(terminal.out, { schedules: rows.map(({ next, ...row }) => ({ ...row, next: next?.at })) })
  else if (rows.length === 0)
    printLine(terminal.err, "No schedules. Declare them with tutti({ schedules }), or: npx tutti schedule add NAME --cron '0 3 * * *' FLOW")
  else {
    const cells = rows.map(({ name, when, flow, paused, next, run }) => [name, flow ?? '?', when, paused ? 'paused' : (next?.local ?? 'never'), run ?? ''])
    const head = ['SCHEDULE', 'FLOW', 'WHEN', 'NEXT', 'LAST RUN']
    const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)))
    for (const [i, row] of [head, ...cells].entries()) {
      const line = row.map((text, column) => pad(inOneLine(text), widths[column] ?? 0)).join('  ')
      printLine(terminal.out, i === 0 ? paintFor(terminal.out)('dim', line.trimEnd()) : line.trimEnd())
    }
  }
  return exitCode.done
}

/** `tutti schedule next NAME` */
export async function nextInstants(terminal: Terminal, name: string, o: CommonOptions & { readonly count: number }): Promise<number> {
  const state = await withStore(terminal, o, (store) => find(store, name))
  const next = nextOf(state, o.count)
  if (o.json) printJson(terminal.out, { ...shown(state), next: next.map(({ at }) => at) })
  else for (const { at, local } of next) printLine(terminal.out, `${local}  ${paintFor(terminal.out)('dim', at)}`)
  if (state.paused && !o.json) printLine(terminal.err, `'${name}' is paused: npx tutti schedule resume ${name}`)
  return exitCode.done
}

/** `tutti schedule pause NAME` */
export async function pauseSchedule(terminal: Terminal, name: string, o: CommonOptions): Promise<number> {
  await withStore(terminal, o, async (store) => {
    await find(store, name)
    await store.keepSchedule(name, { paused: true })
  })
  return say(terminal, o, { schedule: name, paused: true }, `'${name}' is paused; runs that it has started go on.`)
}

/** `tutti schedule resume NAME`: what would have been started meanwhile is not made up for. */
export async function resumeSchedule(terminal: Terminal, name: string, o: CommonOptions): Promise<number> {
  const state = await withStore(terminal, o, async (store) => {
    await find(store, name)
    await store.keepSchedule(name, { paused: false, considered: Date.now() })
    return find(store, name)
  })
  const [next] = nextOf(state, 1)
  return say(terminal, o, { schedule: name, paused: false, next: next?.at }, `'${name}' goes on: next ${next?.local ?? 'never'}.`)
}

/** `tutti schedule add NAME FLOW [INPUT]` @throws SCHEDULE_INVALID | CONFIG_USAGE */
export async function addSchedule(terminal: Terminal, name: string, flow: string, input: string | undefined, o: ScheduleAddOptions): Promise<number> {
  const { cron, every, tz: timeZone, missed, overlap, jitter, tenant } = o
  const scope = tenant === undefined ? undefined : { tenant }
  const spec = { cron, every, timeZone, missed, overlap, jitter, scope, flow, input: input === undefined ? undefined : encode(parse(input)) } as ScheduleSpec
  compileSchedule(name, spec)
  const state = await withStore(terminal, o, async (store) => {
    if ((await store.schedules()).some((each) => each.name === name))
      throw new TuttiError('CONFIG_USAGE', `there is a schedule '${name}' already`, { hint: `npx tutti schedule remove ${name}` })
    await store.keepSchedule(name, { considered: Date.now(), spec: JSON.parse(JSON.stringify(spec)) as Json })
    return find(store, name)
  })
  const [next] = nextOf(state, 1)
  return say(
    terminal,
    o,
    { ...shown(state), next: next?.at },
    `'${name}' starts '${flow}' in any process that drives this flow (npx tutti worker --app FILE): next ${next?.local}.`,
  )
}

/** `tutti schedule remove NAME` */
export async function removeSchedule(terminal: Terminal, name: string, o: CommonOptions): Promise<number> {
  const { spec } = await withStore(terminal, o, async (store) => {
    const state = await find(store, name)
    await store.dropSchedule(name)
    return state
  })
  const declared = specOf(spec)?.declared ? ' Code declares it, and makes it again when it opens this store: take it out there too, or pause it.' : ''
  return say(terminal, o, { schedule: name, removed: true }, `'${name}' is removed; runs that it has started go on.${declared}`)
}

/** `tutti schedule run NAME`: starts a run now, beside those of its instants, and drives it to its end. */
export async function runSchedule(terminal: Terminal, name: string, o: CommonOptions & AppFileOptions): Promise<number> {
  if (o.app === undefined) throw new TuttiError('CONFIG_USAGE', 'the flow of the schedule is needed', { hint: `npx tutti schedule run ${name} --app app.ts` })
  const home = homeOf(terminal, o)
  const app = await appOf(o.app, terminal.cwd)
  const state = await withStore(terminal, o, async (store) => (await store.schedules()).find((each) => each.name === name))
  const declared = app.schedules.find((each) => each.name === name)?.['~schedule']
  const spec = declared?.spec ?? specOf(state?.spec)
  if (!spec) throw notFound(name)
  const flow = declared?.flow ?? app.flows.find((each) => each.name === spec.flow)
  if (!flow) throw new TuttiError('CONFIG_FLOW_UNKNOWN', `the schedule '${name}' starts the flow '${spec.flow}', which ${o.app} does not export`)
  const now = new Date()
  const input = declared ? declared.inputAt(now) : spec.input === undefined ? undefined : decode(spec.input)
  const engine = openSession(terminal, home, { flows: app.flows, budgets: app.budgets })
  const how = { id: `${name}@${now.toISOString()}:by-hand`, scope: spec.scope, labels: { ...spec.labels, schedule: name }, priority: spec.priority }
  const run: RunId = await engine.start(flow, input, how)
  const driven = await drive<unknown>(engine, run, terminal, { quiet: o.json })
  return finish(terminal, home, driven, { json: o.json, print: (output) => output !== undefined && printLine(terminal.out, shortened(output, 2)) })
}

async function withStore<T>(terminal: Terminal, o: CommonOptions, work: (store: JournalStore) => Promise<T>): Promise<T> {
  const store = openStore(homeOf(terminal, o))
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function find(store: JournalStore, name: string): Promise<ScheduleState> {
  const state = (await store.schedules()).find((each) => each.name === name)
  if (state) return state
  throw notFound(name)
}

const notFound = (name: string): TuttiError =>
  new TuttiError('SCHEDULE_NOT_FOUND', `there is no schedule '${name}' in this store`, { data: { schedule: name } })

const specOf = (spec: Json | undefined): ScheduleSpec | undefined => spec as unknown as ScheduleSpec | undefined

function shown({ name, paused, considered, run, spec: kept }: ScheduleState) {
  const spec = specOf(kept)
  const when = spec?.cron === undefined ? `every ${spec?.every ?? '?'}` : `${spec.cron} ${spec.timeZone ?? 'UTC'}`
  return {
    name,
    flow: spec?.flow,
    when,
    paused,
    declared: spec?.declared === true,
    dealtWith: considered > 0 ? new Date(considered).toISOString() : undefined,
    run,
  }
}

/** In the zone of the schedule, for a person; and as every program reads it. */
function nextOf({ name, spec: kept }: ScheduleState, count: number): { readonly at: string; readonly local: string }[] {
  const spec = specOf(kept)
  if (!spec) return []
  const { after } = instantsOf(name, spec)
  const next: { at: string; local: string }[] = []
  for (let at = after(Date.now()); at !== undefined && next.length < count; at = after(at)) {
    next.push({ at: new Date(at).toISOString(), local: `${localTime(at, spec.timeZone ?? 'UTC')} ${spec.timeZone ?? 'UTC'}` })
  }
  return next
}

/** `Mon 2026-11-23 03:00:00`: the day in English like all else, the date as ISO 8601 has it. */
function localTime(at: number, timeZone: string): string {
  const weekday = new Date(at).toLocaleDateString('en-GB', { timeZone, weekday: 'short' })
  return `${weekday} ${new Date(at).toLocaleString('sv-SE', { timeZone, ...parts })}`
}

const parts = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TuttiError('CONFIG_USAGE', `the input is no JSON: ${(cause as Error).message}`, { cause, hint: `As in '{"day":"today"}' or '"text"'.` })
  }
}

function say(terminal: Terminal, { json }: CommonOptions, document: object, line: string): number {
  if (json) printJson(terminal.out, document)
  else printLine(terminal.out, line)
  return exitCode.done
}
