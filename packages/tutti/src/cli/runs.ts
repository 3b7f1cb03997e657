import { TuttiError } from '../errors/index.ts'
import { type EntryOf, hasLabels, type JournalStore, joinValue, type OpenWait, type RunHead, type RunStatus } from '../journal/index.ts'
import { decode } from '../primitives/index.ts'
import type { StrandedRun } from '../run/index.ts'
import { type Home, homeOf, openForReading, type Standing, standingOf } from './home.ts'
import { labelsOf } from './label-option.ts'
import type { AppFileOptions, CommonOptions } from './options.ts'
import { cutTo, inOneLine, type Paint, pad, paintFor } from './paint.ts'
import { RunPicture } from './picture.ts'
import { sayAgo, sayMs, sayUsd } from './quantity.ts'
import { sayStranded, strandedIn } from './stranded.ts'
import { suspensionOf } from './suspension.ts'
import { columnsOf, printJson, printLine, type Terminal } from './terminal.ts'
import { answerCommand, questionsOf, sayQuestion } from './waits.ts'

export interface RunsOptions extends CommonOptions, AppFileOptions {
  readonly status?: readonly string[] | undefined
  readonly flow?: string | undefined
  readonly label?: readonly string[] | undefined
  /** Only those that somebody has to answer: a signal, or what became of an effect in doubt. */
  readonly waiting?: boolean | undefined
  /** Only those whose code is gone. */
  readonly stranded?: boolean | undefined
  readonly limit: number
}

/** What is shown of a run without reading all of it. */
interface Listed {
  readonly run: string
  readonly flow: string
  readonly status: Standing | 'damaged'
  /** Of a suspended one: why it stands still. */
  readonly why?: EntryOf<'run.suspended'>['why'] | undefined
  /** Of a queued one: 1 is the next to begin. */
  readonly position?: number | undefined
  readonly startedAt: number
  readonly ms: number
  readonly usd: number | undefined
  readonly about: string
  readonly labels: Readonly<Record<string, string>>
  readonly waiting?: readonly OpenWait[] | undefined
}

const statuses: readonly RunStatus[] = ['queued', 'running', 'waiting', 'suspended', 'completed', 'failed', 'cancelled']
/** What else the list says where a run stands, and the status that the store knows it by. */
const standings: Readonly<Record<string, RunStatus>> = { paused: 'suspended', diverged: 'suspended', 'crash-loop': 'suspended', stopped: 'running' }
/** Of the newest that have not ended, so many are looked at for their waits. */
const MOST_SEARCHED = 1_000
const unended: readonly RunStatus[] = ['queued', 'running', 'waiting', 'suspended']

/** `tutti runs`: the runs of a home, newest first. */
export async function runs(terminal: Terminal, o: RunsOptions): Promise<number> {
  const home = homeOf(terminal, o)
  const unknown = o.status?.find((status) => !statuses.includes(status as RunStatus) && standings[status] === undefined)
  if (unknown !== undefined)
    throw new TuttiError('CONFIG_USAGE', `'${unknown}' is not a status`, { hint: `It is one of ${[...statuses, ...Object.keys(standings)].join(', ')}.` })
  if (o.stranded) return listStranded(terminal, home, o)
  const listed = await list(home, o)
  if (o.json) printJson(terminal.out, { runs: listed.map(({ startedAt, ...rest }) => ({ ...rest, startedAt: new Date(startedAt).toISOString() })) })
  else if (listed.length === 0)
    printLine(
      terminal.err,
      o.status || o.flow || o.label || o.waiting
        ? `No runs like that in ${home.place}. All of them: npx tutti runs${home.option}`
        : `No runs in ${home.place}. Begin with: npx tutti ask "…"`,
    )
  else for (const line of table(listed, paintFor(terminal.out), columnsOf(terminal.out), home)) printLine(terminal.out, line)
  return 0
}

async function listStranded(terminal: Terminal, home: Home, o: RunsOptions): Promise<number> {
  const store = openForReading(home)
  const all = store ? await strandedIn(store, home, terminal, o) : []
  await store?.close()
  const wanted = labelsOf(o.label)
  const isMeant = ({ flow, status, labels }: StrandedRun): boolean =>
    (o.flow === undefined || o.flow === flow) && (!o.status || o.status.some((one) => (standings[one] ?? one) === status)) && hasLabels(labels, wanted)
  const listed = all.filter(isMeant).slice(0, o.limit)
  if (o.json) printJson(terminal.out, { runs: listed.map(({ id: run, ...rest }) => ({ run, ...rest })) })
  else if (listed.length === 0) printLine(terminal.err, `No run in ${home.place} is pinned to code that is gone.`)
  else for (const one of listed) printLine(terminal.out, sayStranded(one))
  return 0
}

