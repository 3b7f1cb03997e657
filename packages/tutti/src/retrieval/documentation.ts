/**
 * The documentation of the packages that a project has installed, in exactly those versions, page by page, for programs that look things up in it.
 *
 * Owns: how pages are named, and what a cache holds of one project. Does not own: which packages there are, reading, splitting, ranking, and the cache file.
 * Invariants: D1 an answer is of what is installed when it is asked: the records of the package manager are looked at before each, and what changed is read again.
 * D2 Words alone are searched: no model, no network. D3 A page is in the cache whole or not at all; a cache that is lost costs the time to read all again.
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import { canonical, checkOptions, checkValue, hash128, is, nearest } from '../primitives/index.ts'
import { checkText } from './check-given.ts'
import { openDatabase } from './database.ts'
import type { Document, Passage } from './document.ts'
import { installationStamp, installedPackages } from './installed-package.ts'
import { load, loadBytes } from './load.ts'
import { Partition } from './partition.ts'
import { scan } from './scan.ts'
import { search } from './search.ts'
import { split } from './split.ts'

/** Documentation that lies in places of its own, wherever they are. */
export interface OwnDocumentation {
  readonly name: string
  readonly version: string
  /** What its pages are named after: they are relative to it. */
  readonly root: string
  /** Files and folders, relative to `root`; one that is not there has no pages. */
  readonly from: readonly string[]
}

export interface DocumentationOptions {
  /** Where packages are installed; left out, there is only the documentation of its own. */
  readonly project?: string | undefined
  /** Stands for the package of this name, whether the project has installed it or not. */
  readonly own: OwnDocumentation
  /** Only these packages, and its own. Default: those that the project names. */
  readonly only?: readonly string[] | undefined
  /** Every installed package. */
  readonly all?: boolean | undefined
  /** The file of the cache, or `:memory:`. */
  readonly cache: string
}

export interface DocumentedPackage {
  readonly name: string
  readonly version: string
  readonly pages: number
}

export interface DocumentationPage {
  /** `<package>/<path in it>`, as in `zod/README.md`. */
  readonly name: string
  readonly title: string | undefined
  readonly package: string
  readonly version: string
}

export interface Documentation {
  /** The best passages, best first; `source` of each is the name of its page. @throws RETRIEVAL_NO_PAGE for a package that is not here; RETRIEVAL_QUERY_TOO_LONG */
  search(query: string, o?: { readonly package?: string | undefined; readonly top?: number | undefined }): Promise<Passage[]>
  /** @throws RETRIEVAL_NO_PAGE, with the names that come nearest */
  page(name: string): Promise<Document>
  /** @throws RETRIEVAL_NO_PAGE for a package that is not here */
  pages(of?: string): Promise<readonly DocumentationPage[]>
  packages(): Promise<readonly DocumentedPackage[]>
  close(): void
}

/** @throws RETRIEVAL_INDEX_UNUSABLE when the cache can be neither opened nor made */
export function documentation(o: DocumentationOptions): Documentation {
  checkOptions<DocumentationOptions>('documentation()', o, { project: is.text, own: true, only: is.texts, all: is.flag, cache: true })
  checkText('documentation()', 'cache', o.cache)
  checkOptions<OwnDocumentation>('the own of documentation()', o.own, { name: true, version: true, root: true, from: true })
  for (const name of ['name', 'version', 'root'] as const) checkValue(`the ${name} of the own of documentation()`, name, o.own[name], is.text)
  checkValue('the from of the own of documentation()', 'from', o.own.from, is.texts)
  return new InstalledDocumentation(o)
}

/** All pages of a partition come from here: what is not found again goes. */
const ORIGIN = 'installed'

/** Where pages are found, and how they are named. */
interface Place extends OwnDocumentation {
  /** What stands before the path of a page in its name. */
  readonly label: string
}

class InstalledDocumentation implements Documentation {
  readonly #o: DocumentationOptions
  readonly #database: DatabaseSync
  readonly #partition: Partition
  #read: { readonly stamp: string; readonly done: Promise<void> } | undefined

  constructor(o: DocumentationOptions) {
    this.#o = o
    this.#database = openDatabase(o.cache)
    const { project, own, only, all } = o
    const choice = hash128(canonical([project ?? null, own.root, only ?? null, all === true]))
    this.#partition = Partition.open(this.#database, `documentation-${choice}`, undefined)
  }

