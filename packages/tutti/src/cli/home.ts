/** Where tutti keeps its things: a folder (`--home`, `TUTTI_HOME`, else `.tutti`) with the journal in it, unless that is in Postgres (`TUTTI_STORE`); and the runs there. */
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { configuredStore } from '../configured.ts'
import { TuttiError } from '../errors/index.ts'
import { type EncryptionOptions, type JournalStore, type RunHead, type RunStatus, sqliteStore } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { isGone } from '../run/index.ts'
import type { Terminal } from './terminal.ts'

const JOURNAL = 'tutti.db'

export interface HomeOptions {
  readonly home?: string | undefined
}

export interface Home {
  readonly folder: string
  /** The file of the journal, where it is one. */
  readonly journal: string
  /** Where the runs are, for a person. */
  readonly place: string
  /** The journal is in a database: made anew at each call, to be closed. */
  readonly database: (() => JournalStore) | undefined
  readonly index: string
  /** As a person would type it: empty when it is the default. */
  readonly option: string
  /** From `TUTTI_KEY`. */
  readonly encryption: EncryptionOptions | undefined
}

/** @throws CONFIG_USAGE for a home that is a file: whoever names a journal would be told that it has no runs */
export function homeOf({ cwd, env }: Pick<Terminal, 'cwd' | 'env'>, o: HomeOptions): Home {
  const named = o.home ?? env.TUTTI_HOME
  const folder = resolve(cwd, named || '.tutti')
  if (named && statSync(folder, { throwIfNoEntry: false })?.isFile()) throw noFolder(named)
  return {
    ...(env.TUTTI_STORE
      ? { place: placeOf(env.TUTTI_STORE), database: () => configuredStore({ env, cwd }) as JournalStore }
      : { place: folder, database: undefined }),
    ...{ folder, journal: join(folder, JOURNAL), index: join(folder, 'index.db') },
    option: o.home === undefined ? '' : ` --home ${shellWord(o.home)}`,
    encryption: env.TUTTI_KEY ? { key: env.TUTTI_KEY } : undefined,
  }
}

function noFolder(named: string): TuttiError {
  const isJournal = basename(named) === JOURNAL
  return new TuttiError('CONFIG_USAGE', `the home '${named}' is a file, and a home is a folder, with the journal in it as ${JOURNAL}`, {
    hint: isJournal
      ? `Name its folder: --home ${shellWord(dirname(named))}`
      : `Call it ${JOURNAL}, as in sqlite('data/${JOURNAL}'), and name its folder: --home data`,
  })
}

/** Without the user and the password; one that is written wrongly may hold a part of that anywhere. */
function placeOf(address: string): string {
  const url = URL.parse(address)
  const { protocol, host, pathname } = url && !url.pathname.includes('@') && !url.hash ? url : { protocol: '', host: '', pathname: 'the store of TUTTI_STORE' }
  return `${protocol && `${protocol}//`}${host}${pathname}`
}

/** The journal, for whatever is to be done. Close it afterwards. */
export const openStore = (home: Home): JournalStore => home.database?.() ?? sqliteStore(home.journal, { encryption: home.encryption })

/** The command a person may copy. */
export const nextCommand = (home: Home, command: string, run: string): string => `npx tutti ${command} ${run}${home.option}`

/** A word as a shell takes it, quoted where it must be. */
export const shellWord = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** The journal of a home, for reading: nothing is made where there is none, and one that may not be written is read all the same. Close it afterwards. */
export function openForReading(home: Home): JournalStore | undefined {
  if (home.database) return home.database()
  return existsSync(home.journal) ? sqliteStore(home.journal, { commit: 'main', encryption: home.encryption, unwritable: 'read' }) : undefined
}

/** The journal of a home that has runs. Close it afterwards. @throws RUN_NOT_FOUND */
export function openRuns(home: Home): JournalStore {
  const store = openForReading(home)
  if (store) return store
  throw new TuttiError('RUN_NOT_FOUND', `there are no runs in ${home.place}`)
}

/** Does `work` with the journal; a home without one has no runs. @throws RUN_NOT_FOUND */
export async function withRun<T>(home: Home, reference: string, work: (store: JournalStore, head: RunHead) => Promise<T>): Promise<T> {
  const store = openForReading(home)
  if (!store) throw notFound(reference, home)
  try {
    return await work(store, await findRun(store, reference, home))
  } finally {
    await store.close()
  }
}

/** How many of the newest runs an abbreviated id is looked for in. */
const SEARCHED = 1_000

/** A run by its id, by the beginning or the end of it, or `last`. @throws RUN_NOT_FOUND | CONFIG_USAGE when several fit */
export async function findRun(store: JournalStore, reference: string, home: Home): Promise<RunHead> {
  if (reference === 'last') {
    const [newest] = await store.list({ limit: 1 })
    if (newest) return newest
    throw notFound(reference, home)
  }
  const exact = await store.head(reference as RunId)
  if (exact) return exact
  const fitting = reference.length < 4 ? [] : (await store.list({ limit: SEARCHED })).filter(({ run }) => run.startsWith(reference) || run.endsWith(reference))
  if (fitting.length > 1) {
    throw new TuttiError('CONFIG_USAGE', `'${reference}' fits ${fitting.length} runs`, {
      hint: `Write more of the id: ${fitting
        .slice(0, 3)
        .map(({ run }) => run)
        .join(', ')}`,
    })
  }
  const [found] = fitting
  if (!found) throw notFound(reference, home)
  return found
}

function notFound(reference: string, home: Home): TuttiError {
  const what = reference === 'last' ? 'there are no runs' : `there is no run '${reference}'`
  return new TuttiError('RUN_NOT_FOUND', `${what} in ${home.place}`, {
    hint: `List the runs with \`npx tutti runs${home.option}\`; another folder: --home DIR.`,
    data: { run: reference },
  })
}

/** It takes no more of anything. */
export const isEnded = ({ status }: Pick<RunHead, 'status'>): boolean => status === 'completed' || status === 'failed' || status === 'cancelled'

/** Where a run stands for a person: a `running` one that nobody drives has stopped. */
export type Standing = RunStatus | 'stopped'

export function standingOf({ status, leaseUntil, owner }: Pick<RunHead, 'status' | 'leaseUntil' | 'owner'>): Standing {
  return status === 'running' && ((leaseUntil ?? 0) <= Date.now() || isGone(owner)) ? 'stopped' : status
}
