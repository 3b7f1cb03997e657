/**
 * Which documentation a question is asked of: the packages installed in a project, in exactly the versions of its lockfile, or places that a person names.
 *
 * Owns the mark beside an index that says from what it was made, so that nothing is read again while nothing changed. Does not own the index.
 * Invariant: a mark is written after the index stands; one that is missing or wrong costs a look at every file, never a wrong answer.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'
import { type InstalledPackage, installationStamp, installedPackages, scan } from '../retrieval/index.ts'
import type { Home } from './home.ts'
import type { CorpusOptions } from './options.ts'

export interface CorpusRequest {
  /** Absolute; sources are relative to it. */
  readonly root: string
  /** Places a person named; none: the installed packages. */
  readonly docs: readonly string[]
  /** Only these packages; none: those the project names. */
  readonly packages: readonly string[]
  readonly all: boolean
}

export interface PackageVersion {
  readonly name: string
  readonly version: string
}

export interface Corpus {
  /** The name of its index. */
  readonly index: string
  /** What is read: folders of packages, or the places named. */
  readonly origins: readonly string[]
  readonly packages: readonly PackageVersion[]
  /** Packages that bring no documentation. */
  readonly without: number
  /** Of everything that decides what is in it. */
  readonly stamp: string
  /** The index was made from exactly this. */
  readonly unchanged: boolean
}

/** @throws CONFIG_USAGE | RETRIEVAL_EMPTY where there is no project */
export function requestOf(cwd: string, o: CorpusOptions): CorpusRequest {
  const { docs = [], package: packages = [], all = false } = o
  if (docs.length > 0 && (packages.length > 0 || all))
    throw new TuttiError('CONFIG_USAGE', '--docs names places, --package and --all name packages: give one of them')
  return { root: docs.length > 0 ? cwd : projectRoot(cwd), docs, packages, all }
}

/** The nearest folder, upwards, where packages are installed. */
function projectRoot(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules')) || existsSync(join(folder, 'package-lock.json'))) return folder
    if (dirname(folder) === folder) {
      throw new TuttiError('RETRIEVAL_EMPTY', `no packages are installed in ${cwd} or above`, {
        hint: 'Run npm install there, or name documents: npx tutti ask --docs docs "…"',
      })
    }
  }
}

/** @param documentsIn how many documents stand in an index. @throws RETRIEVAL_EMPTY | RETRIEVAL_UNREADABLE */
export async function findSources(home: Home, request: CorpusRequest, documentsIn: (index: string) => Promise<number>): Promise<Corpus> {
  const index = nameOf(request)
  const stamp = request.docs.length > 0 ? await stampOfPlaces(request) : await stampOfPackages(request)
  const mark = await readMark(home, index)
  if (mark?.stamp === stamp && mark.documents === (await documentsIn(index))) return { ...mark.corpus, unchanged: true }
  const found = request.docs.length > 0 ? { origins: [...request.docs], packages: [], without: 0 } : await packagesWithDocs(request)
  return { index, stamp, ...found, unchanged: false }
}

/** One index for all packages of a project; one for each choice of places. */
const nameOf = ({ root, docs }: CorpusRequest): string =>
  docs.length > 0 ? `docs-${hash128(canonical([root, [...docs].sort()]))}` : `packages-${hash128(root)}`

async function packagesWithDocs({ root, packages, all }: CorpusRequest): Promise<Pick<Corpus, 'origins' | 'packages' | 'without'>> {
  const installed = await installedPackages(root, { all: all || packages.length > 0 })
  const missing = packages.find((name) => !installed.some((each) => each.name === name))
  if (missing !== undefined)
    throw new TuttiError('RETRIEVAL_EMPTY', `the package '${missing}' is not installed in ${root}`, {
      hint: `npm install ${missing}`,
      data: { package: missing },
    })
  const wanted = packages.length > 0 ? installed.filter(({ name }) => packages.includes(name)) : installed
  const read = await Promise.all(wanted.map(async (each) => ((await hasDocs(each, root)) ? [each] : [])))
  const documented = read.flat()
  if (documented.length === 0) {
    const which = packages.length > 0 ? packages.join(', ') : `the ${wanted.length} packages that ${root} names`
    throw new TuttiError('RETRIEVAL_EMPTY', `${which}: no documentation is installed with that`, {
      hint: 'Name documents (--docs DIR), or take every installed package (--all).',
    })
  }
  return {
    origins: documented.map(({ dir }) => dir),
    packages: documented.map(({ name, version }) => ({ name, version })),
    without: wanted.length - documented.length,
  }
}

/** A package that cannot be read counts as one without. */
async function hasDocs({ dir }: InstalledPackage, root: string): Promise<boolean> {
  const { sources } = await scan(dir, { root }).catch(() => ({ sources: [] }))
  return sources.length > 0
}

// ── what decides whether anything changed ──

async function stampOfPackages(request: CorpusRequest): Promise<string> {
  return hash128(canonical([request, await installationStamp(request.root)]))
}

async function stampOfPlaces(request: CorpusRequest): Promise<string> {
  const { root } = request
  const places = await Promise.all(request.docs.map((place) => scan(place, { root })))
  const sources = [...new Set(places.flatMap(({ sources }) => sources))]
  if (sources.length === 0)
    throw new TuttiError('RETRIEVAL_EMPTY', `nothing to read was found in ${request.docs.join(', ')}`, { data: { from: [...request.docs] } })
  const files = await Promise.all(
    sources.map(async (source) => [
      source,
      await stat(resolve(root, source)).then(
        ({ size, mtimeMs }) => [size, mtimeMs],
        () => null,
      ),
    ]),
  )
  return hash128(canonical([request, files]))
}

interface Mark {
  readonly stamp: string
  /** How many stood in the index: another number, and it is another index. */
  readonly documents: number
  readonly corpus: Corpus
}

const markPath = (home: Home, index: string): string => join(home.folder, 'corpus', `${index}.json`)

async function readMark(home: Home, index: string): Promise<Mark | undefined> {
  try {
    return JSON.parse(await readFile(markPath(home, index), 'utf8')) as Mark
  } catch {
    return undefined
  }
}

/** The index stands as `corpus` says, with so many documents. */
export async function writeMark(home: Home, corpus: Corpus, documents: number): Promise<void> {
  const path = markPath(home, corpus.index)
  const mark: Mark = { stamp: corpus.stamp, documents, corpus }
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, JSON.stringify(mark))
}
