import { chmodSync, copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { folder, guide, parsed, tutti, write } from './command.ts'

const ask = (question = 'How often is a failed call retried?'): string[] => ['ask', '--words', '--docs', 'docs', question]

test('[R6] two commands on one store answer both, and both runs are there', async () => {
  const cwd = folder({ 'docs/guide.md': guide })
  const both = await Promise.all([tutti(cwd, ask()), tutti(cwd, ask('What colour are widgets painted?'))])
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  const { runs } = parsed(await tutti(cwd, ['runs', '--json']))
  expect(runs.map((run: { status: string; about: string }) => [run.status, run.about]).sort()).toEqual([
    ['completed', 'How often is a failed call retried?'],
    ['completed', 'What colour are widgets painted?'],
  ])
})

test('[R9] a store that is no database is refused by every command with what to do, and is not touched', async () => {
  const cwd = folder({ 'docs/guide.md': guide, '.tutti/tutti.db': 'this is not a database, but it is long enough to be read as one'.repeat(100) })
  const before = readFileSync(join(cwd, '.tutti/tutti.db'))
  for (const args of [ask(), ['runs'], ['show', 'last'], ['resume', 'last'], ['cancel', 'last']]) {
    const { code, err } = await tutti(cwd, args)
    expect(err).toMatch(/^error JOURNAL_CORRUPT: .+\n {2}Restore/m)
    expect(code).toBe(5)
  }
  expect(await tutti(cwd, ['doctor'])).toMatchObject({ code: 1, out: expect.stringMatching(/✗ store +JOURNAL_CORRUPT[\s\S]*→ Restore/) })
  expect(readFileSync(join(cwd, '.tutti/tutti.db'))).toEqual(before)
})

test('[R9] a journal with a broken entry is found by doctor, listed as damaged, and harms no other run', async () => {
  const cwd = folder({ 'docs/guide.md': guide })
  await tutti(cwd, ask())
  await tutti(cwd, ask('What colour are widgets painted?'))
  const { runs } = parsed(await tutti(cwd, ['runs', '--json']))
  const db = new DatabaseSync(join(cwd, '.tutti/tutti.db'))
  db.exec('UPDATE entries SET body = substr(body, 1, 20) WHERE n = (SELECT min(n) FROM entries)')
  db.close()
  const [good, bad] = runs.map(({ run }: { run: string }) => run)
  const listed = await tutti(cwd, ['runs'])
  expect(listed.out).toMatch(new RegExp(`${bad} .*damaged`))
  expect(listed.code).toBe(0)
  const doctor = await tutti(cwd, ['doctor'], { env: { OPENAI_API_KEY: 'k' } })
  expect(doctor).toMatchObject({ code: 1, out: expect.stringMatching(new RegExp(`✗ journals .*${bad}`)) })
  expect(doctor.out).toMatch(/✓ tokenizer +gpt-tokenizer counts what OpenAI models are sent/)
  expect(await tutti(cwd, ['show', bad])).toMatchObject({ code: 5, err: expect.stringContaining('error JOURNAL_CORRUPT') })
  expect(await tutti(cwd, ['show', good])).toMatchObject({ code: 0, err: '' })
})

test('[R9] a place that cannot be written is said before anything is asked', async () => {
  const cwd = folder({ 'docs/guide.md': guide, file: '' })
  const { code, err } = await tutti(cwd, ask(), { env: { TUTTI_HOME: 'file/home' } })
  expect(err).toMatch(/^error JOURNAL_UNWRITABLE: .+\n {2}\S/m)
  expect(code).toBe(5)
})

/** Root may write everywhere: then another user looks. */
const uid = process.getuid?.() === 0 ? 65_534 : undefined

test.skipIf(process.platform === 'win32')(
  '[R9] a store that may not be written can be read, doctor says so and names what is damaged, and nothing is touched',
  async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    await tutti(cwd, ask())
    await tutti(cwd, ask('What colour are widgets painted?'))
    const file = join(cwd, '.tutti/tutti.db')
    const [good, bad] = parsed(await tutti(cwd, ['runs', '--json'])).runs.map(({ run }: { run: string }) => run)
    const db = new DatabaseSync(file)
    db.exec('UPDATE entries SET body = substr(body, 1, 20) WHERE n = (SELECT min(n) FROM entries)')
    db.close()
    const before = readFileSync(file)
    chmodSync(file, 0o444)
    chmodSync(cwd, 0o755)
    chmodSync(join(cwd, '.tutti'), 0o555)
    expect(await tutti(cwd, ['runs'], { uid })).toMatchObject({ code: 0, out: expect.stringContaining(good) })
    expect(await tutti(cwd, ['show', good], { uid })).toMatchObject({ code: 0, out: expect.stringContaining('completed') })
    const doctor = await tutti(cwd, ['doctor'], { uid })
    expect(doctor.out).toMatch(/✗ store .*it can be read, and not written/)
    expect(doctor.out).toMatch(new RegExp(`✗ journals .*${bad}`))
    expect(doctor.code).toBe(1)
    expect(await tutti(cwd, ['signal', good, 'go', '{}'], { uid })).toMatchObject({ code: expect.not.toBeOneOf([0]) })
    expect(await tutti(cwd, ask(), { uid })).toMatchObject({ code: 5, err: expect.stringContaining('error JOURNAL_UNWRITABLE') })
    chmodSync(join(cwd, '.tutti'), 0o755)
    expect(readFileSync(file)).toEqual(before)
  },
)

