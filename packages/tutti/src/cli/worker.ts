import { setTimeout as later } from 'node:timers/promises'
import { configuredEngine, servingOf } from '../configured.ts'
import { TuttiError } from '../errors/index.ts'
import type { RunHead } from '../journal/index.ts'
import { type Duration, durationMs, type RunId } from '../primitives/index.ts'
import type { RunEngine, Standing } from '../run/index.ts'
import { appOf } from './app-file.ts'
import { exitCode } from './exit-code.ts'
import { type Home, homeOf } from './home.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { type Paint, pad, paintFor, printable } from './paint.ts'
import { plural, sayMs } from './quantity.ts'
import { statusStyle } from './runs.ts'
import { hostedSession, openSession } from './session.ts'
import { printLine, type Terminal } from './terminal.ts'

export interface WorkerOptions extends CommonOptions, AppFileOptions {
  /** What is under way may finish for so long after the first Ctrl-C. */
  readonly grace?: string | undefined
  /** Default: `TUTTI_ENGINE`. */
  readonly engine?: string | undefined
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly advertise?: string | undefined
}

/** How often it is said what is driven and what waits. */
const HEALTH_MS = 60_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

/** `tutti worker --app FILE`: drives all that is due of these flows (queued, scheduled, woken, left behind) until Ctrl-C or SIGTERM, then drains. */
export async function worker(terminal: Terminal, o: WorkerOptions): Promise<number> {
  if (o.app === undefined) throw new TuttiError('CONFIG_USAGE', 'a worker needs the flows that it drives', { hint: 'npx tutti worker --app app.ts' })
  const graceMs = durationMs((o.grace ?? '10s') as Duration)
  const home = homeOf(terminal, o)
  const app = await appOf(o.app, terminal.cwd)
  const engine = hostedEngine(terminal, home, app, o) ?? openSession(terminal, home, { ...app, resume: true })
  const log = new WorkerLog(terminal, home, engine, o.json === true)
  const asked = Promise.withResolvers<void>()
  const stop = terminal.onInterrupt(() => {
    if (log.draining) terminal.exit(exitCode.interrupted)
    log.drain(graceMs)
    asked.resolve()
  })
  // It also keeps the process from ending while nothing is due.
  const health = setInterval(() => void log.health(), HEALTH_MS)
  try {
    log.begin(app.flows.map(({ name }) => name))
    if (!(await openWhenThere(engine, log, asked.promise))) {
      log.end()
      // Whatever it was connecting to is not waited for: it drives nothing.
      return terminal.exit(exitCode.done)
    }
    if (!log.draining) await log.health()
    if (!log.draining) log.ready()
    await asked.promise
    await engine.close({ graceMs })
    log.end()
    return exitCode.done
  } finally {
    clearInterval(health)
    await engine.close({ graceMs: 0 })
    stop()
  }
}

/**
 * Opens it, as often as it takes while what it stands on (Postgres, Restate) is not there: at the start of a machine they come up in any order. What no waiting mends is
 * thrown. False when the worker was asked to end before it drove anything.
 */
async function openWhenThere(engine: RunEngine, log: WorkerLog, asked: Promise<void>): Promise<boolean> {
  const ends = asked.then(() => undefined)
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const opening = engine.open().then(
      () => 'open' as const,
      (error: unknown) => ({ error }),
    )
    const opened = await Promise.race([opening, ends])
    if (opened === 'open' || (opened === undefined && log.drives)) return true
    if (opened === undefined) return false
    const { error } = opened
    if (!TuttiError.is(error) || error.disposition !== 'retryable') throw error
    log.away(error)
    await Promise.race([later(pauseMs, undefined, { ref: false }), ends])
  }
}

/** The worker's side of an engine elsewhere, if that is what drives the runs. */
function hostedEngine(terminal: Terminal, home: Home, app: Awaited<ReturnType<typeof appOf>>, o: WorkerOptions): RunEngine | undefined {
  const { port, host, advertise } = o
  const named = { ...terminal, env: { ...terminal.env, ...(o.engine !== undefined && { TUTTI_ENGINE: o.engine }) } }
  const serve = {
    ...servingOf(terminal.env),
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(advertise !== undefined && { advertise }),
  }
  const maker = configuredEngine(named, serve)
  if (!maker && (port ?? host ?? advertise) !== undefined)
    throw new TuttiError('CONFIG_USAGE', '--port, --host and --advertise are for a worker of an engine elsewhere', {
      hint: 'Add --engine restate, or leave them out.',
    })
  return maker && hostedSession(terminal, home, app, maker)
}

type Said = 'begins' | 'goes on' | 'waits' | 'completed' | 'failed' | 'cancelled' | 'stopped' | 'let go'

/** One line for each run that begins, rests or ends here. */
class WorkerLog {
  draining = false
  readonly #terminal: Terminal
  readonly #home: Home
  readonly #engine: RunEngine
  readonly #json: boolean
  readonly #paint: Paint
  readonly #driven = new Map<RunId, { readonly flow: string; readonly since: number }>()
  readonly #counts = new Map<Said, number>()
  #flows: readonly string[] = []
  /** What was last said to be away, and when. */
  #away: { readonly message: string; readonly at: number } | undefined