async function list(home: Home, o: RunsOptions): Promise<Listed[]> {
  const store = openForReading(home)
  if (!store) return []
  try {
    const known = o.status?.map((status) => standings[status] ?? (status as RunStatus))
    const isNarrow = o.waiting || o.status?.some((status) => standings[status] !== undefined)
    const heads = await store.list({
      flow: o.flow,
      labels: labelsOf(o.label),
      status: known ? [...new Set(known)] : o.waiting ? unended : undefined,
      limit: isNarrow ? MOST_SEARCHED : o.limit,
    })
    const listed: Listed[] = []
    for (const head of heads) {
      if (listed.length === o.limit) break
      const one = await look(store, head)
      if (o.status && ![head.status, one.status, one.why].some((said) => said !== undefined && o.status?.includes(said))) continue
      const waiting = o.waiting && one.status !== 'damaged' ? await questionsOf(store, head) : []
      if (!o.waiting) listed.push(one)
      else if (waiting.length > 0) listed.push({ ...one, waiting })
    }
    return listed
  } finally {
    await store.close()
  }
}

async function look(store: JournalStore, head: RunHead): Promise<Listed> {
  const { run, flow, createdAt, updatedAt, labels } = head
  const status = standingOf(head)
  const isOver = status === 'completed' || status === 'failed' || status === 'cancelled'
  const goesOn = status === 'queued' || status === 'running' || status === 'waiting'
  const known = { run, flow, startedAt: createdAt, ms: (goesOn ? Date.now() : updatedAt) - createdAt, labels }
  try {
    const about = await aboutOf(store, head)
    const why = (await suspensionOf(store, head))?.why
    const position = status === 'queued' ? (await store.place(run))?.position : undefined
    return { ...known, status, ...(why && { why }), ...(position && { position }), usd: await costOf(store, head, isOver), about }
  } catch (error) {
    if (!TuttiError.is(error) || !error.code.startsWith('JOURNAL_')) throw error
    return { ...known, status: 'damaged', usd: undefined, about: error.message }
  }
}

/** The end of a run says what it cost; of one that goes on, every entry does. */
async function costOf(store: JournalStore, { run, lastSeq }: RunHead, isOver: boolean): Promise<number> {
  const picture = new RunPicture()
  for await (const entry of store.read(run, { after: isOver ? Math.max(0, lastSeq - 1) : 0 })) picture.take(entry)
  return picture.used.microUsd / 1_000_000
}

/** The first words of what it was asked. */
async function aboutOf(store: JournalStore, { run }: RunHead): Promise<string> {
  for await (const entry of store.read(run)) {
    if (entry.type !== 'run.started') break
    return inOneLine(firstWords(decode(await joinValue(entry.input, (hash) => store.blob(hash))))).slice(0, 200)
  }
  return ''
}

/** What a run was asked, as a person would say it: the question, the prompt, the text; else all of it. */
export function firstWords(input: unknown): string {
  if (typeof input === 'string') return input
  if (input === undefined || input === null) return ''
  const { question, prompt, text } = input as Record<string, unknown>
  const words = [question, prompt, text].find((each) => typeof each === 'string')
  return typeof words === 'string' ? words : JSON.stringify(input)
}

export const statusStyle: Readonly<Record<Listed['status'], Parameters<Paint>[0]>> = {
  queued: 'dim',
  running: 'cyan',
  stopped: 'yellow',
  waiting: 'yellow',
  suspended: 'yellow',
  completed: 'green',
  failed: 'red',
  cancelled: 'dim',
  damaged: 'red',
}

function table(listed: readonly Listed[], paint: Paint, columns: number, home: Home): string[] {
  const cells = listed.map(({ run, flow, status, why, position, startedAt, ms, usd, labels }) => {
    const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
    return [
      run,
      [flow, ...label].join(' '),
      position === undefined ? (why ?? status) : `queued ${position}`,
      sayAgo(Date.now() - startedAt),
      sayMs(ms),
      usd === undefined ? '?' : sayUsd(Math.round(usd * 1_000_000)),
    ]
  })
  const head = ['RUN', 'FLOW', 'STATUS', 'STARTED', 'TOOK', 'COST']
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const row = (texts: readonly string[]): string[] => texts.map((text, i) => pad(text, widths[i] ?? 0))
  const used = widths.reduce((total, width) => total + width + 2, 0)
  const lines = cells.flatMap((texts, i) => {
    const { run, status, about, waiting = [] } = listed[i] as Listed
    const padded = row(texts)
    padded[2] = paint(statusStyle[status], padded[2] ?? '')
    const line = `${padded.join('  ')}  ${paint('dim', cutTo(about, Math.max(12, columns - used - 1)))}`
    return [line, ...waiting.flatMap((wait) => [`  ${cutTo(sayQuestion(wait), columns - 3)}`, paint('dim', `    ${answerCommand(home, run, wait)}`)])]
  })
  return [paint('dim', `${row(head).join('  ')}  ABOUT`), ...lines]
}