test('[R9] doctor calls a store that was never made a note, and one whose log alone is left a problem', async () => {
  const cwd = folder({ 'docs/guide.md': guide })
  expect(await tutti(cwd, ['doctor'])).toMatchObject({ code: 0, out: expect.stringMatching(/– store .*does not exist yet/) })
  await tutti(cwd, ask())
  renameSync(join(cwd, '.tutti/tutti.db'), join(cwd, '.tutti/tutti.db-wal'))
  expect(await tutti(cwd, ['doctor'])).toMatchObject({ code: 1, out: expect.stringMatching(/✗ store .*is gone, and its log is still there/) })
  expect(existsSync(join(cwd, '.tutti/tutti.db'))).toBe(false)
})

test('[R9] a store of a newer version is refused', async () => {
  const cwd = folder({ 'docs/guide.md': guide })
  await tutti(cwd, ask())
  const db = new DatabaseSync(join(cwd, '.tutti/tutti.db'))
  db.exec('PRAGMA user_version = 99')
  db.close()
  expect(await tutti(cwd, ['runs'])).toMatchObject({ code: 5, err: expect.stringContaining('error JOURNAL_NEWER') })
})

test('[G2] a lost index is made again, whatever the mark beside it says', async () => {
  const cwd = folder({ 'docs/guide.md': guide })
  await tutti(cwd, ask())
  const mine = join(cwd, '.tutti/index.db')
  const other = folder({ 'docs/other.md': '# Other\n\nNothing of the kind.\n' })
  await tutti(other, ask())
  copyFileSync(join(other, '.tutti/index.db'), `${mine}.new`)
  for (const part of ['', '-wal', '-shm']) if (existsSync(mine + part)) writeFileSync(mine + part, '')
  const { code, out } = await tutti(cwd, ask())
  expect(out).toContain('three times')
  expect(code).toBe(0)
})

test('[O5] looking at a folder without runs makes nothing in it', async () => {
  const cwd = folder({})
  expect(await tutti(cwd, ['runs'])).toMatchObject({ code: 0, out: '', err: expect.stringContaining('No runs') })
  expect(await tutti(cwd, ['show', 'last'])).toMatchObject({ code: 2, err: expect.stringContaining('error RUN_NOT_FOUND') })
  expect(await tutti(cwd, ['doctor'])).toMatchObject({ code: 0 })
  expect(existsSync(join(cwd, '.tutti'))).toBe(false)
  write(cwd, {})
})
