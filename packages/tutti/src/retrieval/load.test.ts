import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { installedPackages, packageDocs } from './installed-package.ts'
import { load } from './load.ts'
import { scan } from './scan.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tutti-load-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function put(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}
const sourcesOf = async (from: string, everything = false): Promise<readonly string[]> => (await scan(from, { root, everything })).sources
const skipOf = async (source: string, maxBytes?: number): Promise<string | undefined> => {
  const loaded = await load(source, { root, maxBytes })
  return 'skipped' in loaded ? loaded.skipped.why : undefined
}

describe('finding files', () => {
  it('[G1] a folder gives what can be read, at any depth, without licences, changelogs and installed packages', async () => {
    await put({
      'docs/b.md': 'b',
      'docs/deep/a.MDX': 'a',
      'docs/c.html': 'c',
      'docs/d.png': 'd',
      'docs/LICENSE.md': 'l',
      'docs/CHANGELOG.md': 'c',
      'docs/node_modules/x/README.md': 'x',
      'other.md': 'o',
    })
    expect(await sourcesOf('docs')).toEqual(['docs/b.md', 'docs/c.html', 'docs/deep/a.MDX'])
    expect(await sourcesOf('docs/', true)).toEqual(['docs/CHANGELOG.md', 'docs/LICENSE.md', 'docs/b.md', 'docs/c.html', 'docs/deep/a.MDX'])
  })

  it('[G1] a file that is named is taken, whatever it is called; a pattern takes what matches and can be read', async () => {
    await put({ 'CHANGELOG.md': 'c', 'notes.rst': 'n', 'a/one.md': '1', 'a/two.ts': '2', 'node_modules/x/README.md': 'x', 'node_modules/@s/y/README.md': 'y' })
    expect(await sourcesOf('CHANGELOG.md')).toEqual(['CHANGELOG.md'])
    expect(await sourcesOf('./notes.rst')).toEqual(['notes.rst'])
    expect(await sourcesOf('a/*')).toEqual(['a/one.md'])
    expect(await sourcesOf('**/*.md', true)).toEqual(['CHANGELOG.md', 'a/one.md'])
    expect(await sourcesOf('node_modules/*/README.md')).toEqual(['node_modules/x/README.md'])
  })

  it('[G1] the folder of a package gives its README, its other Markdown at the top and its docs', async () => {
    await put({
      'node_modules/x/README.md': 'r',
      'node_modules/x/API.md': 'a',
      'node_modules/x/LICENSE.md': 'l',
      'node_modules/x/docs/deep/g.mdx': 'g',
      'node_modules/x/src/test/fixture.md': 'f',
      'node_modules/x/node_modules/y/README.md': 'y',
    })
    expect(await sourcesOf('node_modules/x')).toEqual(['node_modules/x/API.md', 'node_modules/x/README.md', 'node_modules/x/docs/deep/g.mdx'])
  })

  it('[G1] a folder that links to itself ends', async () => {
    await put({ 'docs/a.md': 'a' })
    await symlink(join(root, 'docs'), join(root, 'docs/again'))
    expect(await sourcesOf('docs')).toContain('docs/a.md')
  })

  it('[G1] a place that does not exist is RETRIEVAL_UNREADABLE and named', async () => {
    await expect(scan('nowhere/docs', { root })).rejects.toSatisfy(
      (error) => TuttiError.is(error, 'RETRIEVAL_UNREADABLE') && error.message.includes('nowhere/docs'),
    )
    expect(await sourcesOf('nowhere/*.md')).toEqual([])
  })
})