  async search(query: string, { package: of, top }: { readonly package?: string | undefined; readonly top?: number | undefined } = {}): Promise<Passage[]> {
    await this.#upToDate()
    if (of !== undefined) this.#known(of)
    return search(this.#partition, undefined, query, { top, ...(of === undefined ? {} : { filter: { package: of } }) })
  }

  async page(name: string): Promise<Document> {
    await this.#upToDate()
    const found = this.#partition.document(name)
    if (found) return found
    const near = nearest(
      name,
      this.#all().map((page) => page.name),
    )
    throw new TuttiError('RETRIEVAL_NO_PAGE', `there is no page '${name}'`, {
      data: { page: name, near },
      ...(near.length > 0 ? { hint: `Nearest: ${near.join(', ')}.` } : {}),
    })
  }

  async pages(of?: string): Promise<readonly DocumentationPage[]> {
    await this.#upToDate()
    if (of !== undefined) this.#known(of)
    return this.#all().filter((page) => of === undefined || page.package === of)
  }

  async packages(): Promise<readonly DocumentedPackage[]> {
    await this.#upToDate()
    return this.#packages()
  }

  close(): void {
    this.#database.close()
  }

  #all(): DocumentationPage[] {
    return this.#partition.titles().map(({ source, meta }) => ({
      name: source,
      title: meta.title,
      package: meta.package ?? '',
      version: meta.version ?? '',
    }))
  }

  #packages(): DocumentedPackage[] {
    const found = new Map<string, DocumentedPackage>()
    for (const { package: name, version } of this.#all()) {
      const key = `${name}@${version}`
      found.set(key, { name, version, pages: (found.get(key)?.pages ?? 0) + 1 })
    }
    return [...found.values()]
  }

  #known(of: string): void {
    const names = [...new Set(this.#packages().map(({ name }) => name))]
    if (names.includes(of)) return
    const near = nearest(of, names)
    throw new TuttiError('RETRIEVAL_NO_PAGE', `there is no documentation of a package '${of}' here`, {
      data: { package: of, near },
      hint: `${near.length > 0 ? `Nearest: ${near.join(', ')}. ` : ''}There is that of ${names.join(', ') || 'none'}.`,
    })
  }

  async #upToDate(): Promise<void> {
    const { project } = this.#o
    const stamp = project === undefined ? '' : await installationStamp(project)
    const before = this.#read
    if (before?.stamp !== stamp) {
      // One after another: each takes out what it did not find.
      const done = (before?.done ?? Promise.resolve()).catch(() => {}).then(() => this.#readAll())
      const read = { stamp, done }
      this.#read = read
      done.catch(() => {
        if (this.#read === read) this.#read = undefined
      })
    }
    await this.#read?.done
  }

  async #readAll(): Promise<void> {
    const present = new Set<string>()
    for (const place of await this.#places()) {
      const sources = await sourcesOf(place)
      const loaded = await Promise.all(sources.map((source) => loadBytes(source, place)))
      for (const [i, source] of sources.entries()) {
        const bytes = loaded[i]
        if (bytes && 'hash' in bytes && (await this.#take(place, source, bytes.hash))) present.add(nameOf(place, source))
      }
    }
    this.#partition.removeGone(ORIGIN, present)
  }

  /** Takes a page in, unless it is here as it is. @returns false when there is nothing in it to read */
  async #take(place: Place, source: string, bytes: string): Promise<boolean> {
    const page = nameOf(place, source)
    // The version is a part of what is found, also where the words stayed the same.
    const hash = hash128(`${place.version} ${bytes}`)
    if (this.#partition.hash(page) === hash) return true
    const loaded = await load(source, { root: place.root })
    if ('skipped' in loaded) return false
    // Of HTML, what is read is its text: lines are those of the text.
    const { offsets: _, fileLines: __, ...document } = loaded.document
    const meta = { ...document.meta, package: place.name, version: place.version }
    this.#partition.put({ ...document, source: page, hash, meta }, split(document), [ORIGIN])
    return true
  }

  async #places(): Promise<readonly Place[]> {
    const { project, own, only, all } = this.#o
    const installed = project === undefined ? [] : await installedPackages(project, { all: all === true || only !== undefined })
    const wanted = installed.filter(({ name }) => name !== own.name && (only?.includes(name) ?? true))
    const places = wanted.map(
      ({ name, version, dir }): Place => ({ name, version, root: join(project as string, dir), from: ['.'], label: dir.replace(/^node_modules\//, '') }),
    )
    return [{ ...own, label: own.name }, ...places]
  }
}

const nameOf = ({ label }: Place, source: string): string => `${label}/${source}`

/** A place that cannot be read has no pages. */
async function sourcesOf({ root, from }: Place): Promise<readonly string[]> {
  const found = await Promise.all(from.map((each) => scan(each, { root }).catch(() => ({ sources: [] }))))
  return [...new Set(found.flatMap(({ sources }) => sources))]
}
