/** The steps of a run as the lines of a tree, with what each took and used in columns beside it. */
import { type Amounts, nothing, sum } from '../budget/index.ts'
import { isBlobRef } from '../journal/index.ts'
import { decode, shownText } from '../primitives/index.ts'
import { cutTo, inOneLine, type Paint, pad, padLeft, widthOf } from './paint.ts'
import { type Extent, extentOf, type RunPicture, type Step, type StepState } from './picture.ts'
import { sayCount, sayMs, sayTokens, sayUsd } from './quantity.ts'

export interface TreeOptions {
  readonly paint: Paint
  readonly columns: number
  /** The time that what is under way is measured up to, epoch ms. */
  readonly now: number
  /** Every item of a map, instead of one line for all of them. */
  readonly expand?: boolean | undefined
  /** Leave out what is inside steps that are done. What holds this key counts as under way: a step that only reads says nothing before it is done. */
  readonly onlyActive?: { readonly latest: string } | undefined
  /** The mark of a step under way. */
  readonly spinner?: string | undefined
  /** Beside the name of a step: for live views. */
  readonly remark?: ((step: Step) => string | undefined) | undefined
}

/** One line, before it is laid out. */
interface Row {
  readonly branch: string
  readonly state: StepState
  readonly name: string
  readonly took: string
  readonly tokens: string
  readonly money: string
  readonly detail: string
  readonly failed: boolean
}

/** From so many on, the items of a map are one line. */
const FEW_ITEMS = 6
const SHOWN_FAILURES = 3
const WIDEST_NAME = 44

export function treeLines(picture: RunPicture, o: TreeOptions): string[] {
  const rows: Row[] = []
  for (const root of picture.steps) addChildren(rows, root, '', o)
  return layOut(rows, o)
}

function addChildren(rows: Row[], parent: Step, indent: string, o: TreeOptions): void {
  const groups = o.expand ? parent.children.map((step) => [step]) : grouped(parent.children)
  for (const [i, group] of groups.entries()) {
    const isLast = i === groups.length - 1
    const branch = `${indent}${isLast ? '└─ ' : '├─ '}`
    const below = `${indent}${isLast ? '   ' : '│  '}`
    const [only] = group
    if (group.length === 1 && only) {
      const extent = extentUpTo(only, o)
      rows.push(rowOf(only, extent, branch, o))
      if (!o.onlyActive || extent.active) addChildren(rows, only, below, o)
    } else {
      rows.push(groupRow(group, branch, o))
      for (const step of group.filter((step) => step.state === 'failed').slice(0, SHOWN_FAILURES)) rows.push(rowOf(step, extentOf(step), `${below}`, o))
    }
  }
}

function extentUpTo(step: Step, { onlyActive }: TreeOptions): Extent {
  const extent = extentOf(step)
  return onlyActive?.latest.startsWith(`${step.key}/`) ? { ...extent, active: true, ended: undefined } : extent
}

/** Steps in their order; many items of one map become one group. */
function grouped(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = []
  const byMap = new Map<string, Step[]>()
  for (const step of steps) {
    const map = mapOf(step)
    const items = map === undefined ? undefined : byMap.get(map)
    if (items) {
      items.push(step)
      continue
    }
    const group = [step]
    groups.push(group)
    if (map !== undefined) byMap.set(map, group)
  }
  return groups.flatMap((group) => (group.length > FEW_ITEMS ? [group] : group.map((step) => [step])))
}

/** `document` of `document:17`; the turns of an agent are numbered the same way, and stay apart. */
export const mapOf = ({ name }: Step): string | undefined => (name.startsWith('turn:') ? undefined : /^(.+):\d+$/.exec(name)?.[1])

/** A step is what its own entries say; a scope is what is inside. */
function rowOf(step: Step, extent: Extent, branch: string, o: TreeOptions): Row {
  const { used, begun, ended } = step.state === 'scope' ? extent : step
  const took = begun === undefined || step.state === 'noted' ? '' : sayMs((ended ?? o.now) - begun)
  const state = step.state === 'scope' && extent.active && o.onlyActive ? 'running' : step.state
  return { branch, state, name: nameOf(step), took, ...amounts(used), detail: detailOf(step, o), failed: step.state === 'failed' || step.state === 'left' }
}

/** An event is called what its flow calls it. */
const nameOf = ({ name }: Step): string => (name === '~note' ? 'note' : name.replace(/^~emit:/, ''))

function groupRow(steps: readonly Step[], branch: string, o: TreeOptions): Row {
  const extents = steps.map(extentOf)
  const begun = Math.min(...extents.map(({ begun }) => begun ?? o.now))
  const ended = Math.max(...extents.map(({ ended }) => ended ?? o.now))
  const failed = steps.filter(({ state }) => state === 'failed').length
  const undone = steps.filter(({ state }) => state === 'undone').length
  const active = extents.filter(({ active }) => active).length
  const used = extents.reduce((total, extent) => sum(total, extent.used), nothing)
  const [first] = steps as [Step]
  const details = [active > 0 && `${active} under way`, failed > 0 && `${failed} failed`, undone > 0 && `${undone} undone`, o.remark?.(first)].filter(Boolean)
  const isLatest = o.onlyActive?.latest.startsWith(`${first.key.slice(0, first.key.lastIndexOf(':'))}:`)
  const state = active > 0 || isLatest ? 'running' : failed > 0 ? 'failed' : 'done'
  return {
    branch,
    state,
    name: `${mapOf(first)} ×${sayCount(steps.length)}`,
    took: sayMs(ended - begun),
    ...amounts(used),
    detail: details.join(', '),
    failed: failed > 0,
  }
}