describe('reading a file', () => {
  it('[G1] a broken file is reported with its reason: binary, not UTF-8, too large, empty, gone', async () => {
    await put({ 'binary.md': Buffer.from([35, 32, 0, 1]), 'latin.md': Buffer.from([99, 97, 102, 0xe9]), 'large.md': 'x'.repeat(101), 'empty.txt': ' \n' })
    expect(await skipOf('binary.md')).toBe('it is binary')
    expect(await skipOf('latin.md')).toBe('it is not UTF-8')
    expect(await skipOf('large.md', 100)).toBe('it has 101 bytes, and the limit is 100')
    expect(await skipOf('large.md', 101)).toBeUndefined()
    expect(await skipOf('empty.txt')).toBe('it is empty')
    expect(await skipOf('gone.md')).toBe('it does not exist any more')
  })

  it.skipIf(process.getuid?.() === 0)('[G1] a file that may not be read is reported (not run as root, who may read everything)', async () => {
    await put({ 'secret.md': 's' })
    await chmod(join(root, 'secret.md'), 0)
    expect(await skipOf('secret.md')).toBe('it may not be read')
  })

  it('[G1] offsets are those of the file: a byte order mark and its line ends stay', async () => {
    await put({ 'a.md': '\ufeff# T\r\n\r\nx' })
    const loaded = await load('a.md', { root })
    expect(loaded).toMatchObject({ document: { text: '\ufeff# T\r\n\r\nx', mediaType: 'text/markdown', meta: { title: 'T' } } })
  })

  it('[G1] a document of a package says which, and in which version', async () => {
    await put({ 'node_modules/@s/y/package.json': '{"name":"@s/y","version":"1.2.3"}', 'node_modules/@s/y/docs/a.md': '# A' })
    expect(await load('node_modules/@s/y/docs/a.md', { root })).toMatchObject({ document: { meta: { package: '@s/y', version: '1.2.3', title: 'A' } } })
  })
})

describe('installed packages', () => {
  const manifest = (name: string, version: string): string => JSON.stringify({ name, version })
  const installed = (): Promise<void> =>
    put({
      'node_modules/zed/package.json': manifest('zed', '4.0.1'),
      'node_modules/zed/README.md': '# Zed',
      'node_modules/@s/tool/package.json': manifest('@s/tool', '2.0.0'),
      'node_modules/inner/package.json': manifest('inner', '1.0.0'),
      'node_modules/inner/README.md': '# Inner',
    })
  const lock = {
    packages: {
      '': { dependencies: { zed: '^4' } },
      'packages/mine': { devDependencies: { '@s/tool': '*' } },
      'node_modules/zed': { version: '4.0.1' },
      'node_modules/@s/tool': { version: '2.0.0' },
      'node_modules/inner': { version: '1.0.0' },
      'node_modules/mine': { resolved: 'packages/mine', link: true },
      'node_modules/absent': { version: '9.9.9' },
    },
  }

  it('[X7] are those of the lockfile that are there: what the project and its workspaces ask for first', async () => {
    await installed()
    await put({ 'package-lock.json': JSON.stringify(lock) })
    expect((await installedPackages(root)).map(({ name, version }) => `${name}@${version}`)).toEqual(['@s/tool@2.0.0', 'zed@4.0.1'])
    expect((await installedPackages(root, { all: true })).map(({ name, direct }) => [name, direct])).toEqual([
      ['@s/tool', true],
      ['zed', true],
      ['inner', false],
    ])
  })

  it('[X7] without a lockfile are those in node_modules', async () => {
    await installed()
    await put({ 'package.json': '{"dependencies":{"zed":"*"}}' })
    expect((await installedPackages(root, { all: true })).map(({ dir, direct }) => [dir, direct])).toEqual([
      ['node_modules/zed', true],
      ['node_modules/@s/tool', false],
      ['node_modules/inner', false],
    ])
  })

  it('[X7] bring their documentation with their name and version', async () => {
    await installed()
    await put({ 'package-lock.json': JSON.stringify(lock) })
    const { documents } = await packageDocs(root)
    expect(documents.map(({ source, meta }) => [source, meta.package, meta.version])).toEqual([['node_modules/zed/README.md', 'zed', '4.0.1']])
    expect((await packageDocs(root, { only: ['inner'] })).documents.map(({ source }) => source)).toEqual(['node_modules/inner/README.md'])
  })
})
