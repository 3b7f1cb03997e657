/** What the rounds come to. A share is the median of what each round says, never a quotient of medians. */
import type { PostgresServer } from '../../packages/postgres/test/postgres-server.ts'
import type { Report } from '../figure.ts'
import { median } from '../measure.ts'
import type { Kind, Round, Rounds } from './rounds.ts'
import type { Load, Spent } from './setup.ts'

const OVERHEAD = { atMost: 1.25 }
const BARE = 'bare Restate'
const names: Readonly<Record<Exclude<Kind, 'bare'>, string>> = { sqlite: 'embedded, SQLite', postgres: 'embedded, Postgres', restate: 'Restate, Postgres' }

/** How long a run waits for one of its steps. */
const microsOf = ({ wallMs }: Spent, { steps }: Load): number => (wallMs * 1_000) / steps
const perSecond = ({ wallMs }: Spent, { runs, steps }: Load): number => (runs * steps * 1_000) / wallMs
/** Of the worker and both servers. */
const cpuOf = ({ cpuMs, servers }: Spent): number => cpuMs + servers.restate + servers.postgres

export function reportLoad(report: Report, load: Load, rounds: readonly Round[]): void {
  const of = (kind: Kind, figure: (spent: Spent, load: Load) => number): number => median(rounds.map((round) => figure(round[kind].steady, load)))
  const at = `${load.runs} run${load.runs > 1 ? 's' : ''} at once`
  for (const [kind, name] of Object.entries(names) as [keyof typeof names, string][]) {
    const beside = (figure: typeof microsOf) => (kind === 'restate' ? { peer: BARE, peerValue: of('bare', figure) } : {})
    report({ name: `a step, ${name}, ${at}`, value: of(kind, microsOf), unit: 'µs', ...beside(microsOf) })
    report({ name: `steps a second, ${name}, ${at}`, value: of(kind, perSecond), unit: 'steps/s', ...beside(perSecond) })
  }
  const share = median(rounds.map(({ restate, bare }) => restate.steady.wallMs / bare.steady.wallMs))
  report({ name: `a step on Restate against bare Restate, ${at}`, value: share, unit: '×', limit: 1, target: OVERHEAD })
}

/** The same in processes that have driven nothing before. */
export function reportYoung(report: Report, { restate, bare, load }: Round): void {
  const [ours, theirs] = [microsOf(restate.steady, load), microsOf(bare.steady, load)]
  report({ name: `a step, Restate, young process, ${load.runs} runs at once`, value: ours, unit: 'µs', peer: BARE, peerValue: theirs })
}

/** Where the CPU of a step goes, with 64 runs at once. */
export function reportShares(report: Report, all: readonly Round[]): void {
  const rounds = all.filter(({ load }) => load.runs === 64)
  const micros = (kind: Kind, figure: (spent: Spent) => number): number =>
    median(rounds.map((round) => (figure(round[kind].steady) * 1_000) / (round.load.runs * round.load.steps)))
  for (const [kind, name] of Object.entries(names) as [keyof typeof names, string][]) {
    const beside = (figure: (spent: Spent) => number) => (kind === 'restate' ? { peer: BARE, peerValue: micros('bare', figure) } : {})
    const figures: readonly [string, (spent: Spent) => number][] = [
      ['the worker', ({ cpuMs }) => cpuMs],
      ['Restate', ({ servers }) => servers.restate],
      ['Postgres', ({ servers }) => servers.postgres],
    ]
    for (const [where, figure] of figures.slice(0, kind === 'sqlite' ? 1 : 3))
      if (kind === 'restate' || where !== 'Restate')
        report({ name: `CPU of a step in ${where}, ${name}`, value: micros(kind, figure), unit: 'µs', ...beside(figure) })
  }
  const share = median(rounds.map(({ restate, bare }) => cpuOf(restate.steady) / cpuOf(bare.steady)))
  report({ name: 'CPU of a step on Restate, all processes, against bare Restate', value: share, unit: '×', limit: 1 })
  const starts = (kind: Kind): number => median(rounds.map((round) => cpuOf(round[kind].whole) - cpuOf(round[kind].steady)).map((ms) => ms / 64))
  report({ name: 'CPU of the beginning and the end of a run, all processes', value: starts('restate'), unit: 'ms', peer: BARE, peerValue: starts('bare') })
}

/** What Postgres holds of the runs on Restate: rows and bytes for each of their steps. */
export async function reportKept(report: Report, { ask }: PostgresServer, { taken }: Rounds): Promise<void> {
  const steps = taken.reduce((sum, load) => sum + load.runs * (load.steps + 2), 0)
  const [row] = await ask(`
    SELECT (SELECT count(*) FROM hosted.entries)::int AS entries,
      pg_total_relation_size('hosted.entries')::int AS bytes, pg_total_relation_size('hosted.runs')::int AS heads, (SELECT count(*) FROM hosted.runs)::int AS runs`)
  const { entries, bytes, heads, runs } = row as { entries: number; bytes: number; heads: number; runs: number }
  report(
    { name: 'rows of a step in Postgres', value: entries / steps, unit: 'rows' },
    { name: 'bytes of a step in Postgres, with its index', value: bytes / steps, unit: 'bytes' },
    { name: 'bytes of the line of a run in Postgres, with its indexes', value: heads / runs, unit: 'bytes' },
  )
}
