/** Finds a provider's package where the user installed it: from their project upwards, else beside tutti. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The module of package `name`, or of its `subpath` (`./stdio`); `undefined` when it is not installed in `cwd` or above, nor beside tutti.
 * Node's own resolver starts at the importing file, which is tutti's; the user's project may be another tree (a linked package, a global command).
 */
export async function importPackage(name: string, cwd: string, subpath = '.'): Promise<Record<string, unknown> | undefined> {
  const entry = entryFrom(name, cwd, subpath)
  if (entry !== undefined) return (await import(pathToFileURL(entry).href)) as Record<string, unknown>
  try {
    return (await import(`${name}${subpath.slice(1)}`)) as Record<string, unknown>
  } catch (error) {
    if (isMissing(error, name)) return undefined
    throw error
  }
}

/** Whether `importPackage` would find it, without running it. */
export function isInstalled(name: string, cwd: string): boolean {
  if (entryFrom(name, cwd) !== undefined) return true
  try {
    return import.meta.resolve(name) !== undefined
  } catch {
    return false
  }
}

function entryFrom(name: string, cwd: string, subpath = '.'): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const home = join(folder, 'node_modules', name)
    const manifest = readManifest(join(home, 'package.json'))
    if (manifest) return join(home, entryOf(manifest, subpath))
    if (dirname(folder) === folder) return undefined
  }
}

interface Manifest {
  readonly exports?: unknown
  readonly module?: string | undefined
  readonly main?: string | undefined
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest
  } catch {
    return undefined
  }
}

const conditions: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default'])

function entryOf({ exports, module, main }: Manifest, subpath: string): string {
  if (typeof exports !== 'object' || exports === null) return target(exports) ?? module ?? main ?? 'index.js'
  if (Object.hasOwn(exports, subpath)) return target(exports[subpath as keyof typeof exports]) ?? module ?? main ?? 'index.js'
  return byPattern(exports, subpath) ?? target(exports) ?? module ?? main ?? 'index.js'
}

/** The longest pattern that fits, as Node has it: of `./*` and `./esm/*` the second (https://nodejs.org/api/packages.html#subpath-patterns). */
function byPattern(exports: object, subpath: string): string | undefined {
  const fitting = Object.entries(exports).flatMap(([key, node]) => {
    const [before, after] = key.split('*')
    const fits = after !== undefined && subpath.length > key.length - 1 && subpath.startsWith(before as string) && subpath.endsWith(after)
    return fits ? [{ before: before as string, after, node: node as unknown }] : []
  })
  const best = fitting.toSorted((a, b) => b.before.length - a.before.length)[0]
  const found = best && target(best.node)
  return best && found?.replaceAll('*', subpath.slice(best.before.length, subpath.length - best.after.length))
}

/** The first condition that holds wins, as in Node's own algorithm (https://nodejs.org/api/packages.html#conditional-exports). */
function target(node: unknown): string | undefined {
  if (typeof node === 'string') return node
  if (Array.isArray(node)) return node.map(target).find((found) => found !== undefined)
  if (typeof node !== 'object' || node === null) return undefined
  for (const [condition, inner] of Object.entries(node)) {
    const found = conditions.has(condition) ? target(inner) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

const isMissing = (error: unknown, name: string): boolean =>
  (error as { code?: unknown } | null)?.code === 'ERR_MODULE_NOT_FOUND' && String((error as Error).message).includes(name)
