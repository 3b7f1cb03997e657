/**
 * `run.changed(id)`: may code that was put in later go its new way here, or must this run go the old one?
 *
 * The new way, when the record holds the mark for this id in this scope, or when nothing that is recorded lies at or after this place: then the mark is
 * recorded, before anything that depends on it. The old way, when the record went past this place without it. Where branches of one flow stand side by
 * side it may be the old way though this branch had not got here yet: that is never wrong, for the old code is still there.
 * It takes no number and no key, so that what was recorded before it was put in lies where it lay.
 */
import type { MarkOp } from './engine.port.ts'
import type { RunRecord } from './record.ts'
import type { RunScope } from './scope.ts'

export function markOf(scope: RunScope, id: string): MarkOp {
  return { op: 'mark', key: `${scope.key}/~changed:${id}`, scope: scope.parent === undefined ? undefined : scope.key, id }
}

/** The record goes on after the place where this scope stands now, or after the end of this scope. */
export function goesOnAfter(record: RunRecord, scope: RunScope): boolean {
  if (record.ended) return true
  for (let around: RunScope | undefined = scope; around; around = around.parent)
    if (record.furthest(around.at) >= around.asked || itemsFollow(record, around)) return true
  return false
}

/** Of an item of a map: the record holds one that is not begun yet, perhaps because this one has to end first. */
function itemsFollow(record: RunRecord, { at, parent }: RunScope): boolean {
  const map = at.slice(0, -1)
  return parent !== undefined && map.length > parent.at.length && record.furthest(map) > parent.lastItem(map.at(-1) as number)
}
