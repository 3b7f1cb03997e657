/** From what a person names (files, folders, patterns, packages) to the files that are read. */
import { stat } from 'node:fs/promises'
import { extname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { TuttiError } from '../errors/index.ts'
import { checkOptions, is } from '../primitives/index.ts'
import { checkText } from './check-given.ts'

/** Kinds of files that are read, by their extension. */
const READABLE = '{md,markdown,mdx,html,htm,txt}'
/** Legal and historical files: they answer no question about how something works. */
const LEFT_OUT =
  /^(?:licen[cs]es?|copying|notice|unlicense|changelog|changes|history|releases?|authors|contributors|maintainers|code[-_]of[-_]conduct|third[-_]?party.*)(?:[-_.].*)?$/i

export interface ScanOptions {
  /** What paths are relative to. Default: the working directory. */
  readonly root?: string | undefined
  /** Takes licences, changelogs and the like too. Default false. A file that is named itself is always taken. */
  readonly everything?: boolean | undefined
}

/** The files of one place, as sources: relative to the root, with `/`, sorted. */
export interface Scanned {
  /** What was named. */
  readonly origin: string
  readonly sources: readonly string[]
}

/**
 * Finds the files of `from`: a file, a folder, a pattern, or the folder of a package in node_modules (its README, its other top-level
 * Markdown, and its docs).
 * @throws RETRIEVAL_UNREADABLE when a file or folder does not exist or may not be read
 */
export async function scan(from: string, o: ScanOptions = {}): Promise<Scanned> {
  checkText('scan()', 'place', from)
  checkOptions<ScanOptions>('scan()', o, { root: is.text, everything: is.flag })
  const root = resolve(o.root ?? '.')
  const origin = toPosix(from).replace(/(?<=[^/])\/+$/, '')
  const path = resolve(root, from)
  const { isDynamicPattern } = await import('tinyglobby')
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' && isDynamicPattern(origin)) return undefined
    throw new TuttiError('RETRIEVAL_UNREADABLE', `${from} cannot be read: ${cause.code === 'ENOENT' ? 'it does not exist' : cause.message}`, {
      cause,
      data: { path: from },
    })
  })
  if (found?.isFile()) return { origin, sources: [sourceOf(root, path)] }
  const files = found ? await inFolder(path) : await matching(origin, root)
  const sources = files.map((file) => sourceOf(root, file)).filter((source) => o.everything || !LEFT_OUT.test(source.slice(source.lastIndexOf('/') + 1)))
  return { origin, sources: [...new Set(sources)].sort() }
}

/** The folder of a package has documentation in known places; any other folder is documentation throughout. */
async function inFolder(folder: string): Promise<string[]> {
  const isPackage = /[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+$/.test(folder)
  const patterns = isPackage ? ['*.{md,markdown,mdx}', 'README*', `{doc,docs,documentation}/**/*.${READABLE}`] : [`**/*.${READABLE}`]
  return find(patterns, folder, ['**/node_modules/**'])
}

function matching(pattern: string, root: string): Promise<string[]> {
  const ignored = pattern.includes('node_modules') ? [] : ['**/node_modules/**']
  return find([pattern], root, ignored).then((files) => files.filter((file) => isReadable(file)))
}

async function find(patterns: string[], cwd: string, ignore: string[]): Promise<string[]> {
  // Loaded with the first folder that is searched: most apps search none.
  const { glob } = await import('tinyglobby')
  try {
    return await glob(patterns, {
      cwd,
      ignore: [...ignore, '**/.git/**'],
      absolute: true,
      onlyFiles: true,
      caseSensitiveMatch: false,
      expandDirectories: false,
    })
  } catch (cause) {
    throw new TuttiError('RETRIEVAL_UNREADABLE', `${cwd} cannot be read: ${(cause as Error).message}`, { cause, data: { path: cwd } })
  }
}

const isReadable = (file: string): boolean =>
  new RegExp(`^\\.(?:${READABLE.slice(1, -1).replaceAll(',', '|')})$`, 'i').test(extname(file)) || /(?:^|[\\/])README$/i.test(file)

function sourceOf(root: string, path: string): string {
  const source = relative(root, path)
  return toPosix(isAbsolute(source) ? path : source)
}

const toPosix = (path: string): string => (sep === '\\' ? path.replaceAll('\\', '/') : path)

/** Where the file of a source lies. */
export const fileOf = (source: string, root: string | undefined): string => join(isAbsolute(source) ? '' : resolve(root ?? '.'), source)
