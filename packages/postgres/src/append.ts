/**
 * Appends of many runs as one statement: it takes each run's line if the epoch and the last entry are those the writer knows (I2), and writes only for those it took.
 *
 * A run it did not take is looked into by itself (`writer.ts`), which says why it is refused.
 */
import { type AppendJob, type HeadChange, isMade } from 'tutti/store'
import type { Statement } from './database.ts'
import { type Columns, columnsOf, unnested } from './unnest.ts'

/** What the appends of one run come to. */
export interface RunAppend {
  readonly run: string
  readonly epoch: number
  readonly jobs: readonly AppendJob[]
  /** The last entry before these; `null` when there are none. */
  readonly before: number | null
  readonly entries: number
}

/** `undefined` when they do not follow each other: then each is looked at by itself. */
export function appendOf(jobs: readonly AppendJob[]): RunAppend | undefined {
  const [first] = jobs as readonly [AppendJob]
  let before: number | null = null
  let entries = 0
  for (const { epoch, first: seq, bodies } of jobs) {
    if (epoch !== first.epoch) return undefined
    if (bodies.length === 0) continue
    before ??= seq - 1
    if (seq !== before + entries + 1) return undefined
    entries += bodies.length
  }
  return { run: first.run, epoch: first.epoch, jobs, before, entries }
}

const lineColumns = {
  run: 'text',
  epoch: 'int',
  before: 'int',
  entries: 'int',
  time: 'bigint',
  status: 'text',
  version: 'text',
  stalls: 'int',
  sets_wake: 'bool',
  wake_at: 'bigint',
  sets_waiting: 'bool',
  waiting: 'text',
  releases: 'bool',
} as const
const entryColumns = { i: 'int', seq: 'int', body: 'line' } as const
const blobColumns = { i: 'int', hash: 'text', body: 'text' } as const
const useColumns = { i: 'int', hash: 'text' } as const
const takenColumns = { i: 'int', id: 'text', forgets: 'bool' } as const

type Line = { [C in keyof typeof lineColumns]: unknown }

/** @returns as rows `{ i }`: the place of each append that was written, from 1 */
export function appendStatement(appends: readonly RunAppend[]): Statement {
  const lines = columnsOf(lineColumns)
  const entries = columnsOf(entryColumns)
  const blobs = columnsOf(blobColumns)
  const uses = columnsOf(useColumns)
  const taken = columnsOf(takenColumns)
  for (const [at, append] of appends.entries()) {
    const i = at + 1
    lines.add(lineOf(append))
    for (const job of append.jobs) {
      for (const [offset, body] of job.bodies.entries()) entries.add({ i, seq: job.first + offset, body })
      for (const [hash, body] of job.blobs) blobs.add({ i, hash, body })
      for (const hash of job.uses) uses.add({ i, hash })
      for (const id of job.taken) taken.add({ i, id, forgets: isMade(id) })
    }
  }
  return blobs.rows + uses.rows + taken.rows === 0 ? { ...plain, values: [...lines.values, ...entries.values] } : full(lines, entries, blobs, uses, taken)
}

function lineOf({ run, epoch, jobs, before, entries }: RunAppend): Line {
  const change: { -readonly [F in keyof HeadChange]: HeadChange[F] } = {}
  let releases = false
  let time: number | null = null
  for (const job of jobs) {
    Object.assign(change, job.head)
    releases ||= job.release
    if (job.bodies.length > 0) time = job.time
  }
  return {
    ...{ run, epoch, before, entries, time, releases },
    ...{ status: change.status ?? null, version: change.version ?? null, stalls: change.stalls ?? null },
    ...{ sets_wake: 'wakeAt' in change, wake_at: change.wakeAt ?? null },
    ...{ sets_waiting: 'waiting' in change, waiting: change.waiting ? JSON.stringify(change.waiting) : null },
  }
}

const heldAndWritten = `
  given AS (SELECT * FROM ${unnested(lineColumns, 1)} WITH ORDINALITY AS g(${Object.keys(lineColumns).join(', ')}, i)),
  held AS (
    UPDATE runs r SET
      last_seq = r.last_seq + g.entries, updated_at = coalesce(g.time, r.updated_at),
      status = coalesce(g.status, r.status), version = coalesce(g.version, r.version), stalls = coalesce(g.stalls, r.stalls),
      wake_at = CASE WHEN g.sets_wake THEN g.wake_at ELSE r.wake_at END,
      waiting = CASE WHEN g.sets_waiting THEN g.waiting ELSE r.waiting END,
      owner = CASE WHEN g.releases THEN NULL ELSE r.owner END,
      lease_until = CASE WHEN g.releases THEN NULL ELSE r.lease_until END,
      admitted = r.admitted AND NOT g.releases
    FROM given g
    WHERE r.run = g.run AND r.epoch = g.epoch AND r.epoch > 0 AND r.last_seq = coalesce(g.before, r.last_seq)
    RETURNING r.id, g.i),
  written AS (
    INSERT INTO entries (run, seq, body)
    SELECT h.id, e.seq, e.body FROM ${unnested(entryColumns, 14)} AS e(i, seq, body) JOIN held h USING (i))`

const plain: Statement = { name: 'append', text: `WITH ${heldAndWritten} SELECT i::int FROM held` }

/** A blob that a run names and that nobody brought is not there: the entry says so when it is read. */
const fullText = `
  WITH ${heldAndWritten},
  brought AS (
    INSERT INTO blobs (hash, body)
    SELECT DISTINCT ON (b.hash) b.hash, b.body FROM ${unnested(blobColumns, 17)} AS b(i, hash, body) JOIN held h USING (i)
    ON CONFLICT DO NOTHING),
  used AS (
    INSERT INTO blob_uses (run, hash)
    SELECT DISTINCT h.id, u.hash FROM ${unnested(useColumns, 20)} AS u(i, hash) JOIN held h USING (i)
    WHERE u.hash = ANY ($18) OR EXISTS (SELECT 1 FROM blobs b WHERE b.hash = u.hash)
    ON CONFLICT DO NOTHING),
  forgotten AS (
    DELETE FROM inbox m USING ${unnested(takenColumns, 22)} AS t(i, id, forgets), held h
    WHERE h.i = t.i AND t.forgets AND m.run = h.id AND m.id = t.id),
  taken AS (
    UPDATE inbox m SET body = NULL FROM ${unnested(takenColumns, 22)} AS t(i, id, forgets), held h
    WHERE h.i = t.i AND NOT t.forgets AND m.run = h.id AND m.id = t.id)
  SELECT i::int FROM held`

const full = (...all: readonly Columns[]): Statement => ({ name: 'append-full', text: fullText, values: all.flatMap(({ values }) => values) })
