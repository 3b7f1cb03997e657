/**
 * One run as one file of JSON Lines, out of a store and into another.
 *
 * Layout: a header (`tutti`: the version of this format), the entries in `seq` order, the blobs they name, and a last line with the counts and the
 * hash (SHA-256) of every byte before it. Validity: the last line is there and true of all before it; entries and blobs are checked besides.
 * Owns: that format. Does not own: files (lines come in and go out), what entries mean.
 * Invariants: a run is imported whole or not at all, in one transaction; one that lies there already is left as it is.
 * On a crash during an import the store holds what it held before, or the whole run.
 */
import { createHash } from 'node:crypto'
import { TuttiError } from '../errors/index.ts'
import { checkValue, is, type OptionKind, type RunId } from '../primitives/index.ts'
import { checkBlob, entryText, parseEntry } from './codec.ts'
import { type Entry, isTerminal } from './entry.ts'
import { blobsOf } from './reference.ts'
import type { InboxMessage, JournalStore, NewRun, RunHead } from './store.port.ts'

/** Of the file; the entries in it have a format of their own (`JOURNAL_FORMAT`). */
const FORMAT = 1

/** What of a head moves with its run: a lease does not. */
type MovedHead = Omit<RunHead, 'updatedAt' | 'epoch' | 'owner' | 'leaseUntil'>

type Line =
  | { readonly tutti: 'run'; readonly format: number; readonly head: MovedHead }
  | { readonly entry: Entry }
  | { readonly blob: string; readonly text: string }
  | { readonly message: InboxMessage }

interface LastLine extends Counts {
  readonly end: 'run'
  /** Of every byte before this line, in hexadecimal. */
  readonly sha256: string
}

interface Counts {
  readonly entries: number
  readonly blobs: number
  /** Of the inbox: sent to the run and not taken yet. */
  readonly messages: number
}

/** What `importRun` did. */
export interface Imported extends Counts {
  readonly run: RunId
  readonly status: RunHead['status']
  /** False when the very same run was there already. */
  readonly imported: boolean
}

/**
 * The lines of a file that holds this run, each with its line end; of a run that is driven, what it has recorded until now.
 *
 * ```ts
 * for await (const line of exportRun(store, run)) file.write(line)
 * ```
 * @throws RUN_NOT_FOUND | RUN_BUSY when it is written to too quickly to be read at one moment | JOURNAL_CORRUPT
 */
export async function* exportRun(store: JournalStore, run: RunId): AsyncGenerator<string> {
  checkStore('exportRun()', store)
  checkValue('the id of the run that exportRun() was given', 'run', run, is.text)
  const { head, inbox } = await momentOf(store, run)
  const hash = createHash('sha256')
  const line = (value: Line): string => {
    const text = `${JSON.stringify(value)}\n`
    hash.update(text)
    return text
  }
  yield line({ tutti: 'run', format: FORMAT, head: movedHead(head) })
  const hashes = new Set<string>()
  for await (const entry of store.read(run)) {
    if (entry.seq > head.lastSeq) break
    for (const blob of blobsOf(entry)) hashes.add(blob)
    yield line({ entry })
  }
  for (const message of inbox) for (const blob of blobsOf(message)) hashes.add(blob)
  for (const blob of hashes) yield line({ blob, text: await store.blob(blob, run) })
  for (const message of inbox) yield line({ message })
  const last: LastLine = { end: 'run', entries: head.lastSeq, blobs: hashes.size, messages: inbox.length, sha256: hash.digest('hex') }
  yield `${JSON.stringify(last)}\n`
}

/**
 * Puts an exported run into a store, whole and in one transaction: all of it is held in memory until then. It keeps its id and its status, and one that
 * has not ended can be resumed there. The same run again is left as it is.
 * @param lines of the file, in order, with or without their line ends
 * @throws JOURNAL_CORRUPT when the file was cut or altered; JOURNAL_NEWER; RUN_ID_TAKEN when another run has this id. Nothing is written then.
 */
export async function importRun(store: JournalStore, lines: AsyncIterable<string> | Iterable<string>): Promise<Imported> {
  checkStore('importRun()', store)
  checkValue('what importRun() was given for the lines of a run', 'lines', lines, linesKind)
  const { start, head, counts } = await readFile(lines)
  const { created, head: there } = await store.create(start)
  if (!created && !(await isSame(store, there, start)))
    throw new TuttiError('RUN_ID_TAKEN', `another run '${head.run}' is in this store; nothing was imported`, { data: { run: head.run } })
  return { run: head.run, status: there.status, ...counts, imported: created }
}

const linesKind: OptionKind = {
  fits: (value) => typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value),
  hint: (_, given) =>
    typeof given === 'string' ? "They are given one by one: text.split('\\n')." : 'They are a list of texts, or come one by one from an iterable.',
}

/** @throws CONFIG_INVALID */
export function checkStore(called: string, given: unknown): void {
  checkValue(`the store that ${called} was given`, 'store', given, {
    fits: (value) => typeof (value as JournalStore | null | undefined)?.['~store'] === 'string',
    hint: () => "It is sqlite('file.db'), inMemory(), or the store of another package.",
  })
}

/** Always in one order: the same run makes the same file. */
function movedHead({ run, flow, version, scope, status, createdAt, startHash, labels, lastSeq, stalls, wakeAt, waiting }: RunHead): MovedHead {
  return { run, flow, version, scope, status, createdAt, startHash, labels, lastSeq, stalls, wakeAt, waiting }
}

/** So often a run that is written to meanwhile is looked at again. */
const LOOKS = 100

