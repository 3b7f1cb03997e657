import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, guide, parsed, tutti } from './command.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src', path)).href
const ask = ['ask', '--words', '--docs', 'docs', 'How often is a failed call retried?']

/** Flows of a user's own: one that waits, one whose effect is in doubt, one that fails. */
const app = `
import { flow, signal } from '${source('run/index.ts')}'
const Go = signal('go', { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } })
const patient = flow('patient', async (_, run) => { await run.step('before', () => 1); return run.wait(Go) })
const pay = flow('pay', async (amount, run) => run.step('charge', amount, () => { throw new Error('the line went dead') }, { effect: 'once' }))
const list = flow('list', async (count, run) => run.map('item', Array.from({ length: count }, (_, i) => i), (i) => { if (i === 7) throw new Error('seven'); return i }, { onError: 'collect' }))
export const flows = [patient, pay, list]
`
const begin = `
import { flows } from './app.ts'
import { EmbeddedEngine, EmbeddedHandle } from '${source('run/index.ts')}'
import { sqliteStore } from '${source('journal/index.ts')}'
const [, , name, input] = process.argv
const engine = new EmbeddedEngine({ store: sqliteStore('.tutti/tutti.db'), flows, resume: false })
const run = await engine.start(flows.find((flow) => flow.name === name), JSON.parse(input ?? 'null'))
await new EmbeddedHandle(engine, run).outcome()
await engine.close({ graceMs: 0 })
`

async function started(name: string, input: unknown): Promise<string> {
  const cwd = folder({ 'app.ts': app, 'begin.ts': begin, 'package.json': '{"type":"module"}' })
  const { spawnSync } = await import('node:child_process')
  const { stderr } = spawnSync(process.execPath, ['begin.ts', name, JSON.stringify(input)], { cwd, encoding: 'utf8' })
  expect(stderr).toBe('')
  return cwd
}

describe('show', () => {
  test('[O5] holds every step of a finished run with its time, its model and why, and the totals', async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    await tutti(cwd, ask)
    const { code, out } = await tutti(cwd, ['show', 'last'])
    for (const step of [
      'check',
      'ingest',
      'sources',
      'documents',
      'scan',
      'document:0',
      'remove',
      'mark',
      'answer',
      'turn:1',
      'search_docs',
      'turn:2',
      'verify',
    ]) {
      expect(out).toMatch(new RegExp(`[·✓] ${step}\\b`))
    }
    expect(out).toMatch(/✓ turn:2 +\d+ ms +\d+ in, \d+ out +\$0 +tutti\/extractive \(no key/)
    expect(out).toMatch(/^\d+ steps · 2 model calls · 1 tool call · \d+ tokens in, \d+ out · \$0$/m)
    expect(code).toBe(0)
  })

  test('[O5] prints the entries as they are with --json, and inputs and outputs with --values', async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    await tutti(cwd, ask)
    const { run, entries } = parsed(await tutti(cwd, ['show', 'last', '--json']))
    expect(entries.map(({ seq }: { seq: number }) => seq)).toEqual(entries.map((_: unknown, i: number) => i + 1))
    expect([entries[0].type, entries.at(-1).type, run.status]).toEqual(['run.started', 'run.completed', 'completed'])
    expect((await tutti(cwd, ['show', run.run.slice(-8), '--values'])).out).toMatch(/tutti\.ask\/verify\n[\s\S]*"verified": true/)
  })

  test('[O5] makes one line of many items, and says which of them failed', async () => {
    const cwd = await started('list', 12)
    const { out } = await tutti(cwd, ['show', 'last'])
    expect(out).toMatch(/✗ item ×12 .*1 failed/)
    expect(out).toMatch(/✗ item:7 .*RUN_STEP_FAILED: seven/)
    expect((await tutti(cwd, ['show', 'last', '--all'])).out.match(/item:\d+/g)).toHaveLength(12)
  })
})

