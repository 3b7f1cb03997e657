import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Documentation, documentation } from './documentation.ts'

/** A project with packages, each named by its folder in node_modules; what is written later is as if it had been installed. */
function project(packages: Readonly<Record<string, { version: string; files: Readonly<Record<string, string>> }>>) {
  const root = mkdtempSync(join(tmpdir(), 'tutti-documentation-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  let installs = 0
  const install = (wanted: typeof packages): void => {
    for (const folder of Object.keys(packages)) rmSync(join(root, 'node_modules', folder), { recursive: true, force: true })
    const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf('node_modules/') < 0 ? 0 : folder.lastIndexOf('node_modules/') + 13)
    for (const [folder, { version, files }] of Object.entries(wanted)) {
      const manifest = JSON.stringify({ name: nameOf(folder), version })
      for (const [path, text] of Object.entries({ 'package.json': manifest, ...files })) write(join(root, 'node_modules', folder, path), text)
    }
    const dependencies = Object.fromEntries(Object.keys(wanted).map((name) => [name, '*']))
    const locked = Object.entries(wanted).map(([folder, { version }]) => [`node_modules/${folder}`, { version }])
    write(join(root, 'package.json'), JSON.stringify({ dependencies, installs: ++installs }))
    write(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': { dependencies }, ...Object.fromEntries(locked) } }))
  }
  install(packages)
  return { root, install }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function opened(root: string, o: { all?: boolean; only?: string[] } = {}): Documentation {
  write(join(root, 'own/docs/start.md'), '# Start\n\nBegin with a flow.\n')
  const own = { name: 'tutti', version: '9.9.9', root: join(root, 'own'), from: ['docs/start.md', 'missing.md'] }
  const docs = documentation({ project: root, own, cache: join(root, 'cache/docs.db'), ...o })
  onTestFinished(() => docs.close())
  return docs
}

const widget = (version: string, text: string) => ({ widget: { version, files: { 'README.md': `# Widget\n\n## Retries\n\n${text}\n` } } })

test('[X7] what is installed while it is open is what the next answer comes from, its version too where the words stayed the same', async () => {
  const { root, install } = project(widget('1.0.0', 'Set `retries: 3` for three attempts.'))
  const docs = opened(root)
  const [first] = await docs.search('retries')
  expect(first).toMatchObject({ source: 'widget/README.md', line: 5, heading: ['Widget', 'Retries'], meta: { package: 'widget', version: '1.0.0' } })
  install(widget('1.0.1', 'Set `retries: 3` for three attempts.'))
  expect((await docs.search('retries'))[0]?.meta).toMatchObject({ version: '1.0.1' })
  install(widget('2.0.0', 'Attempts are counted in `tries`.'))
  expect((await docs.page('widget/README.md')).text).toContain('`tries`')
  install({})
  expect(await docs.packages()).toEqual([{ name: 'tutti', version: '9.9.9', pages: 1 }])
  await expect(docs.page('widget/README.md')).rejects.toMatchObject({ code: 'RETRIEVAL_NO_PAGE' })
})

test('[X7] a page or a package that is not there is answered with the names that come nearest', async () => {
  const { root } = project(widget('1.0.0', 'It tries again.'))
  const docs = opened(root)
  await expect(docs.page('docs/stert.md')).rejects.toMatchObject({ code: 'RETRIEVAL_NO_PAGE', hint: 'Nearest: tutti/docs/start.md.' })
  await expect(docs.search('tries', { package: 'wigdet' })).rejects.toMatchObject({
    code: 'RETRIEVAL_NO_PAGE',
    hint: 'Nearest: widget. There is that of tutti, widget.',
  })
  await expect(docs.page('qqq')).rejects.toMatchObject({ code: 'RETRIEVAL_NO_PAGE', data: { near: [] } })
})

test('[X7] a package within another has pages of its own, and what cannot be read is left out', async () => {
  const nested = { 'widget/node_modules/deep': { version: '0.1.0', files: { 'README.md': '# Deep\n\nIt tries seven times.\n', 'NOTES.md': '\0' } } }
  const { root } = project({ ...widget('1.0.0', 'It tries again.'), ...nested })
  const some = opened(root, { only: ['deep'] })
  expect((await some.pages()).map(({ name, version }) => [name, version])).toEqual([
    ['tutti/docs/start.md', '9.9.9'],
    ['widget/node_modules/deep/README.md', '0.1.0'],
  ])
  const all = opened(root, { all: true })
  expect((await all.search('tries', { package: 'deep' })).map(({ source }) => source)).toEqual(['widget/node_modules/deep/README.md'])
  expect(await all.pages('widget')).toHaveLength(1)
})
