/** The line of a run as it lies in a journal file, checked, and as the head it stands for. */
import { TuttiError } from '../errors/index.ts'
import type { Json, RunId, Scope } from '../primitives/index.ts'
import { corruptEntry } from './codec.ts'
import { damagedRow, entryCheck, headCheck } from './row-check.ts'
import type { Seal } from './seal.ts'
import { RUN_SPAN } from './sqlite-schema.ts'
import type { HeadChange, OpenWait, RunHead, RunStatus } from './store.port.ts'
import type { Vault } from './vault.ts'

/** What of a line changes while its run goes on. */
interface Changing {
  version: string
  status: RunStatus
  wake_at: number | null
  waiting: string | null
  stalls: number
  epoch: number
  owner: string | null
  lease_until: number | null
  /** The last entry when the line was written: the run holds at least so many. */
  last_seq: number
}

/** Without its check. */
export interface HeadLine extends Changing {
  readonly id: number
  readonly run: RunId
  readonly flow: string
  readonly tenant: string
  readonly scope: string
  readonly created_at: number
  readonly start_hash: string
  readonly labels: string
  /** The run it is a fork of. */
  readonly source: RunId | null
  /** The data key its content is sealed with: `scope`, `labels`, `start_hash` and `waiting` too. */
  readonly key_id: number | null
}

export interface CheckedLine extends HeadLine {
  readonly crc: number
  readonly last_key: number | null
}

/** With the last entry of its run. */
export interface HeadRow extends CheckedLine {
  readonly last_crc: number | null
  /** Of a sealed entry its bytes. */
  readonly last_body: string | Uint8Array | null
}

/** The columns in the order of `valuesOf` and `changesOf`. */
export const changing = 'version, status, wake_at, waiting, stalls, epoch, owner, lease_until, last_seq'
export const columns = `id, run, flow, tenant, scope, created_at, start_hash, labels, source, key_id, ${changing}`

const integers = ['id', 'created_at', 'key_id', 'wake_at', 'stalls', 'epoch', 'lease_until', 'last_seq', 'crc']

/** An integer beyond what a number holds is damage, and read as -1, which nothing in a line is, so that it does not hide the other lines of a list. */
export const asNumber = (column: string): string =>
  `iif(${column} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER} OR ${column} IS NULL, ${column}, -1)`

/** The columns of `runs r` and the check. */
export const readColumns = [...columns.split(', '), 'crc']
  .map((name) => (integers.includes(name) ? `${asNumber(`r.${name}`)} AS ${name}` : `r.${name}`))
  .join(', ')

const changesOf = (r: Changing) => [r.version, r.status, r.wake_at, r.waiting, r.stalls, r.epoch, r.owner, r.lease_until, r.last_seq]
const valuesOf = (r: HeadLine) => [r.id, r.run, r.flow, r.tenant, r.scope, r.created_at, r.start_hash, r.labels, r.source, r.key_id, ...changesOf(r)]

/** What an INSERT of `columns` and the check binds. */
export function checkedLine(line: HeadLine): (string | number | null)[] {
  const values = valuesOf(line)
  return [...values, headCheck(values)]
}

/** What an UPDATE of `changing` and the check binds. */
export const checkedChanges = (line: HeadLine): (string | number | null)[] => [...changesOf(line), headCheck(valuesOf(line))]

/** What a new run is written with besides its head. */
export interface LineOrigin {
  readonly source: RunId | undefined
  readonly key: number | undefined
  readonly seal: Seal | undefined
}

/** The line of a run that is not in the file yet. */
export function lineOf(id: number, head: RunHead, { source, key, seal }: LineOrigin): HeadLine {
  const { run, flow, version, scope, status, createdAt, startHash, labels, lastSeq, wakeAt, waiting, stalls, epoch, owner, leaseUntil } = head
  return {
    ...{ id, run, flow, version, tenant: scope.tenant, scope: closed(seal, 'scope', JSON.stringify(scope)), status },
    ...{ created_at: createdAt, start_hash: closed(seal, 'start_hash', startHash), labels: closed(seal, 'labels', JSON.stringify(labels)) },
    ...{ source: source ?? null, key_id: key ?? null, wake_at: wakeAt ?? null, waiting: closedWaits(seal, waiting), stalls, epoch },
    ...{ owner: owner ?? null, lease_until: leaseUntil ?? null, last_seq: lastSeq },
  }
}

