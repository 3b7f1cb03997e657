/**
 * The rooms of packages/tutti/src and the floors they stand on: the one place that says so.
 * `.dependency-cruiser.mjs` guards it, `scripts/architecture.ts` draws it.
 */
export interface Floor {
  readonly name: string
  readonly rooms: readonly string[]
  readonly about: string
}

/** Tests, and the programs that a test starts as processes of their own (`x-child.ts`): leaves that may import anything. */
export const testFile = '(\\.test(-d)?|-child)\\.ts$'

/** From the ground up. A room imports its own floor and the floors under it; on L3 it meets its siblings at their ports only. */
export const floors: readonly Floor[] = [
  { name: 'L0', rooms: ['errors', 'primitives'], about: 'words without a meaning of their own: codes, ids, time, JSON, hashes' },
  { name: 'L1', rooms: ['journal', 'budget', 'message'], about: 'what is recorded: entries and stores, amounts and limits, conversations' },
  { name: 'L2', rooms: ['run'], about: 'what drives a flow: the pump, steps, replay, signals, engines' },
  { name: 'L3', rooms: ['model', 'tool', 'guardrail', 'memory', 'retrieval'], about: 'what a step can do: each is an effect of a run' },
  { name: 'L4', rooms: ['flow', 'agent'], about: 'how steps are put together' },
  { name: 'L5', rooms: ['team', 'eval'], about: 'how flows work together, and how well' },
  { name: 'L6', rooms: ['server', 'cli'], about: 'how people and programs reach them' },
]

/** The floor whose rooms are siblings: each can be taken out without the others noticing. */
export const siblingFloor = 'L3'

/** Beside the house: readings of the journal and kits. They import ports and L0, L1; only composition roots import them. */
export const besideRooms: readonly string[] = ['telemetry']

/** Where an app is put together, so every room may be imported: regular expressions over paths under src/. */
export const compositionRoots: readonly string[] = ['index\\.ts$', 'tutti\\.ts$', 'cli/', 'server/start\\.ts$', 'testing/']

/** Where a flow is driven, so that a replay must take the same path: no clock, no chance, no network of their own. */
export const deterministicRooms: readonly string[] = ['run', 'flow', 'agent', 'team']
