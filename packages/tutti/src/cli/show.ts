import { type ErrorRecord, TuttiError } from '../errors/index.ts'
import { type Entry, type InboxMessage, type JournalStore, joinValue, type QueuePlace, type RunHead, type Value } from '../journal/index.ts'
import { decode, shownText } from '../primitives/index.ts'
import { ownSignal } from '../run/index.ts'
import { exitCode } from './exit-code.ts'
import { type Home, homeOf, nextCommand, type Standing, standingOf, withRun } from './home.ts'
import type { CommonOptions } from './options.ts'
import { cutTo, inOneLine, type Paint, paintFor, printable } from './paint.ts'
import { RunPicture, type Step } from './picture.ts'
import { plural, sayAgo, sayMs, sayTokens, sayUsd } from './quantity.ts'
import { firstWords, statusStyle } from './runs.ts'
import { errorLines } from './say-error.ts'
import { notesOf } from './show-notes.ts'
import { columnsOf, printJson, printLine, type Terminal } from './terminal.ts'
import { treeLines } from './tree.ts'
import { answerCommand, isSettled } from './waits.ts'

export interface ShowOptions extends CommonOptions {
  readonly values?: boolean | undefined
  readonly all?: boolean | undefined
}

/** `tutti show RUN`: what a run did, step by step. Reads only, so it works on a run that another process drives. */
export async function show(terminal: Terminal, reference: string, o: ShowOptions): Promise<number> {
  const home = homeOf(terminal, o)
  return withRun(home, reference, async (store, head) => {
    const record = await readAll(store, head)
    const { entries, inbox, damage } = record
    if (o.json) printJson(terminal.out, { run: head, entries, inbox, ...(damage ? { error: damage.toJSON() } : {}) })
    else await printRun(terminal, home, store, head, record, o)
    if (!damage) return exitCode.done
    if (!o.json) for (const line of errorLines(damage, paintFor(terminal.err))) printLine(terminal.err, line)
    return exitCode.store
  })
}

interface Record {
  readonly entries: readonly Entry[]
  /** What was left for it and not taken yet. */
  readonly inbox: readonly InboxMessage[]
  readonly damage?: TuttiError
}

/** What can be read of a damaged run is shown. */
async function readAll(store: JournalStore, { run }: RunHead): Promise<Record> {
  const entries: Entry[] = []
  try {
    for await (const entry of store.read(run)) entries.push(entry)
    return { entries, inbox: await store.inbox(run) }
  } catch (error) {
    if (!TuttiError.is(error)) throw error
    return { entries, inbox: [], damage: error }
  }
}

async function printRun(terminal: Terminal, home: Home, store: JournalStore, head: RunHead, { entries, inbox }: Record, o: ShowOptions): Promise<void> {
  const picture = new RunPicture()
  for (const entry of entries) picture.take(entry)
  const paint = paintFor(terminal.out)
  const columns = columnsOf(terminal.out)
  const load = async (value: Value): Promise<unknown> => decode(await joinValue(value, (hash) => store.blob(hash)))
  const say = (line: string): void => printLine(terminal.out, line)
  const place = head.status === 'queued' ? await store.place(head.run) : undefined
  for (const line of headLines(picture, head, paint, place)) say(line)
  if (picture.input !== undefined) say(paint('dim', `  input   ${cutTo(inOneLine(firstWords(await load(picture.input))), columns - 12)}`))
  say('')
  for (const line of treeLines(picture, { paint, columns, now: Date.now(), expand: o.all })) say(line)
  if (o.values) for (const step of picture.all()) for (const line of await valueLines(step, load, paint)) say(line)
  say('')
  for (const note of notesOf(picture, head, entries, inbox, home, Date.now())) say(paint('yellow', note))
  for (const line of totalLines(picture, head, home, inbox, paint)) say(line)
}

/** Why it stands still, as the list of runs says it. */
const stoodStill: { readonly [code: string]: string } = { JOURNAL_DIVERGED: 'diverged', RUN_CRASH_LOOP: 'crash-loop' }

function headLines({ last, ended, activations, pausedFor, error }: RunPicture, head: RunHead, paint: Paint, place: QueuePlace | undefined): string[] {
  const { run, flow, version, createdAt, owner } = head
  const now = Date.now()
  const standing = standingOf(head)
  const says = pausedFor !== undefined ? 'paused' : standing === 'suspended' ? (stoodStill[error?.code ?? ''] ?? standing) : standing
  const driver =
    standing === 'running' && owner ? `, driven by ${owner.split(':').slice(0, 2).join(', process ')}` : standing === 'stopped' ? ': nobody drives it' : ''
  const queued = place ? `, ${place.position} of ${place.queued}` : ''
  const took = ended ? `took ${sayMs(last - createdAt)}` : `${sayMs(now - createdAt)} so far`
  const when = `${new Date(createdAt).toLocaleString('sv-SE')} (${sayAgo(now - createdAt)})`
  return [
    `${paint('bold', flow)} ${paint('dim', `version ${version}`)}  ${paint(statusStyle[standing], says)}${queued}${driver}`,
    paint('dim', `  ${run}  started ${when}, ${took}, ${plural(activations, 'activation')}`),
  ]
}