export function changeLine(line: HeadLine, change: HeadChange, seal: Seal | undefined): void {
  if (change.status !== undefined) line.status = change.status
  if (change.version !== undefined) line.version = change.version
  if (change.stalls !== undefined) line.stalls = change.stalls
  if ('wakeAt' in change) line.wake_at = change.wakeAt ?? null
  if ('waiting' in change) line.waiting = closedWaits(seal, change.waiting)
}

const closed = (seal: Seal | undefined, column: string, text: string): string => (seal ? seal.sealText(column, text) : text)
const closedWaits = (seal: Seal | undefined, waits: readonly OpenWait[] | undefined): string | null =>
  waits ? closed(seal, 'waiting', JSON.stringify(waits)) : null

/** `lastSeq` is that of the last entry, so that an append need not touch the line. */
export const lastSeqOf = ({ last_key }: Pick<CheckedLine, 'last_key'>): number => (last_key === null ? 0 : last_key % RUN_SPAN)

/** @throws JOURNAL_CORRUPT unless the row holds what was written, and the run all that the row knows of. */
export function checkHead(row: CheckedLine): void {
  if (headCheck(valuesOf(row)) !== row.crc) throw damagedRow(row.run, 'line', 'does not hold what was written')
  const last = lastSeqOf(row)
  if (last < row.last_seq) throw damagedRow(row.run, 'line', `knows of ${row.last_seq} entries, but only ${last} are there`)
}

/** @throws JOURNAL_CORRUPT | JOURNAL_KEY_NEEDED */
export function headOf(row: HeadRow, vault: Vault): RunHead {
  checkHead(row)
  const last = lastSeqOf(row)
  const body = row.last_body
  const isWhole = typeof body === 'string' || body instanceof Uint8Array
  if (last > 0 && !(isWhole && entryCheck(row.id, last, body) === row.last_crc)) throw corruptEntry(row.run, last, 'does not hold what was written')
  const seal = vault.ofRun(row.key_id, row.run)
  return readHead(row, seal, timeOf(row, seal))
}

/** The same for a list, in which one damaged line does not stand in the way of the others. */
export function listedHead(row: HeadRow, vault: Vault): RunHead {
  try {
    return headOf(row, vault)
  } catch (error) {
    if (TuttiError.is(error, 'JOURNAL_KEY_NEEDED')) throw error
    const { tenant } = row
    return { ...readHead({ ...row, scope: JSON.stringify({ tenant }), labels: '{}', waiting: null }, undefined, undefined), damaged: true }
  }
}

function readHead(row: CheckedLine, seal: Seal | undefined, lastTime: number | undefined): RunHead {
  const { run, flow, version, status, created_at: createdAt, stalls, epoch } = row
  const open = (column: 'scope' | 'labels' | 'start_hash' | 'waiting'): string => (seal ? seal.openText(column, row[column] ?? '') : (row[column] ?? ''))
  return {
    run,
    flow,
    version,
    scope: JSON.parse(open('scope')) as Scope,
    status,
    createdAt,
    updatedAt: lastTime ?? createdAt,
    startHash: open('start_hash'),
    labels: JSON.parse(open('labels')) as Record<string, string>,
    lastSeq: lastSeqOf(row),
    ...(row.wake_at !== null && { wakeAt: row.wake_at }),
    ...(row.waiting !== null && { waiting: JSON.parse(open('waiting')) as (OpenWait & { data?: Json })[] }),
    stalls,
    epoch,
    ...(row.owner !== null && { owner: row.owner }),
    ...(row.lease_until !== null && { leaseUntil: row.lease_until }),
  }
}

/** Of the last entry; `undefined` when it is sealed and its key is not here. */
function timeOf(row: HeadRow, seal: Seal | undefined): number | undefined {
  const { last_body: body } = row
  if (body === null || (body instanceof Uint8Array && !seal)) return undefined
  const text = body instanceof Uint8Array ? seal?.openText(entryPlace(lastSeqOf(row)), body) : body
  return (JSON.parse(text as string) as { t: number }).t
}

/** What an entry is sealed as. */
export const entryPlace = (seq: number): string => `entry ${seq}`
