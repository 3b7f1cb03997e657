/**
 * Lays out what is published of each package in its release/ folder: the built files, the licence, and a package.json without what only this
 * repository needs. The `tutti-source` condition is taken out: Node refuses to run TypeScript below node_modules.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly files: readonly string[]
  readonly exports: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

const root = join(import.meta.dirname, '..')

function release(folder: string): void {
  const out = join(folder, 'release')
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const missing = manifest.files.find((path) => sourceOf(folder, path) === undefined)
  if (missing !== undefined) throw new Error(`${manifest.name} publishes '${missing}', which does not exist: build it first`)
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  for (const path of [...manifest.files, 'README.md', 'LICENSE']) {
    const source = sourceOf(folder, path)
    if (source !== undefined) cpSync(source, join(out, path), { recursive: true, filter: (each) => !ofTheRepository.test(each) })
  }
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
}

/** Of the package itself, else of the repository: its documentation and examples are those of the package that everything else stands on. */
const sourceOf = (folder: string, path: string): string | undefined => [join(folder, path), join(root, path)].find(existsSync)

/** Tests, and what says which test of the repository proves what. */
const ofTheRepository = /(?:\.test\.ts|[\\/]features\.(?:json|md))$/

function published({ scripts, devDependencies, publishConfig, exports, ...rest }: Manifest): unknown {
  return { ...rest, exports: JSON.parse(JSON.stringify(exports, (key, value) => (key === 'tutti-source' ? undefined : value))) }
}

for (const file of globSync('packages/*/package.json', { cwd: root })) {
  const { private: kept } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { private?: boolean }
  if (kept !== true) release(join(root, dirname(file)))
}
