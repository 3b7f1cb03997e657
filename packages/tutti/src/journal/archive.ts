/** Runs as files of a folder: each whole and on disk, or not there. */
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { checkValue, hash128, is, type RunId } from '../primitives/index.ts'
import type { JournalStore, RunHead } from './store.port.ts'
import { checkStore, exportRun } from './transfer.ts'

/** Writes a run to a file, which is there whole and on disk, or not at all. Its bytes. @throws JOURNAL_ARCHIVE_FAILED | what `exportRun` throws */
export async function exportToFile(store: JournalStore, run: RunId, path: string): Promise<number> {
  checkStore('exportToFile()', store)
  checkValue('the id of the run that exportToFile() was given', 'run', run, is.text)
  checkValue('the path that exportToFile() was given', 'path', path, is.line)
  const partial = `${path}.${process.pid}.part`
  let bytes = 0
  const file = written(path, () => openSync(partial, 'w'))
  try {
    for await (const line of exportRun(store, run)) {
      written(path, () => writeFileSync(file, line))
      bytes += Buffer.byteLength(line)
    }
    written(path, () => {
      fsyncSync(file)
      renameSync(partial, path)
    })
    return bytes
  } finally {
    closeSync(file)
    rmSync(partial, { force: true })
  }
}

export type ArchivedRun = Pick<RunHead, 'run' | 'createdAt'>

export class Archive {
  readonly #folder: string

  /** Makes the folder where it is missing. @throws JOURNAL_ARCHIVE_FAILED when nothing can be written there */
  constructor(folder: string) {
    this.#folder = resolve(folder)
    written(this.#folder, () => {
      mkdirSync(this.#folder, { recursive: true })
      accessSync(this.#folder, constants.W_OK)
    })
  }

  /** The name says when the run began and what it is called, so that a run that takes an id again does not overwrite the one before. */
  async add(store: JournalStore, head: ArchivedRun): Promise<void> {
    await exportToFile(store, head.run, this.#pathOf(head))
  }

  /** What was added survives a power cut from now on: the names of the files too. */
  sync(): void {
    if (process.platform === 'win32') return
    written(this.#folder, () => {
      const folder = openSync(this.#folder, 'r')
      try {
        fsyncSync(folder)
      } finally {
        closeSync(folder)
      }
    })
  }

  /** The run stays in its store after all. */
  discard(head: ArchivedRun): void {
    rmSync(this.#pathOf(head), { force: true })
  }

  #pathOf({ run, createdAt }: ArchivedRun): string {
    const began = new Date(createdAt).toISOString().replaceAll(/[-:.]/g, '')
    const name = encodeURIComponent(run).replaceAll('*', '%2A')
    return join(this.#folder, `${began}-${name.length > LONGEST_NAME ? hash128(run) : name}.jsonl`)
  }
}

/** File systems allow 255 bytes. */
const LONGEST_NAME = 180

function written<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new TuttiError('JOURNAL_ARCHIVE_FAILED', `'${path}' cannot be written: ${(cause as Error).message}`, { data: { path }, cause })
  }
}
