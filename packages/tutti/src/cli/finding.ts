/** What `tutti doctor` looks at: the machine, the store, the models, the documentation. Each look answers findings and never throws. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { type JournalStore, type RunHead, SCHEMA_VERSION, type SqliteStore, sqliteStore } from '../journal/index.ts'
import { chooseModel, isInstalled, providerTable } from '../model/index.ts'
import { databaseFindings, engineFindings } from './database-finding.ts'
import type { Finding } from './finding.port.ts'
import { type Home, nextCommand, type Standing, shellWord, standingOf } from './home.ts'
import type { AppFileOptions } from './options.ts'
import { plural, sayBytes } from './quantity.ts'
import { sayStranded, strandedIn } from './stranded.ts'
import type { Terminal } from './terminal.ts'

export async function findings(terminal: Terminal, home: Home, o: AppFileOptions): Promise<Finding[]> {
  const engine = await engineFindings(terminal).catch((error) => [problemOf('engine', error)])
  const parts = [
    nodeFindings(),
    await storeFindings(terminal, home, o),
    engine,
    await embedderFindings(),
    await modelFindings(terminal),
    projectFindings(terminal),
  ]
  return parts.flat()
}

const OLDEST_NODE = [22, 18] as const

function nodeFindings(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
  const says = `${process.version} on ${process.platform} ${process.arch}`
  return [isOld ? { what: 'node', state: 'problem', says, next: 'Use Node 22.18 or newer.' } : { what: 'node', state: 'fine', says }]
}

// ── the store ──

/** Beyond this a commit is felt by whoever waits for a step. */
const SLOW_COMMIT_MS = 20
/** Runs whose journals are read through. */
const CHECKED_RUNS = 500

async function storeFindings(terminal: Terminal, home: Home, o: AppFileOptions): Promise<Finding[]> {
  if (home.database) return databaseLook(home.database, home, terminal, o)
  if (!existsSync(home.journal)) return [missingFinding(home)]
  const store = sqliteStore(home.journal, { encryption: home.encryption, unwritable: 'read' })
  try {
    const heads = await store.list({ limit: CHECKED_RUNS })
    // What one look cannot find out is no reason not to take the next.
    const look = (what: string, work: Promise<Finding[]>): Promise<Finding[]> => work.catch((error) => [problemOf(what, error)])
    return [
      ...(await look('store', fileFindings(store))),
      ...runFindings(heads, home),
      ...(await look('pages', pagesFinding(store))),
      await damageFinding(store, heads),
      ...(await look('stranded', strandedFindings(store, home, terminal, o))),
    ]
  } catch (error) {
    return [problemOf('store', error)]
  } finally {
    await store.close().catch(() => {})
  }
}

async function databaseLook(open: () => JournalStore, home: Home, terminal: Terminal, o: AppFileOptions): Promise<Finding[]> {
  let store: JournalStore | undefined
  try {
    store = open()
    const heads = await store.list({ limit: CHECKED_RUNS })
    return [
      ...(await databaseFindings(store)),
      ...runFindings(heads, home),
      await damageFinding(store, heads),
      ...(await strandedFindings(store, home, terminal, o)),
    ]
  } catch (error) {
    return [problemOf('store', error)]
  } finally {
    await store?.close().catch(() => {})
  }
}

function missingFinding({ journal }: Home): Finding {
  const log = statSync(`${journal}-wal`, { throwIfNoEntry: false })
  if (!log?.size) return { what: 'store', state: 'note', says: `${journal} does not exist yet; the first run makes it` }
  const says = `${journal} is gone, and its log is still there (${sayBytes(log.size)}): the newest entries lie in it`
  return { what: 'store', state: 'problem', says, next: 'Bring the file back beside its log before anything is run here: the log is lost otherwise.' }
}

