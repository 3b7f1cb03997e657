/** The package as its users get it: the tarball of release/ (`npm run build`), installed from the registry into an empty folder. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const release = join(root, 'packages/tutti/release')
const MAX_INSTALL_MB = 25

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

let folder = ''
/** Runs a command in the folder, without the conditions of this repository. */
function outside(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stdout + stderr}`)
  return stdout
}

beforeAll(() => {
  if (!existsSync(release)) throw new Error('there is no packages/tutti/release: run `npm run build` first')
  folder = mkdtempSync(join(tmpdir(), 'packed-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  writeFileSync(join(folder, 'program.ts'), program)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  const [{ filename }] = JSON.parse(outside('npm', 'pack', release, '--json')) as [{ filename: string }]
  outside('npm', 'install', `./${filename}`, '--ignore-scripts', '--omit=peer', '--prefer-offline', '--no-audit', '--no-fund')
}, 180_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the packed package', () => {
  it('runs a flow on both stores', () => {
    expect(outside('node', 'program.ts')).toBe('42\n42\n')
  })

  it('has types that compile in a strict project without skipLibCheck', () => {
    expect(outside('node', join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')).toBe('')
  }, 60_000)

  it('brings the command', () => {
    expect(outside(join(folder, 'node_modules/.bin/tutti'), '--help')).toContain('tutti')
  })

  it('imports every face it declares', () => {
    const faces = JSON.parse(outside('node', '-p', "JSON.stringify(Object.keys(require('tutti/package.json').exports))")) as string[]
    const names = faces.filter((face) => face !== './package.json').map((face) => face.replace('.', 'tutti'))
    expect(names).toContain('tutti')
    for (const name of names) expect(outside('node', '-e', `import('${name}').then((face) => console.log(Object.keys(face).length > 0))`), name).toBe('true\n')
  })

  it(`takes at most ${MAX_INSTALL_MB} MB with everything it needs`, () => {
    const files = globSync('node_modules/**/*', { cwd: folder }).map((path) => statSync(join(folder, path)))
    const bytes = files.filter((file) => file.isFile()).reduce((sum, file) => sum + file.size, 0)
    const importMs = outside('node', '-e', "const t = performance.now(); import('tutti').then(() => console.log((performance.now() - t).toFixed(0)))")
    console.info(`installed: ${(bytes / 1e6).toFixed(1)} MB; import('tutti'): ${importMs.trim()} ms`)
    expect(bytes / 1e6).toBeLessThanOrEqual(MAX_INSTALL_MB)
  })
})