describe('runs', () => {
  test('[O5] are listed newest first, filtered by status and flow', async () => {
    const cwd = await started('patient', null)
    await tutti(cwd, ask.with(3, 'app.ts'))
    const all = parsed(await tutti(cwd, ['runs', '--json'])).runs
    expect(all.map(({ flow }: { flow: string }) => flow)).toEqual(['tutti.ask', 'patient'])
    expect(parsed(await tutti(cwd, ['runs', '--status', 'waiting', '--json'])).runs).toMatchObject([{ flow: 'patient', status: 'waiting' }])
    expect(parsed(await tutti(cwd, ['runs', '--flow', 'tutti.ask', '--limit', '1', '--json'])).runs).toHaveLength(1)
    expect(await tutti(cwd, ['runs', '--status', 'happy'])).toMatchObject({ code: 2, err: expect.stringContaining('error CONFIG_USAGE') })
  })
})

describe('resume', () => {
  test('[R4] of a run that waits says for what, with an exit code of its own', async () => {
    const cwd = await started('patient', null)
    const ended = await tutti(cwd, ['resume', 'last', '--app', 'app.ts'])
    expect(ended).toMatchObject({ code: 6, err: expect.stringContaining("the signal 'go'") })
  })

  test("[R1] of a flow that is not the command's own says how to name its module", async () => {
    const cwd = await started('patient', null)
    expect(await tutti(cwd, ['resume', 'last'])).toMatchObject({ code: 2, err: expect.stringMatching(/error CONFIG_FLOW_UNKNOWN[\s\S]*--app/) })
    expect(await tutti(cwd, ['resume', 'last', '--app', 'nowhere.ts'])).toMatchObject({ code: 2, err: expect.stringContaining('error CONFIG_USAGE') })
  })

  test('[R2] goes on after a person has said what became of an effect in doubt', async () => {
    const cwd = await started('pay', 40)
    expect(await tutti(cwd, ['resume', 'last', '--app', 'app.ts'])).toMatchObject({ code: 6, err: expect.stringContaining('--done (or --not-done)') })
    expect((await tutti(cwd, ['resolve', 'last', 'pay/charge'])).code).toBe(2)
    expect(await tutti(cwd, ['resolve', 'last', 'pay/other', '--done'])).toMatchObject({ code: 2, err: expect.stringContaining('pay/charge') })
    expect((await tutti(cwd, ['resolve', 'last', 'pay/charge', '--done', '--value', '"receipt 17"'])).code).toBe(0)
    const ended = await tutti(cwd, ['resume', 'last', '--app', 'app.ts'])
    expect(ended.out).toContain('receipt 17')
    expect(ended.code).toBe(0)
  })
})

describe('replay', () => {
  test('[D1] has the same output without asking anyone', async () => {
    const cwd = folder({ 'docs/guide.md': guide })
    const { output } = parsed(await tutti(cwd, [...ask, '--json']))
    const replayed = await tutti(cwd, ['replay', 'last', '--json'])
    expect(parsed(replayed)).toMatchObject({ same: true, output })
    expect(replayed.code).toBe(0)
  })
})

describe('doctor', () => {
  test('[O5] names the keys it finds and never shows them, and what would answer', async () => {
    const cwd = folder({})
    const { code, out } = await tutti(cwd, ['doctor'], { env: { OPENAI_API_KEY: 'sk-very-secret' } })
    expect(out).toContain('OPENAI_API_KEY')
    expect(out).not.toContain('very-secret')
    expect(out).toMatch(/model +openai\/\S+ answers: OPENAI_API_KEY is set/)
    expect(code).toBe(0)
  })

  test('[O5] lists a run that nobody drives with the command that goes on with it', async () => {
    const cwd = await started('patient', null)
    const { findings } = parsed(await tutti(cwd, ['doctor', '--json']))
    expect(findings.map(({ what }: { what: string }) => what)).toEqual(
      expect.arrayContaining(['node', 'sqlite', 'store', 'disk', 'runs', 'journals', 'embedding', 'model', 'keys', 'providers', 'packages']),
    )
    expect(findings.find(({ what }: { what: string }) => what === 'runs').says).toBe('1 waiting')
  })
})

test('[O5] --help is quick, lists the exit codes, and without a command it is shown as a mistake', async () => {
  const cwd = folder({})
  const help = await tutti(cwd, ['--help'])
  expect(help.out).toMatch(/Exit codes:[\s\S]*130 +interrupted/)
  expect([help.code, (await tutti(cwd, [])).code, (await tutti(cwd, ['bogus'])).code]).toEqual([0, 2, 2])
})
