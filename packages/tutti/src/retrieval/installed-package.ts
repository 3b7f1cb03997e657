/** Which packages are installed here, in exactly which version, and what documentation they bring. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { canonical, checkOptions, hash128, is } from '../primitives/index.ts'
import { checkText } from './check-given.ts'
import type { Document, SkippedFile } from './document.ts'
import { load } from './load.ts'
import { scan } from './scan.ts'

export interface InstalledPackage {
  readonly name: string
  readonly version: string
  /** Relative to the root, with `/`: `node_modules/zod`. */
  readonly dir: string
  /** The project asks for it itself. */
  readonly direct: boolean
}

interface Manifest {
  readonly name?: string | undefined
  readonly version?: string | undefined
  readonly dependencies?: Record<string, string> | undefined
  readonly devDependencies?: Record<string, string> | undefined
  readonly optionalDependencies?: Record<string, string> | undefined
  readonly peerDependencies?: Record<string, string> | undefined
}

interface Lockfile {
  readonly packages?: Record<string, Manifest & { readonly link?: boolean }> | undefined
}

/**
 * The packages that the project at `root` depends on itself, by name; with `all` the others after them.
 * Versions are those of package-lock.json; without one, those found in node_modules. What is locked but not installed, and workspaces, are left out.
 */
export async function installedPackages(root: string, o: { readonly all?: boolean | undefined } = {}): Promise<InstalledPackage[]> {
  checkText('installedPackages()', 'root', root)
  checkOptions<{ readonly all?: boolean | undefined }>('installedPackages()', o, { all: is.flag })
  const lock = await readJson<Lockfile>(join(root, 'package-lock.json'))
  const packages = lock?.packages ? await fromLockfile(root, lock.packages) : await fromFolders(root)
  return packages.filter(({ direct }) => o.all || direct).sort((a, b) => Number(b.direct) - Number(a.direct) || (a.dir < b.dir ? -1 : 1))
}

export interface PackageDocsOptions {
  /** Every installed package, not only what the project asks for. Default false. */
  readonly all?: boolean | undefined
  /** Only these packages. */
  readonly only?: readonly string[] | undefined
  readonly maxBytes?: number | undefined
}

/** The documentation of the installed packages: README, other top-level Markdown and docs of each; `meta` has package and version. */
export async function packageDocs(root: string, o: PackageDocsOptions = {}): Promise<{ documents: Document[]; skipped: SkippedFile[] }> {
  checkText('packageDocs()', 'root', root)
  checkOptions<PackageDocsOptions>('packageDocs()', o, { all: is.flag, only: is.texts, maxBytes: is.count })
  const packages = await installedPackages(root, { all: o.all ?? o.only !== undefined })
  const documents: Document[] = []
  const skipped: SkippedFile[] = []
  for (const { name, dir } of packages) {
    if (o.only && !o.only.includes(name)) continue
    const { sources } = await scan(dir, { root })
    for (const source of sources) {
      const loaded = await load(source, { root, maxBytes: o.maxBytes })
      if ('document' in loaded) documents.push(loaded.document)
      else skipped.push(loaded.skipped)
    }
  }
  return { documents, skipped }
}

/** What a package manager writes whenever it installs something. */
const INSTALL_RECORDS = ['node_modules/.package-lock.json', 'node_modules/.modules.yaml', 'node_modules/.yarn-state.yml', 'node_modules']
const LOCKFILES = ['package.json', 'package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock']

/** Of what package managers wrote at `root`: the same stamp, and nothing was installed or removed since. */
export async function installationStamp(root: string): Promise<string> {
  const texts = await Promise.all(LOCKFILES.map((file) => readFile(join(root, file), 'utf8').catch(() => null)))
  const times = await Promise.all(
    INSTALL_RECORDS.map((file) =>
      stat(join(root, file)).then(
        ({ mtimeMs }) => mtimeMs,
        () => null,
      ),
    ),
  )
  return hash128(canonical([texts, times]))
}

async function fromLockfile(root: string, packages: NonNullable<Lockfile['packages']>): Promise<InstalledPackage[]> {
  const projects = Object.entries(packages).filter(([dir]) => !/(?:^|\/)node_modules\//.test(dir))
  const wanted = new Set(projects.flatMap(([dir, manifest]) => asked(manifest).map((name) => resolveFrom(dir, name, packages))))
  const listed = Object.entries(packages).flatMap(([dir, { version, link }]) => {
    const name = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(dir)?.[1]
    return name === undefined || link || version === undefined ? [] : [{ name, version, dir, direct: wanted.has(dir) }]
  })
  const present = await Promise.all(listed.map(({ dir }) => readJson<Manifest>(join(root, dir, 'package.json'))))
  return listed.filter((_, i) => present[i] !== undefined)
}

/** Where a project of the lockfile finds a package: in its own node_modules, else in those above it. */
function resolveFrom(project: string, name: string, packages: NonNullable<Lockfile['packages']>): string | undefined {
  for (let at = project; at !== ''; at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '')
    if (`${at}/node_modules/${name}` in packages) return `${at}/node_modules/${name}`
  return `node_modules/${name}` in packages ? `node_modules/${name}` : undefined
}

async function fromFolders(root: string): Promise<InstalledPackage[]> {
  const wanted = new Set(asked((await readJson<Manifest>(join(root, 'package.json'))) ?? {}))
  const names = (await entries(join(root, 'node_modules'))).filter((name) => !name.startsWith('.'))
  const scoped = await Promise.all(
    names.map(async (name) => (name.startsWith('@') ? (await entries(join(root, 'node_modules', name))).map((inner) => `${name}/${inner}`) : [name])),
  )
  const found = await Promise.all(
    scoped.flat().map(async (name): Promise<InstalledPackage[]> => {
      const manifest = await readJson<Manifest>(join(resolve(root), 'node_modules', name, 'package.json'))
      return manifest?.version === undefined ? [] : [{ name, version: manifest.version, dir: `node_modules/${name}`, direct: wanted.has(name) }]
    }),
  )
  return found.flat()
}

const asked = (manifest: Manifest): string[] =>
  [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies, manifest.peerDependencies].flatMap((names) => Object.keys(names ?? {}))

const entries = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

/** `undefined` when there is no such file, or no JSON in it. */
async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch {
    return undefined
  }
}