/** Its head and inbox as they were at one moment: a message that is taken leaves the inbox with an entry. */
async function momentOf(store: JournalStore, run: RunId): Promise<{ head: RunHead; inbox: readonly InboxMessage[] }> {
  for (let look = 0; look < LOOKS; look++) {
    const head = await store.head(run)
    if (!head) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${run}' in this store`, { data: { run } })
    const inbox = await store.inbox(run)
    const after = await store.head(run)
    if (after?.lastSeq === head.lastSeq && after.status === head.status) return { head, inbox }
  }
  throw new TuttiError('RUN_BUSY', `the run '${run}' is written to too quickly to be exported`, { hint: 'Wait until it rests or has ended.', data: { run } })
}

interface ReadFile {
  readonly start: NewRun
  readonly head: MovedHead
  readonly counts: Counts
}

async function readFile(lines: AsyncIterable<string> | Iterable<string>): Promise<ReadFile> {
  const file = new ExportedFile()
  for await (const each of lines) {
    const text = each.endsWith('\n') ? each.slice(0, -1) : each
    if (text !== '') file.take(text)
  }
  return file.whole()
}

/** A file as far as it was read. */
class ExportedFile {
  readonly #hash = createHash('sha256')
  readonly #entries: Entry[] = []
  readonly #blobs = new Map<string, string>()
  readonly #inbox: InboxMessage[] = []
  #head: MovedHead | undefined
  #line = 0
  #ended = false

  /** The next line. @throws JOURNAL_CORRUPT | JOURNAL_NEWER */
  take(text: string): void {
    this.#line++
    const line = this.#parse(text)
    if (this.#ended) throw this.#corrupt('stands after the end')
    if (!this.#head) this.#begin(line)
    else if ('entry' in line) this.#takeEntry(line.entry as Entry)
    else if ('blob' in line) this.#blobs.set(String(line.blob), checkBlob(String(line.blob), String(line.text)))
    else if ('message' in line) this.#inbox.push(line.message as InboxMessage)
    else if ('end' in line) return this.#end(line as unknown as LastLine)
    else throw this.#corrupt('is of no known kind')
    this.#hash.update(`${text}\n`)
  }

  /** @throws JOURNAL_CORRUPT when something is missing */
  whole(): ReadFile {
    const head = this.#head
    if (!head || !this.#ended) throw new TuttiError('JOURNAL_CORRUPT', `the file is cut off after line ${this.#line}: its last line is missing`, { hint })
    for (const holder of [...this.#entries, ...this.#inbox]) for (const blob of blobsOf(holder)) checkBlob(blob, this.#blobs.get(blob))
    const { status, wakeAt, waiting, stalls, lastSeq, ...begun } = head
    const start = { ...begun, entries: this.#entries, blobs: this.#blobs, head: { status, wakeAt, waiting, stalls }, inbox: this.#inbox }
    return { start, head, counts: { entries: lastSeq, blobs: this.#blobs.size, messages: this.#inbox.length } }
  }

  #begin(line: Readonly<Record<string, unknown>>): void {
    const { tutti, format, head } = line as Partial<Extract<Line, { tutti: 'run' }>>
    if (tutti !== 'run' || typeof format !== 'number' || typeof head?.run !== 'string') throw this.#corrupt('does not begin an exported run')
    if (format > FORMAT)
      throw new TuttiError('JOURNAL_NEWER', `the file has format ${format}; this version of tutti knows formats up to ${FORMAT}`, {
        data: { format, knows: FORMAT },
      })
    this.#head = head
  }

  #takeEntry(entry: Entry): void {
    const { run } = this.#head as MovedHead
    const seq = this.#entries.length + 1
    if (entry?.seq !== seq) throw this.#corrupt(`holds entry ${entry?.seq} where entry ${seq} belongs`)
    this.#entries.push(parseEntry(entryText(entry), run, seq))
  }

  #end({ end, entries, blobs, messages, sha256 }: LastLine): void {
    if (end !== 'run') throw this.#corrupt('is of no known kind')
    const held: Counts = { entries: this.#entries.length, blobs: this.#blobs.size, messages: this.#inbox.length }
    for (const [what, said] of Object.entries({ entries, blobs, messages }))
      if (held[what as keyof Counts] !== said) throw this.#corrupt(`counts ${said} ${what}, but ${held[what as keyof Counts]} are there`)
    if (this.#hash.digest('hex') !== sha256) throw this.#corrupt('has another hash than what stands before it: the file was altered')
    const { lastSeq, status } = this.#head as MovedHead
    const hasEnded = status === 'completed' || status === 'failed' || status === 'cancelled'
    if (lastSeq !== entries || hasEnded !== this.#entries.some(isTerminal))
      throw this.#corrupt(`ends a run that its head calls ${status}, with ${lastSeq} entries`)
    this.#ended = true
  }

  #parse(text: string): Readonly<Record<string, unknown>> {
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
    } catch {
      // Said below, like any line that is no object.
    }
    throw this.#corrupt('is no JSON object: the file was cut or altered')
  }

  #corrupt(fault: string): TuttiError {
    return new TuttiError('JOURNAL_CORRUPT', `line ${this.#line} of the file ${fault}`, { data: { line: this.#line }, hint })
  }
}

const hint = 'Export the run again; nothing was imported.'

/** Whether the run in the store began and went on as the one in the file. */
async function isSame(store: JournalStore, there: RunHead, { startHash, entries }: NewRun): Promise<boolean> {
  if (there.startHash !== startHash || there.lastSeq !== entries.length) return false
  for await (const entry of store.read(there.run)) if (entryText(entry) !== entryText(entries[entry.seq - 1] as Entry)) return false
  return true
}
