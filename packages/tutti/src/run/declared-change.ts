/**
 * What whoever asks in a scope was declared with, where that decides what is asked for and is no input of any single ask: when a record and its code part, this says why, in
 * words that stand in the program. Nothing of it is recorded: of the record it is read from the labels of the steps that it led to.
 */
import type { EntryOf, StepKind } from '../journal/index.ts'
import type { AskOp } from './engine.port.ts'
import { aboveOf, placeOf, type RecordedAsk, type RunRecord } from './record.ts'
import type { RunScope } from './scope.ts'

/** Values as a label holds them. */
export type Declared = { readonly [setting: string]: string | number }

/** By kind of step: what its label says of the declaration, and as what a person wrote it. */
const SETTINGS: { readonly [kind in StepKind]?: { readonly [setting: string]: string } } = { memory: { window: 'window', how: 'summarize' } }

const declarations = new WeakMap<RunScope, ReadonlyMap<StepKind, Declared>>()

export function declareIn(scope: RunScope, kind: StepKind, declared: Declared): void {
  declarations.set(scope, new Map([...(declarations.get(scope) ?? []), [kind, declared]]))
}

/** `memory window 1,500 → 3,000`, where the record and the code part over such a step; `undefined` where something else is other. */
export function sayRedeclared(record: RunRecord, there: RecordedAsk | undefined, op: AskOp, scope: RunScope): string | undefined {
  const kind = op.op === 'effect' && SETTINGS[op.spec.kind] ? op.spec.kind : there && labelled(record, ({ key }) => key === there.key)?.kind
  const settings = kind && SETTINGS[kind]
  if (!settings) return undefined
  // Where the code has come to such a step and the record not yet, one that comes later in the scope says how it was.
  const before = labelled(record, ({ at }, of) => of === kind && at !== undefined && aboveOf(placeOf(at)) === placeOf(scope.at))?.label
  const now = declarations.get(scope)?.get(kind)
  if (!before) return `no ${kind} step recorded → ${kind} ${sayAll(settings, now)}`
  if (!now) return `${kind} ${sayAll(settings, before)} → none`
  const others = Object.keys(settings).filter((setting) => before[setting] !== now[setting])
  if (others.length === 0) return undefined
  return `${kind} ${others.map((setting) => `${settings[setting]} ${say(before[setting])} → ${say(now[setting])}`).join(', ')}`
}

/** The first recorded step of this sort that has settings in its label. */
function labelled(
  record: RunRecord,
  is: (step: EntryOf<'step.completed'>, kind: StepKind) => boolean,
): { readonly kind: StepKind; readonly label: Declared } | undefined {
  for (const outcome of record.outcomes) {
    if (outcome.type !== 'step.completed' || outcome.kind === undefined || !SETTINGS[outcome.kind] || !is(outcome, outcome.kind)) continue
    if (typeof outcome.label === 'object' && outcome.label !== null) return { kind: outcome.kind, label: outcome.label as Declared }
  }
  return undefined
}

const sayAll = (settings: { readonly [setting: string]: string }, declared: Declared | undefined): string =>
  Object.entries(settings)
    .map(([setting, name]) => `${name} ${say(declared?.[setting])}`)
    .join(', ')

/** A conversation that is only cut to its window is not summarized. */
const say = (value: string | number | undefined): string =>
  typeof value === 'number' ? value.toLocaleString('en-US') : value === undefined || value === 'window' ? 'none' : value