  constructor(terminal: Terminal, home: Home, engine: RunEngine, json: boolean) {
    this.#terminal = terminal
    this.#home = home
    this.#engine = engine
    this.#json = json
    this.#paint = paintFor(terminal.out)
    engine.watchStandings((run, standing, flow) => this.#see(run, standing, flow))
  }

  get drives(): boolean {
    return this.#driven.size > 0
  }

  begin(flows: readonly string[]): void {
    this.#flows = flows
    if (!this.#json) printLine(this.#terminal.err, `Drives ${flows.join(', ')} in ${this.#home.place}. Ctrl-C lets what is under way finish, and ends.`)
  }

  /** What it stands on does not answer. Said once, and again now and then. */
  away({ code, message, hint }: TuttiError): void {
    const at = Date.now()
    if (this.#away?.message === message && at - this.#away.at < HEALTH_MS) return
    this.#away = { message, at }
    if (this.#json) return this.#line({ event: 'away', code, message })
    printLine(this.#terminal.err, `${this.#paint('yellow', 'waits')} ${this.#paint('bold', code)}: ${printable(message)}`)
    printLine(this.#terminal.err, `  ${printable(hint)} It is tried again until it answers; Ctrl-C ends this.`)
  }

  /** It takes up what is due from now on. */
  ready(): void {
    if (this.#json) this.#line({ event: 'ready' })
    else printLine(this.#terminal.err, 'Ready.')
  }

  drain(graceMs: number): void {
    this.draining = true
    if (!this.#json)
      printLine(
        this.#terminal.err,
        `Takes nothing up any more; ${plural(this.#driven.size, 'run')} may finish for ${sayMs(graceMs)}. Ctrl-C again ends at once.`,
      )
  }

  end(): void {
    const counts = [...this.#counts].filter(([what]) => ['completed', 'failed', 'cancelled', 'stopped', 'let go'].includes(what))
    if (this.#json) this.#line({ event: 'end', counts: Object.fromEntries(counts) })
    else printLine(this.#terminal.err, `Ended: ${counts.map(([what, count]) => `${count} ${what}`).join(', ') || 'nothing was due'}.`)
  }

  /** How much is driven here, and how much waits of these flows. A store that is away for a while ends no worker. */
  async health(): Promise<void> {
    let heads: readonly RunHead[]
    try {
      heads = (
        await Promise.all(this.#flows.map((flow) => this.#engine.store.list({ flow, status: ['queued', 'running', 'waiting'], limit: MOST_COUNTED })))
      ).flat()
    } catch (error) {
      if (!TuttiError.is(error) || this.draining) return
      return this.away(error)
    }
    const count = (status: RunHead['status']): number => heads.filter((head) => head.status === status).length
    const health = { driven: this.#driven.size, queued: count('queued'), running: count('running'), waiting: count('waiting') }
    if (this.#json) this.#line({ event: 'health', ...health })
    else
      printLine(
        this.#terminal.err,
        this.#paint('dim', `${health.driven} driven here; of all processes ${health.running} running, ${health.queued} queued, ${health.waiting} waiting`),
      )
  }

  #see(run: RunId, standing: Standing | undefined, flow: string | undefined): void {
    const before = this.#driven.get(run)
    const now = Date.now()
    if (standing?.type === 'running') {
      if (flow !== undefined && !before) this.#driven.set(run, { flow, since: now })
      if (!before) this.#say('begins', run, flow)
      return
    }
    if (!before && standing?.type !== 'stopped') return
    if (standing?.type === 'waiting') return this.#say('waits', run, before?.flow)
    this.#driven.delete(run)
    this.#say(saidOf(standing), run, before?.flow, { ms: before ? now - before.since : 0, ...(standing?.type === 'stopped' && { code: standing.error.code }) })
  }

  #say(what: Said, run: RunId, flow: string | undefined, more: { readonly ms?: number; readonly code?: string } = {}): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    if (this.#json) return this.#line({ event: what, run, flow, ...more })
    const style = what === 'completed' || what === 'failed' || what === 'cancelled' || what === 'stopped' ? statusStyle[what] : 'cyan'
    const took = more.ms === undefined ? '' : `  ${sayMs(more.ms)}`
    const time = new Date().toLocaleTimeString('sv-SE')
    printLine(
      this.#terminal.out,
      `${this.#paint('dim', time)}  ${this.#paint(style, pad(what, 9))}  ${flow ?? ''}  ${run}${took}${more.code ? `  ${more.code}` : ''}`,
    )
  }

  #line(event: object): void {
    printLine(this.#terminal.out, JSON.stringify({ at: new Date().toISOString(), ...event }))
  }
}

/** Of each flow so many runs that have not ended are counted. */
const MOST_COUNTED = 10_000

function saidOf(standing: Standing | undefined): Said {
  if (standing?.type === 'stopped') return 'stopped'
  if (standing?.type !== 'ended') return 'let go'
  switch (standing.last?.type) {
    case 'run.failed':
      return 'failed'
    case 'run.cancelled':
      return 'cancelled'
    default:
      return 'completed'
  }
}