/** What it used against what it may use; who answered; how it ended; what to do next. */
function totalLines(picture: RunPicture, head: RunHead, home: Home, inbox: readonly InboxMessage[], paint: Paint): string[] {
  const { used, held, budget } = picture
  const steps = [...picture.all()].filter(({ state }) => state !== 'scope' && state !== 'noted')
  const limit = budget?.usd === undefined ? '' : ` of ${sayUsd(budget.usd * 1_000_000)}`
  const holds = held.microUsd > 0 ? ` (${sayUsd(held.microUsd)} held)` : ''
  const counts = [plural(steps.length, 'step'), plural(used.modelCalls, 'model call'), plural(used.toolCalls, 'tool call')]
  const lines = [[...counts, sayTokens(used), `${sayUsd(used.microUsd)}${holds}${limit}`].filter(Boolean).join(' · ')]
  for (const { model, why } of modelsOf(picture)) lines.push(paint('dim', `answered by ${model}${why ? `: ${why}` : ''}`))
  const counted = countedOf(picture)
  if (counted) lines.push(paint('dim', counted))
  if (picture.pausedFor !== undefined) lines.push(paint('yellow', `paused: ${inOneLine(picture.pausedFor)}`))
  if (picture.error) lines.push(...errorLines(picture.error, paint))
  const next = nextLine(picture, standingOf(head), home, inbox, head.run)
  return next ? [...lines, next] : lines
}

function nextLine(picture: RunPicture, standing: Standing, home: Home, inbox: readonly InboxMessage[], run: string): string | undefined {
  const doubts = [...picture.all()].filter(({ state }) => state === 'doubted')
  if (doubts.length > 0 && !picture.ended) {
    const doubted = doubts.find(({ key }) => !isSettled(inbox, key))
    return doubted ? answerCommand(home, run, { signal: ownSignal.resolve, key: doubted.key, data: undefined }) : nextCommand(home, 'resume', run)
  }
  const unpaid = [...picture.all()].find(({ state, remark }) => state === 'waiting' && remark?.startsWith('for a grant'))
  if (unpaid && !picture.ended) return answerCommand(home, run, { signal: ownSignal.grant, key: unpaid.key, data: { limit: unpaid.limit ?? 'microUsd' } })
  if (standing === 'suspended' && picture.error?.code === 'JOURNAL_DIVERGED')
    return `With the code that it was begun with: \`${nextCommand(home, 'resume', run)}\`. With other code from a step on: \`${nextCommand(home, 'fork', run)} --at STEP\`.`
  if (standing === 'suspended' || standing === 'stopped') return nextCommand(home, 'resume', run)
  // What a tenant or a day may spend holds for a fork, too.
  if (standing === 'failed' && picture.error?.code === 'BUDGET_EXCEEDED' && !isStanding(picture.error))
    return `What is done can be taken over: \`${nextCommand(home, 'fork', run)}\` does the rest, with \`--budget USD\` for no more than so much. A limit that the flow declares holds there as well.`
  return undefined
}

/** Of a budget over runs. */
const isStanding = ({ data }: ErrorRecord): boolean => typeof data === 'object' && data !== null && 'until' in data

/** The models that were asked, with why, each once. */
export function modelsOf(picture: RunPicture): { readonly model: string; readonly why: string | undefined }[] {
  const models = new Map<string, { model: string; why: string | undefined }>()
  for (const { kind, label } of picture.all()) {
    const { model, why } = (typeof label === 'object' && label !== null ? label : {}) as { model?: unknown; why?: unknown }
    if (kind !== 'model' || typeof model !== 'string') continue
    models.set(`${model} ${String(why)}`, { model, why: typeof why === 'string' ? why : undefined })
  }
  return [...models.values()]
}

/** How the input of its calls was counted before they were made, where tokens or money are limited. */
function countedOf(picture: RunPicture): string | undefined {
  const { usd, tokens, inputTokens } = picture.budget ?? {}
  if (usd === undefined && tokens === undefined && inputTokens === undefined) return undefined
  const ways = [...picture.all()].flatMap(({ label }) => (label as { counted?: unknown } | null | undefined)?.counted ?? [])
  const said = [...new Set(ways)].map((way) => (way === 'bytes' ? 'at most a token for each byte' : `the tokens of ${String(way)}`))
  return said.length > 0 ? `held for its input: ${said.join('; ')}` : undefined
}

const VALUE_LENGTH = 2_000

async function valueLines(step: Step, load: (value: Value) => Promise<unknown>, paint: Paint): Promise<string[]> {
  if (step.value === undefined) return []
  const text = shortened(await load(step.value), 2)
  const cut = text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}… (${text.length} characters; --json has all of them)` : text
  return [
    '',
    paint('bold', inOneLine(step.key)),
    ...printable(cut)
      .split('\n')
      .map((line) => `  ${line}`),
  ]
}

/** JSON as a person reads it; text as it is. */
export function shortened(value: unknown, indent?: number): string {
  if (typeof value === 'string') return indent ? printable(value) : inOneLine(value)
  const text = shownText(value, indent)
  return text === undefined ? 'undefined' : indent ? text : inOneLine(text)
}
