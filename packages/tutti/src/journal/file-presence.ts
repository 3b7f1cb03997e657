/**
 * Whether an open journal still lies where it was opened. A file that is removed or replaced can be written on as if nothing had happened, and all of it is
 * gone when the process ends; so it is looked for after a commit, before anyone is told of it, unless that was done a moment ago: a look takes 8 µs,
 * and would be a tenth of a step that is not synced.
 */
import { statSync } from 'node:fs'
import { TuttiError } from '../errors/index.ts'

/** What is acknowledged in the moment between two looks may be lost with the file, as is all that was in it. */
const MOMENT_MS = 20

const HINT = 'Put the same file back (and its log, -wal), or start the process again over the one that is there now.'

export class FilePresence {
  readonly #path: string
  readonly #file: string | undefined
  #log: string | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  /** @param path of a file that was just opened */
  constructor(path: string) {
    this.#path = path
    this.#file = identityOf(path)
  }

  /** @throws JOURNAL_UNWRITABLE when another file lies at its path, or none, or its log is not the one it had */
  check(): void {
    const now = performance.now()
    if (now - this.#lookedAt < MOMENT_MS) return
    const log = `${this.#path}-wal`
    if (identityOf(this.#path) !== this.#file) throw moved(this.#path)
    const found = identityOf(log)
    this.#log ??= found
    if (found !== this.#log) throw moved(log)
    this.#lookedAt = now
  }
}

/** Windows lets nobody remove a file that is open, and numbers files with more digits than are read here. */
function identityOf(path: string): string | undefined {
  if (process.platform === 'win32') return undefined
  const file = statSync(path, { throwIfNoEntry: false })
  return file && `${file.dev} ${file.ino}`
}

function moved(path: string): TuttiError {
  return new TuttiError('JOURNAL_UNWRITABLE', `'${path}' was removed or replaced while it was open: what is written to it would be lost`, {
    data: { path },
    hint: HINT,
  })
}
