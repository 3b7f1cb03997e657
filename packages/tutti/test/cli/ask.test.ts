import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folder, guide, parsed, project, tutti, write } from './command.ts'

const question = 'How often is a failed call retried?'
const ask = ['ask', '--words']

describe('an answer', () => {
  test('[G5] quotes package, version, file and line of what is installed here, each quote found in the file', async () => {
    const cwd = folder(project())
    const { code, out, err } = await tutti(cwd, [...ask, question])
    expect(out).toContain('Set `retries: 3` to try a failed call three times.')
    expect(out).toMatch(/^\[1\] widget@1\.2\.3 {2}node_modules\/widget\/README\.md:7 {2}✓ verified$/m)
    expect(err).toContain('Reading the documentation of 1 package.')
    expect(err).toMatch(/Answered: tutti\/extractive \(no key in the environment and no model server on this machine\)/)
    expect(err).toMatch(/npx tutti show run_\w+/)
    expect(code).toBe(0)
  })

  test('[G5] is JSON whose offsets cut the quote out of the file', async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    const ended = await tutti(cwd, [...ask, '--docs', 'docs', '--json', question])
    const { run, status, output, model } = parsed(ended)
    const [citation] = output.citations
    expect(readFileSync(join(cwd, citation.source), 'utf8').slice(citation.start, citation.end)).toBe(citation.quote)
    expect(citation).toMatchObject({ source: 'docs/guide.md', line: 7, verified: true })
    expect({ run, status, model: model.id }).toEqual({ run: expect.stringMatching(/^run_/), status: 'completed', model: 'tutti/extractive' })
    expect(ended).toMatchObject({ code: 0, err: '' })
  })

  test('[G2] is had without reading anything again while nothing changed, and from the new text once it has', async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    const again = [...ask, '--docs', 'docs', question]
    expect((await tutti(cwd, again)).err).toContain('ingest/documents/scan')
    expect((await tutti(cwd, again)).err).not.toContain('ingest/documents')
    write(cwd, { 'docs/guide.md': guide.replace('three times', 'three times in a row') })
    expect((await tutti(cwd, again)).out).toContain('try a failed call three times in a row')
  })

  test('[G2] comes from the version that is installed now, and never from a package that is gone', async () => {
    const cwd = folder(project())
    await tutti(cwd, [...ask, question])
    write(cwd, project('1.3.0', guide.replace('Widgets\n', 'Widgets, revised\n')))
    expect((await tutti(cwd, [...ask, question])).out).toContain('widget@1.3.0')
    rmSync(join(cwd, 'node_modules/widget'), { recursive: true })
    write(cwd, {
      'package.json': JSON.stringify({ dependencies: { bolt: '*' } }),
      'package-lock.json': JSON.stringify({ packages: { '': { dependencies: { bolt: '*' } }, 'node_modules/bolt': { version: '2.0.0' } } }),
      'node_modules/bolt/package.json': JSON.stringify({ name: 'bolt', version: '2.0.0' }),
      'node_modules/bolt/README.md': '# Bolts\n\nA bolt holds a plate. Turn it to the right.\n',
    })
    const { out } = await tutti(cwd, [...ask, question])
    expect(out).not.toContain('widget')
  })

  test('[O5] shows no escape sequence that a document brings', async () => {
    const cwd = folder({ 'docs/guide.md': '# A\n\nA failed call is \u001b[31mretried\u001b[0m three\u0007 times.\n' })
    const { out } = await tutti(cwd, [...ask, '--docs', 'docs', question])
    expect(out).toContain('A failed call is retried three times.')
    expect(out).not.toMatch(/(?!\n)\p{Cc}/u)
  })

  test('[O5] can be asked from a pipe', async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    const { code, out } = await tutti(cwd, [...ask, '--docs', 'docs', '-'], { input: `${question}\n` })
    expect(out).toContain('three times')
    expect(code).toBe(0)
  })
})

describe('what cannot be answered is said with a code, a hint and an exit code, and without a stack', () => {
  const cases: readonly [title: string, args: readonly string[], code: string, exit: number][] = [
    ['an empty question', [' '], 'CONFIG_USAGE', 2],
    ['no question', [], 'CONFIG_USAGE', 2],
    ['a question of 100 KB', ['x '.repeat(51_200)], 'RETRIEVAL_QUERY_TOO_LONG', 2],
    ['a model that no provider has', [question, '--model', 'nobody/nothing'], 'MODEL_UNKNOWN', 2],
    ['a model whose key is missing', [question, '--model', 'openai/gpt-5-mini'], 'MODEL_KEY_MISSING', 2],
    ['a folder that does not exist', [question, '--docs', 'nowhere'], 'RETRIEVAL_UNREADABLE', 2],
    ['a folder with nothing to read', [question, '--docs', 'empty'], 'RETRIEVAL_EMPTY', 2],
    ['a package that is not installed', [question, '--package', 'nope'], 'RETRIEVAL_EMPTY', 2],
    ['a package without documentation', [question, '--package', 'bare'], 'RETRIEVAL_EMPTY', 2],
    ['places and packages at once', [question, '--docs', 'docs', '--package', 'widget'], 'CONFIG_USAGE', 2],
    ['a deadline that is none', [question, '--deadline', 'soon'], 'CONFIG_INVALID', 2],
    ['a budget that is none', [question, '--budget', 'much'], 'CONFIG_USAGE', 2],
    ['something the documents do not say', ['Quando parte il treno per Lucca?'], 'MODEL_NO_ANSWER', 3],
    ['a deadline that has passed', [question, '--deadline', '0ms'], 'RUN_DEADLINE_EXCEEDED', 4],
  ]
  test.for(cases)('[O5] %s', async ([, args, code, exit]) => {
    const cwd = folder({ ...project(), 'empty/data.bin': '' })
    const ended = await tutti(cwd, [...ask, ...args])
    expect(ended.err).toMatch(new RegExp(`^error ${code}: .+\\n {2}\\S`, 'm'))
    expect(ended.err).not.toMatch(/^\s+at /m)
    expect(ended.code).toBe(exit)
    if (/^(?:CONFIG|MODEL)_/.test(code) && exit === 2) expect(existsSync(join(cwd, '.tutti')), 'a run was begun').toBe(false)
  })

  test('[O5] with --json it is one document on standard output, and nothing on standard error', async () => {
    const cwd = folder(project())
    for (const args of [[' '], ['Quando parte il treno per Lucca?'], [question, '--bogus']]) {
      const ended = await tutti(cwd, [...ask, ...args, '--json'])
      expect(parsed(ended).error).toMatchObject({ code: expect.stringMatching(/^[A-Z]+_/), message: expect.any(String), hint: expect.stringMatching(/\S/) })
      expect(ended.err).toBe('')
    }
  })

  test('[B1] a budget that the first call does not fit ends it before anything is sent', async () => {
    const cwd = folder(project())
    const env = { OPENAI_API_KEY: 'none', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }
    const { code, err } = await tutti(cwd, [...ask, question, '--model', 'openai/gpt-5-mini', '--budget', '0.000001'], { env })
    expect(err).toContain('error BUDGET_EXCEEDED')
    expect(code).toBe(4)
  })

  test('[O5] a folder without a project says how to name documents', async () => {
    const { code, err } = await tutti(folder({}), [...ask, question])
    expect(err).toMatch(/error RETRIEVAL_EMPTY: no packages are installed[\s\S]*--docs/)
    expect(code).toBe(2)
  })
})