async function fileFindings(store: SqliteStore): Promise<Finding[]> {
  const { path, sqlite, durability, commitMs, where, fileBytes, logBytes, readOnly } = await store.stats()
  const commit = `a commit takes ${commitMs.toFixed(1)} ms (${where === 'main' ? 'on the main thread' : 'in a worker'})`
  const file = `${path}: ${sayBytes(fileBytes + logBytes)}, schema ${SCHEMA_VERSION}`
  if (readOnly) {
    const next = 'Make the file and its folder writable for whoever is to run something here.'
    return [{ what: 'store', state: 'problem', says: `${file}; it can be read, and not written`, next }]
  }
  return [
    { what: 'sqlite', state: 'fine', says: `${sqlite}, durability ${durability}` },
    { what: 'store', state: 'fine', says: file },
    commitMs > SLOW_COMMIT_MS
      ? { what: 'disk', state: 'note', says: commit, next: 'A slow disk: keep the store on a local one (--home, TUTTI_HOME).' }
      : { what: 'disk', state: 'fine', says: commit },
  ]
}

function runFindings(heads: readonly RunHead[], home: Home): Finding[] {
  const counts = new Map<Standing, number>()
  for (const head of heads) counts.set(standingOf(head), (counts.get(standingOf(head)) ?? 0) + 1)
  const byStatus = [...counts].map(([status, count]) => `${count} ${status}`).join(', ')
  const more = heads.length === CHECKED_RUNS ? ` (the newest ${CHECKED_RUNS})` : ''
  const all: Finding = { what: 'runs', state: 'fine', says: heads.length === 0 ? 'none yet' : `${byStatus}${more}` }
  const left = heads.filter((head) => isLeft(head))
  const [first] = left
  if (!first) return [all]
  return [
    all,
    {
      what: 'unfinished',
      state: 'note',
      says: `${plural(left.length, 'run')}: ${left
        .slice(0, 3)
        .map(({ run }) => run)
        .join(', ')}${more}`,
      next: `${nextCommand(home, 'resume', first.run)}${left.length > 1 ? '; all of them, with the app they are of: npx tutti worker --app FILE' : ''}`,
    },
  ]
}

/** Without `--app` only the flows of the command are known, so that those of an app are not called gone. */
async function strandedFindings(store: JournalStore, home: Home, terminal: Terminal, o: AppFileOptions): Promise<Finding[]> {
  const gone = (await strandedIn(store, home, terminal, o)).filter(({ registered }) => o.app !== undefined || registered.length > 0)
  if (gone.length === 0) return []
  const says = `${plural(gone.length, 'run')} pinned to code that is gone: ${gone.slice(0, 3).map(sayStranded).join('; ')}`
  const app = o.app === undefined ? '' : ` --app ${shellWord(o.app)}`
  return [
    {
      what: 'stranded',
      state: 'note',
      says,
      next: `Register the version they began with, beside the new one. All of them: npx tutti runs --stranded${app}${home.option}`,
    },
  ]
}

const isLeft = (head: RunHead): boolean => ['stopped', 'suspended'].includes(standingOf(head))

/** What no row can tell of itself: pages that are lost, rows that their index does not know. */
async function pagesFinding(store: SqliteStore): Promise<Finding[]> {
  const found = await store.check()
  if (found.length === 0) return []
  return [{ what: 'pages', state: 'problem', says: `the file itself is damaged, so entries may be missing: ${found.slice(0, 3).join('; ')}`, next: RESTORE }]
}

const RESTORE = 'Restore the file from a backup. A run that is read through can still be moved out: tutti export RUN.'

/** Reads every journal through: its head, its entries, its blobs, its inbox. */
async function damageFinding(store: JournalStore, heads: readonly RunHead[]): Promise<Finding> {
  const damaged: string[] = []
  for (const { run, lastSeq } of heads) {
    try {
      let seq = 0
      await store.head(run)
      await store.inbox(run)
      for await (const entry of store.read(run)) {
        seq = entry.seq
        for (const hash of blobsIn(entry)) await store.blob(hash, run)
      }
      if (seq !== lastSeq) damaged.push(`${run} (ends at ${seq} of ${lastSeq})`)
    } catch (error) {
      damaged.push(`${run} (${(error as Error).message})`)
    }
  }
  if (damaged.length === 0) return { what: 'journals', state: 'fine', says: `${plural(heads.length, 'run')} read through, none damaged` }
  return {
    what: 'journals',
    state: 'problem',
    says: `${damaged.length} damaged: ${damaged.slice(0, 5).join('; ')}`,
    next: `${RESTORE} Other runs are not touched by this.`,
  }
}

function blobsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const hash = (value as { '~blob'?: unknown })['~blob']
  return typeof hash === 'string' ? [hash] : Object.values(value).flatMap(blobsIn)
}

// ── what answers ──

async function embedderFindings(): Promise<Finding[]> {
  try {
    const name: string = '@tutti/embed-minilm'
    const { embedder } = (await import(name)) as { embedder(): Promise<{ readonly id: string; readonly runtime: string; close(): Promise<void> }> }
    const open = await embedder()
    await open.close()
    const isNative = open.runtime === 'onnxruntime-node'
    const says = `${open.id} through ${isNative ? 'onnxruntime-node' : 'WebAssembly'}`
    return [{ what: 'embedding', state: 'fine', says, next: isNative ? undefined : 'npm install onnxruntime-node makes it several times as fast.' }]
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') {
      return [{ what: 'embedding', state: 'note', says: 'not installed: documents are searched by words alone', next: 'npm install @tutti/embed-minilm' }]
    }
    return [problemOf('embedding', error)]
  }
}

async function modelFindings({ env, cwd }: Terminal): Promise<Finding[]> {
  const { model, why } = await chooseModel({ env, cwd })
  const lines = Object.entries(providerTable)
  const keys = [...new Set(lines.flatMap(([, { settings }]) => Object.values(settings).flat()))].filter((name) => env[name])
  const packages = [...new Set(lines.map(([, line]) => line.package))].filter((name) => isInstalled(name, cwd))
  const isMissing = why.includes('is not installed')
  return [
    {
      what: 'model',
      state: isMissing ? 'problem' : 'fine',
      says: `${model} answers: ${why}`,
      next: isMissing ? `npm install ${/npm install ([^)\s]+)/.exec(why)?.[1]}` : undefined,
    },
    { what: 'keys', state: keys.length > 0 ? 'fine' : 'note', says: keys.length > 0 ? keys.join(', ') : 'none in the environment' },
    {
      what: 'providers',
      state: packages.length > 0 ? 'fine' : 'note',
      says: packages.length > 0 ? packages.join(', ') : 'no package of a provider is installed',
    },
    ...(env.OPENAI_API_KEY ? [tokenizerFinding(cwd)] : []),
  ]
}

/** What a budget holds for the input of a call, where a tokenizer could say. */
function tokenizerFinding(cwd: string): Finding {
  if (isInstalled('gpt-tokenizer', cwd))
    return { what: 'tokenizer', state: 'fine', says: 'gpt-tokenizer counts what OpenAI models are sent, where there is a budget' }
  const next = 'npm install gpt-tokenizer: a budget has room for about four times the English.'
  return { what: 'tokenizer', state: 'note', says: 'what OpenAI models are sent counts as a token for each byte, where there is a budget', next }
}

// ── the documentation ──

const LOCKFILES = ['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock']

function projectFindings({ cwd }: Terminal): Finding[] {
  const lockfile = LOCKFILES.find((file) => existsSync(join(cwd, file)))
  if (lockfile) return [{ what: 'packages', state: 'fine', says: `${lockfile} says which versions are asked` }]
  if (existsSync(join(cwd, 'node_modules')))
    return [{ what: 'packages', state: 'note', says: 'no lockfile here; the versions are those found in node_modules' }]
  return [{ what: 'packages', state: 'note', says: 'no lockfile and no node_modules here', next: 'tutti ask needs one, or --docs DIR.' }]
}

function problemOf(what: string, error: unknown): Finding {
  if (TuttiError.is(error)) return { what, state: 'problem', says: `${error.code}: ${error.message}`, next: error.hint }
  return { what, state: 'problem', says: (error as Error).message, next: 'Run again with --verbose.' }
}
