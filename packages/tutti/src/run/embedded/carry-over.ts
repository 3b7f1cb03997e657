/**
 * Carries a run over to another version of its flow: what is appended so that the new version drives it from there on (I9).
 *
 * It is one append: attempts that a process took with it come to their end (I7), then the mark. Before it is durable the run is as it was; after it, its record is the seed
 * of the new version (`carried-seed.ts`). Refused, by code, without touching the run: a fork, a run that is being undone, a migration that throws, an input that does
 * not fit.
 */
import { type ErrorRecord, sayThrown, TuttiError } from '../../errors/index.ts'
import { type Blobs, type Entry, type RunPatched, splitValue, type Value } from '../../journal/index.ts'
import { decode, encode, type Json, validate } from '../../primitives/index.ts'
import { carriedRecord } from '../carried-record.ts'
import type { AnyFlow, Migration } from '../definition.port.ts'
import type { Draft } from './draft.ts'
import { priorAttempts } from './prior-attempts.ts'
import { ledgerOf, tokenOf } from './restored-ledger.ts'
import { forkOf } from './seed.ts'

export interface CarriedOver {
  readonly drafts: readonly Draft[]
  readonly blobs: Blobs | undefined
}

/** @throws RUN_MIGRATION_REFUSED, and nothing was written */
export async function carryOver(record: readonly Entry[], flow: AnyFlow, load: (value: Value) => Promise<Json>): Promise<CarriedOver> {
  const { present } = carriedRecord(record)
  const started = present[0]
  if (started?.type !== 'run.started') throw new TuttiError('JOURNAL_CORRUPT', 'the journal does not begin with run.started')
  const { run, version: from } = started
  const refuse = (why: string, hint?: string, cause?: unknown): TuttiError =>
    new TuttiError(
      'RUN_MIGRATION_REFUSED',
      `the run '${run}' cannot be carried over from version ${from} of '${flow.name}' to version ${flow.version}: ${why}`,
      {
        data: { run, from, to: flow.version },
        ...(hint === undefined ? {} : { hint }),
        cause,
      },
    )
  const forked = forkOf(record)
  if (forked) throw refuse('it is a fork, seeded by another run', `Fork '${forked.from}' again, with the code of version ${flow.version}.`)
  if (present.some(({ type }) => type === 'step.compensated'))
    throw refuse('it is being undone, which only the version can end that began it', `Register version ${from} beside this one until the run has ended.`)
  const migrations = migrationsFrom(flow, from)
  const input = await inputAfter(migrations, flow, () => load(started.input)).catch((cause) => {
    throw refuse(`its input: ${sayThrown(cause).message}`, undefined, cause)
  })
  const split = input && splitValue(input.json)
  const mark: RunPatched = { type: 'run.patched', id: 'version', from, to: flow.version, rename: renamed(migrations), input: split?.value }
  return { drafts: [...lostAttempts(present, record), mark], blobs: split?.blob && new Map([split.blob]) }
}

/** From this version on, in their order. */
function migrationsFrom(flow: AnyFlow, version: string): readonly Migration[] {
  const all = Object.entries(flow['~flow'].options.migrations ?? {})
  const first = all.findIndex(([from]) => from === version)
  return all.slice(first).map(([, migration]) => (migration === true ? {} : migration))
}

/** What the flow is given now, where a migration makes it; what it was given must fit either way. */
async function inputAfter(migrations: readonly Migration[], flow: AnyFlow, load: () => Promise<Json>): Promise<{ readonly json: Json } | undefined> {
  const makes = migrations.flatMap(({ input }) => input ?? [])
  const { inputSchema } = flow['~flow']
  if (makes.length === 0 && !inputSchema) return undefined
  let input: unknown = decode(await load())
  for (const make of makes) input = await make(input)
  if (inputSchema) await validate(inputSchema, input, 'RUN_INPUT_INVALID', `the input of '${flow.name}'`)
  return makes.length > 0 ? { json: encode(input) } : undefined
}

/** One renaming for all of them: the old names of the first, the new names of the last. */
function renamed(migrations: readonly Migration[]): RunPatched['rename'] {
  let names = new Map<string, string>()
  for (const { rename = {} } of migrations) {
    const next = new Map([...names].map(([old, now]) => [old, underPrefix(now, rename)]))
    for (const [old, now] of Object.entries(rename)) if (![...names.values()].includes(old)) next.set(old, now)
    names = next
  }
  return names.size === 0 ? undefined : Object.fromEntries(names)
}

function underPrefix(key: string, rename: Readonly<Record<string, string>>): string {
  const old = Object.keys(rename)
    .filter((each) => key === each || key.startsWith(`${each}/`))
    .sort((a, b) => b.length - a.length)[0]
  return old === undefined ? key : `${rename[old]}${key.slice(old.length)}`
}

/** An attempt of what may be repeated is lost with the process that made it; what may happen once only stays in doubt. */
function lostAttempts(present: readonly Entry[], record: readonly Entry[]): readonly Draft[] {
  const ledger = ledgerOf(undefined, carriedRecord(record).whole)
  const ended = new Set(
    present.flatMap((entry) => ('key' in entry && (entry.type === 'step.completed' || (entry.type === 'step.failed' && entry.final)) ? [entry.key] : [])),
  )
  return [...priorAttempts(present)].flatMap(([key, { open, once }]) => {
    if (once || ended.has(key)) return []
    return open.map((attempt): Draft => {
      const error: ErrorRecord = { code: 'ATTEMPT_LOST', message: `the process ended while attempt ${attempt} of '${key}' was under way` }
      return { type: 'step.failed', key, attempt, error, final: false, settle: ledger.holding(tokenOf(key, attempt)) }
    })
  })
}