const amounts = (used: Amounts): Pick<Row, 'tokens' | 'money'> => ({
  tokens: sayTokens(used, { short: true }),
  money: used.modelCalls > 0 ? sayUsd(used.microUsd) : '',
})

function detailOf(step: Step, o: TreeOptions): string {
  const { model, why, tool, input } = (isObject(step.label) ? step.label : {}) as { model?: unknown; why?: unknown; tool?: unknown; input?: unknown }
  const asked = typeof model === 'string' ? `${model}${typeof why === 'string' ? ` (${why})` : ''}` : undefined
  const given = typeof tool === 'string' && input !== undefined ? JSON.stringify(input) : undefined
  const gone = leftIn(step) ?? verdictIn(step) ?? dataIn(step)
  const last = step.failures.at(-1)
  const failure = last && `${step.state === 'failed' ? '' : 'after '}${last.code}: ${last.message}`
  const attempts = step.attempts > 1 ? `${step.attempts} attempts` : undefined
  return [failure, attempts, remarkOf(step), o.remark?.(step), asked, given, gone]
    .filter((part): part is string => Boolean(part))
    .map(inOneLine)
    .join(' · ')
}

function remarkOf(step: Step): string | undefined {
  const { state, remark } = step
  if (state === 'waiting') return `waits ${remark}`
  if (state === 'doubted') return `in doubt: ${remark}`
  // An event without a text has its name for one.
  return remark === nameOf(step) ? undefined : remark
}

/** Of an event or a note, what goes with it; of a wait, what it was answered. */
function dataIn({ state, kind, attempts, value }: Step): string | undefined {
  const isAnswer = kind === 'code' && state === 'done' && attempts === 0
  if (!(state === 'noted' || isAnswer) || value === undefined || value === null) return undefined
  return isBlobRef(value) ? '…' : shownText(decode(value))
}

/** Of a hook that did not let it go on as it was: what it said. */
function verdictIn({ name, value }: Step): string | undefined {
  if (value === undefined || isBlobRef(value) || !/:(before|after)(Agent|Model|Tool)$/.test(name)) return undefined
  const verdict = decode(value)
  const [word] = ['deny', 'guide', 'confirm', 'replace'].filter((each) => isObject(verdict) && each in verdict)
  return word && `${word}: ${shownText((verdict as Record<string, unknown>)[word])}`
}

/** Of a compaction: how much left the sight of its agent. Where a fork put another place in the value, that counts, and the numbers beside it are of the place that was chosen. */
function leftIn({ kind, label, value }: Step): string | undefined {
  const { left, tokens, keptTokens, window, before } = (isObject(label) ? label : {}) as { readonly [name: string]: unknown }
  if (kind !== 'memory' || typeof left !== 'number') return undefined
  const given = value === undefined || isBlobRef(value) ? undefined : (decode(value) as { readonly before?: unknown } | null)?.before
  const within = `in a window of ${sayCount(Number(window))}`
  if (typeof given === 'number' && given !== before) return `all before message ${sayCount(given)} went, as the fork says, ${within}`
  return `${left === 1 ? '1 message' : `${left} messages`} went: ${sayCount(Number(keptTokens))} of ${sayCount(Number(tokens))} tokens stay, ${within}`
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const marks: Readonly<Record<StepState, readonly [mark: string, style: Parameters<Paint>[0]]>> = {
  scope: ['·', 'dim'],
  running: ['…', 'cyan'],
  retrying: ['↻', 'yellow'],
  waiting: ['⏸', 'yellow'],
  doubted: ['?', 'yellow'],
  done: ['✓', 'green'],
  failed: ['✗', 'red'],
  noted: ['–', 'dim'],
  undone: ['↶', 'yellow'],
  left: ['!', 'red'],
  open: ['–', 'dim'],
}

function layOut(rows: readonly Row[], { paint, columns, spinner }: TreeOptions): string[] {
  const nameColumns = Math.min(WIDEST_NAME, Math.max(0, ...rows.map(({ branch, name }) => widthOf(branch) + 2 + widthOf(name))))
  const widest = (field: 'took' | 'tokens' | 'money'): number => Math.max(0, ...rows.map((row) => row[field].length))
  const [took, tokens, money] = [widest('took'), widest('tokens'), widest('money')]
  return rows.map((row) => {
    const [mark, style] = marks[row.state]
    const shownMark = row.state === 'running' && spinner ? spinner : mark
    const room = nameColumns - widthOf(row.branch) - 2
    const name = pad(cutTo(inOneLine(row.name), Math.max(room, 8)), room)
    const numbers = [padLeft(row.took, took), tokens > 0 ? padLeft(row.tokens, tokens) : '', money > 0 ? padLeft(row.money, money) : '']
      .filter(Boolean)
      .join('  ')
    const left = columns - nameColumns - widthOf(numbers) - 5
    const detail = left > 8 && row.detail ? `  ${paint(row.failed ? 'red' : 'dim', cutTo(row.detail, left))}` : ''
    return `${paint('dim', row.branch)}${paint(style, shownMark)} ${row.state === 'scope' ? name : paint(row.failed ? 'red' : 'bold', name)}  ${numbers}${detail}`.trimEnd()
  })
}
