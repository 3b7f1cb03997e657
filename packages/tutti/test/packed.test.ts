/** The package as its users get it: the tarball of release/ (`npm run build`), installed from the registry into an empty folder. */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmptyFolder, emptyFolderWith } from '../../../scripts/empty-folder.ts'

const root = join(import.meta.dirname, '../../..')
const MAX_INSTALL_MB = 25
/** Linux gives a process a network of its own, without a way out, where unprivileged user namespaces are allowed. */
const cutOff = process.platform === 'linux' && spawnSync('unshare', ['-rn', 'true']).status === 0

const program = `
import { flow, inMemory, sqlite, tutti } from 'tutti'

const double = flow('double', (n: number, run) => run.step('twice', n, (x) => x * 2))
for (const store of [inMemory(), sqlite('runs.db')]) {
  await using app = tutti({ flows: [double], store })
  const run = await app.start(double, 21)
  const { output } = await run.result()
  console.log(output satisfies number)
}
`
const tsconfig = {
  compilerOptions: {
    target: 'ES2024',
    lib: ['ES2024', 'ESNext.Disposable'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  },
  files: ['program.ts'],
}

let folder: EmptyFolder
beforeAll(() => {
  folder = emptyFolderWith(join(root, 'packages/tutti/release'))
  folder.write('program.ts', program)
  folder.write('tsconfig.json', JSON.stringify(tsconfig))
}, 180_000)
afterAll(() => folder[Symbol.dispose]())

describe('the packed package', () => {
  it('runs a flow on both stores', () => {
    expect(folder.run('node', 'program.ts')).toBe('42\n42\n')
  })

  it('has types that compile in a strict project without skipLibCheck', () => {
    expect(folder.run('node', join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')).toBe('')
  }, 60_000)

  it('brings the command', () => {
    expect(folder.run(join(folder.path, 'node_modules/.bin/tutti'), '--help')).toContain('tutti')
  })

  it(`[D1] exports a run that a copy of it replays from an empty home, byte-equal, with the network ${cutOff ? 'cut off' : 'left on: this machine cannot cut it'}`, () => {
    const command = join(folder.path, 'node_modules/.bin/tutti')
    folder.write('guide.md', '# Retries\n\nSet `retries: 3` to try a failed call three times.\n')
    const asked = JSON.parse(folder.run(command, 'ask', '--words', '--docs', 'guide.md', '--json', 'How often is a failed call retried?'))
    folder.run(command, 'export', asked.run, '-o', 'run.jsonl')
    const alone = (...args: readonly string[]): string => (cutOff ? folder.run('unshare', '-rn', command, ...args) : folder.run(command, ...args))
    alone('import', 'run.jsonl', '--home', 'elsewhere')
    const replayed = JSON.parse(alone('replay', asked.run, '--home', 'elsewhere', '--json'))
    expect(JSON.stringify(replayed.output)).toBe(JSON.stringify(asked.output))
  }, 30_000)

  it('[X7] serves its own documentation and that of what is installed beside it, once the server library is there; without it says what to install', async () => {
    const command = join(folder.path, 'node_modules/.bin/tutti')
    const home = ['--home', join(folder.path, 'docs-home')]
    const without = spawnSync(command, ['mcp', 'docs', ...home], { cwd: folder.path, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
    expect([without.status, without.stderr]).toEqual([2, expect.stringContaining('npm install @modelcontextprotocol/server@2')])
    mkdirSync(join(folder.path, 'node_modules/@modelcontextprotocol'))
    symlinkSync(join(root, 'node_modules/@modelcontextprotocol/server'), join(folder.path, 'node_modules/@modelcontextprotocol/server'))
    const client = new Client({ name: 'test', version: '1' })
    const begun = performance.now()
    await client.connect(new StdioClientTransport({ command, args: ['mcp', 'docs', ...home], cwd: folder.path, stderr: 'ignore' }))
    const connectedMs = performance.now() - begun
    const ask = async (name: string, input: Record<string, unknown>): Promise<string> =>
      ((await client.callTool({ name, arguments: input })).content as { text: string }[])[0]?.text ?? ''
    const { version } = JSON.parse(readFileSync(join(root, 'packages/tutti/package.json'), 'utf8')) as { version: string }
    expect(await ask('search_docs', { query: 'pins of the tools of a server' })).toContain(`tutti/docs/mcp.md`)
    console.info(`mcp docs: connected after ${connectedMs.toFixed(0)} ms, first answer after ${(performance.now() - begun).toFixed(0)} ms`)
    expect(await ask('read_doc', { page: 'tutti/examples/agent.ts' })).toContain("from 'tutti'")
    const pages = await ask('list_docs', { package: 'tutti' })
    for (const page of ['README.md', 'docs/errors.md', 'docs/decisions/queues.md']) expect(pages).toContain(`tutti/${page}  `)
    expect(pages).not.toMatch(/features\.|\.test\.ts/)
    expect(await ask('list_docs', {})).toContain(`tutti ${version}  `)
    await client.close()

    // Elsewhere there is no project, and its own pages are found beside what runs.
    const alone = new Client({ name: 'test', version: '1' })
    await alone.connect(new StdioClientTransport({ command, args: ['mcp', 'docs', ...home], cwd: tmpdir(), stderr: 'ignore' }))
    const { content } = await alone.callTool({ name: 'list_docs', arguments: {} })
    expect(content).toMatchObject([{ text: expect.stringMatching(new RegExp(`\\ntutti ${version} {2}[5-9]\\d pages$`)) }])
    await alone.close()
  }, 60_000)

  it('imports every face it declares; the suites of tutti/conformance where vitest is', () => {
    const faces = JSON.parse(folder.run('node', '-p', "JSON.stringify(Object.keys(require('tutti/package.json').exports))")) as string[]
    const names = faces.filter((face) => face !== './package.json').map((face) => face.replace('.', 'tutti'))
    expect(names).toEqual(expect.arrayContaining(['tutti', 'tutti/testing', 'tutti/conformance']))
    const suites = "import('tutti/conformance').catch((error) => console.log(error.message))"
    expect(folder.run('node', '-e', suites)).toContain("Cannot find package 'vitest'")
    for (const name of names.filter((each) => each !== 'tutti/conformance'))
      expect(folder.run('node', '-e', `import('${name}').then((face) => console.log(Object.keys(face).length > 0))`), name).toBe('true\n')
  })

  it(`takes at most ${MAX_INSTALL_MB} MB with everything it needs`, () => {
    const files = globSync('node_modules/**/*', { cwd: folder.path }).map((path) => statSync(join(folder.path, path)))
    const bytes = files.filter((file) => file.isFile()).reduce((sum, file) => sum + file.size, 0)
    const importMs = folder.run('node', '-e', "const t = performance.now(); import('tutti').then(() => console.log((performance.now() - t).toFixed(0)))")
    console.info(`installed: ${(bytes / 1e6).toFixed(1)} MB; import('tutti'): ${importMs.trim()} ms`)
    expect(bytes / 1e6).toBeLessThanOrEqual(MAX_INSTALL_MB)
  })
})
