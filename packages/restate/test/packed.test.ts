/** The packages as their users get them: the tarballs of release/ (`npm run build`), installed together from the registry into an empty folder. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmptyFolder, emptyFolderWith } from '../../../scripts/empty-folder.ts'

const packages = join(import.meta.dirname, '../..')
const releaseOf = (name: string): string => join(packages, name, 'release')

const program = `
import { flow, tutti } from 'tutti'
import { postgres } from '@tutti/postgres'
import { restate } from '@tutti/restate'

const double = flow('double', (n: number, run) => run.step('twice', n, (x) => x * 2))
const engine = restate({ ingress: 'http://127.0.0.1:1', serve: { port: 0, register: false } })
const app = tutti({ flows: [double], store: postgres('postgres://nobody:secret@127.0.0.1:1/none'), engine })
try {
  await app.start(double, 21)
} catch (error) {
  const { code, message } = error as Error & { code: string }
  console.log(code, message.includes('127.0.0.1:1/none'), message.includes('secret'))
}
`

let folder: EmptyFolder
beforeAll(() => {
  folder = emptyFolderWith(releaseOf('tutti'), releaseOf('postgres'), releaseOf('restate'))
  folder.run('npm', 'install', '@restatedev/restate-sdk', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund')
}, 180_000)
afterAll(() => folder[Symbol.dispose]())

describe('the packed store and engine', () => {
  it('[S4] [S5] install beside tutti, run, and say where a Postgres was looked for that is not there', () => {
    folder.write('program.ts', program)
    expect(folder.run('node', 'program.ts')).toBe('JOURNAL_UNWRITABLE true false\n')
  }, 60_000)

  it('[S4] [S5] are found by configuration alone', () => {
    folder.write(
      'doctor.mjs',
      "import { configuredStore } from 'tutti/store'\nconsole.log(configuredStore({ env: process.env, cwd: process.cwd() })['~store'])",
    )
    expect(folder.run('env', 'TUTTI_STORE=postgres://nobody@127.0.0.1:1/none', 'node', 'doctor.mjs')).toBe('postgres\n')
  })

  it('bring a page of their own', () => {
    for (const name of ['postgres', 'restate']) expect(folder.run('head', '-1', `node_modules/@tutti/${name}/README.md`)).toBe(`# @tutti/${name}\n`)
  })
})
