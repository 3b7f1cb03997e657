/** `tutti mcp docs`: the documentation of what is installed here, for coding agents. Needs no app, no journal, no account and no network. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { type Documentation, type DocumentationOptions, documentation, installedPackages, type OwnDocumentation } from '../retrieval/index.ts'
import { docsServer } from '../server/index.ts'
import { exitCode } from './exit-code.ts'
import { homeOf } from './home.ts'
import { listening } from './mcp-listening.ts'
import type { CommonOptions } from './options.ts'
import { plural } from './quantity.ts'
import { printLine, type Terminal } from './terminal.ts'

interface McpDocsOptions extends CommonOptions {
  readonly project?: string | undefined
  readonly http?: number | undefined
  readonly package?: readonly string[] | undefined
  readonly all?: boolean | undefined
}

export async function mcpDocs(terminal: Terminal, o: McpDocsOptions): Promise<number> {
  // At once: whoever loads what may print something, and nothing but the protocol may stand there.
  const streams = o.http === undefined ? terminal.takeStreams() : undefined
  const project = projectAt(resolve(terminal.cwd, o.project ?? '.'))
  if (project === undefined && o.project !== undefined)
    throw new TuttiError('RETRIEVAL_EMPTY', `no packages are installed in ${o.project} or above`, { hint: 'Run npm install there, or name another folder.' })
  const own = ownDocumentation(project)
  const direct = project === undefined ? [] : await installedPackages(project, { all: o.all === true || o.package !== undefined })
  const missing = o.package?.find((name) => name !== own.name && !direct.some((each) => each.name === name))
  if (missing !== undefined)
    throw new TuttiError('RETRIEVAL_EMPTY', `the package '${missing}' is not installed in ${project ?? `${terminal.cwd} or above`}`, {
      hint: `npm install ${missing}`,
      data: { package: missing },
    })
  const docs = open(terminal, o, { project, own, only: o.package, all: o.all })
  const served = docsServer({ documentation: docs, version: own.version, instructions: instructions(own, project, direct, o) })
  const over = Promise.withResolvers<void>()
  const stop = terminal.onInterrupt(() => over.resolve())
  const telling = new AbortController()
  try {
    // Read while the client greets: whoever asks before that is done waits for it.
    void tell(terminal, docs, project, telling.signal)
    await Promise.race([over.promise, streams ? served.stdio(streams) : listening(terminal, served, o.http ?? 0)])
    return exitCode.done
  } finally {
    telling.abort()
    await served.close()
    docs.close()
    stop()
  }
}

async function tell(terminal: Terminal, docs: Documentation, project: string | undefined, signal: AbortSignal): Promise<void> {
  const begun = performance.now()
  try {
    const packages = await docs.packages()
    const pages = packages.reduce((sum, each) => sum + each.pages, 0)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    printLine(terminal.err, `${plural(pages, 'page')} of ${plural(packages.length, 'package')}${project === undefined ? '' : ` in ${project}`}, ${seconds} s.`)
  } catch (error) {
    // Nobody is there any more, and what was read so far stands in the cache.
    if (!signal.aborted) printLine(terminal.err, `The documentation cannot be read: ${(error as Error).message}`)
  }
}

/** The nearest folder, upwards, where packages are installed; there need not be one. */
function projectAt(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules')) || existsSync(join(folder, 'package-lock.json'))) return folder
    if (dirname(folder) === folder) return undefined
  }
}

/** That of the tutti which the project has installed, else that of the one which runs. */
function ownDocumentation(project: string | undefined): OwnDocumentation {
  const installed = project === undefined ? undefined : join(project, 'node_modules/tutti')
  const folder = installed !== undefined && existsSync(join(installed, 'docs')) ? installed : packageHere()
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  // Not packed yet: the pages lie at the root of the repository.
  const root = import.meta.filename.endsWith('.ts') && folder !== installed ? join(folder, '../..') : folder
  return { name: 'tutti', version, root, from: ['README.md', ...filesIn(root, 'docs', /\.md$/), ...filesIn(root, 'examples', /(?<!\.test)\.ts$/)] }
}

/** The folder of the package that runs: how deep this file lies in it is for the build to say. */
function packageHere(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) if (existsSync(join(folder, 'package.json'))) return folder
}

/** Which test proves what (`features.md`) is of the repository, and found by every word. */
const filesIn = (root: string, folder: string, named: RegExp): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => named.test(file) && file !== 'features.md')
        .map((file) => `${folder}/${file}`)
        .sort()
    : []

/** In the cache of the user, so that nothing is left in a project that only looks something up; where that cannot be written, in memory. */
function open(terminal: Terminal, o: McpDocsOptions, options: Omit<DocumentationOptions, 'cache'>): Documentation {
  const cache = join(cacheFolder(terminal, o), `docs-${options.own.version}.db`)
  try {
    return documentation({ ...options, cache })
  } catch (error) {
    if (!TuttiError.is(error, 'RETRIEVAL_INDEX_UNUSABLE')) throw error
    printLine(terminal.err, `${error.message}. The documentation is read into memory instead, at each start.`)
    return documentation({ ...options, cache: ':memory:' })
  }
}

function cacheFolder({ env, cwd }: Terminal, o: McpDocsOptions): string {
  if (o.home !== undefined || env.TUTTI_HOME) return homeOf({ env, cwd }, o).folder
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'tutti')
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'tutti')
  if (env.HOME === undefined) return homeOf({ env, cwd }, o).folder
  return process.platform === 'darwin' ? join(env.HOME, 'Library/Caches/tutti') : join(env.HOME, '.cache/tutti')
}

/** Names told to a client when it connects, at most. */
const MOST_NAMES = 60

function instructions(own: OwnDocumentation, project: string | undefined, packages: readonly { name: string; version: string }[], o: McpDocsOptions): string {
  const others = packages.filter(({ name }) => name !== own.name && (o.package?.includes(name) ?? true)).map(({ name, version }) => `${name} ${version}`)
  const named = [`${own.name} ${own.version}`, ...others.slice(0, MOST_NAMES)].join(', ')
  const more = others.length > MOST_NAMES ? `, and ${others.length - MOST_NAMES} more` : ''
  return `The documentation of the packages ${project === undefined ? 'here' : `installed in ${project}`}, in exactly the installed versions. What you remember of another version may be wrong: before you write code against one of them, look it up with search_docs, and read on with read_doc. Those whose documentation is not installed with them have none here. Packages: ${named}${more}.`
}
