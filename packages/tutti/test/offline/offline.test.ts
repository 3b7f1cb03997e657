/** Replay where there is nobody to ask: other processes, with the network, child processes and providers' packages poisoned, and cut off where the machine allows it. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { inMemory, tutti } from '../../src/index.ts'
import { exportRun, isTerminal, type JournalStore, joinValue } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { readRun } from '../../src/run/index.ts'
import { tutti as command, folder, guide } from '../cli/command.ts'
import { kindsOf, recordAll } from './kinds.ts'

/** Linux gives a process a network of its own, without a way out, where unprivileged user namespaces are allowed. */
const cutOff = process.platform === 'linux' && spawnSync('unshare', ['-rn', 'true']).status === 0
const poisoned = ['--import', pathToFileURL(join(import.meta.dirname, 'poison.ts')).href]

/** Runs a program with nobody to ask. */
function alone(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): { code: number | null; out: string; err: string } {
  const line = [process.execPath, ...poisoned, ...args]
  const [program = '', ...rest] = cutOff ? ['unshare', '-rn', ...line] : line
  const { status, stdout, stderr } = spawnSync(program, rest, { cwd, encoding: 'utf8', env: { PATH: process.env.PATH ?? '', HOME: cwd, ...env } })
  return { code: status, out: stdout, err: stderr }
}

/** How a run ended, as its journal holds it: what a replay must give to the byte. */
async function endOf(store: JournalStore, run: string): Promise<unknown> {
  const last = (await readRun(store, run)).findLast(isTerminal)
  if (last?.type === 'run.completed') return joinValue(last.output, (hash) => store.blob(hash))
  return last?.type === 'run.failed' ? `${last.error.code}: ${last.error.message}` : `RUN_CANCELLED: ${last?.reason}`
}

describe('replay with nobody to ask', () => {
  test.each([
    ["import('node:net').then(({ connect }) => connect(9, '127.0.0.1'))", 'net.connect'],
    ["fetch('http://127.0.0.1:9')", 'globalThis.fetch'],
    ["import('node:dns/promises').then(({ lookup }) => lookup('localhost'))", 'dns.promises.lookup'],
    ["import('node:child_process').then(({ spawn }) => spawn('true'))", 'child_process.spawn'],
    ["import('@ai-sdk/openai')", '@ai-sdk/openai'],
  ])('[D1] the poison works: %s ends the process', (program, said) => {
    expect(alone(['--input-type=module', '-e', program], import.meta.dirname)).toMatchObject({ code: 97, err: `poisoned: ${said}\n` })
  })

  test(`[D1] runs of every kind end as they did, to the byte, in another process with the network ${cutOff ? 'cut off and poisoned' : 'poisoned'}`, async () => {
    const store = inMemory()
    const kinds = kindsOf([{ call: 'find', input: { id: '17' } }, 'It was sent.'])
    await using app = tutti({ flows: Object.values(kinds), store })
    const flows = await recordAll(app, store as JournalStore, kinds)
    const lines: Record<string, string[]> = {}
    for (const run of Object.keys(flows)) {
      const of: string[] = []
      for await (const line of exportRun(store as JournalStore, run as RunId)) of.push(line)
      lines[run] = of
    }
    const cwd = folder({})
    writeFileSync(join(cwd, 'runs.json'), JSON.stringify({ flows, lines }))
    const { code, out, err } = alone(['--conditions=tutti-source', join(import.meta.dirname, 'replay-worker.ts'), 'runs.json'], cwd)
    expect([code, err]).toEqual([0, ''])
    const ends = JSON.parse(out) as Record<string, unknown>
    const ended = Object.keys(flows).filter((run) => run !== 'waiting' && run !== 'doubted')
    expect(ended).toHaveLength(8)
    for (const run of ended) expect(JSON.stringify(ends[run]), run).toBe(JSON.stringify(await endOf(store as JournalStore, run)))
    for (const run of ['waiting', 'doubted']) expect(ends[run], run).toBe(`RUN_BUSY: the run '${run}' has not ended, so there is no whole record to replay`)
  }, 30_000)

  test(`[D1] an exported run of the command replays from a clean folder, byte-equal, with the network ${cutOff ? 'cut off and poisoned' : 'poisoned'}`, async () => {
    const [here, there] = [folder({ 'docs/guide.md': guide }), folder({})]
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    const asked = await command(here, ['ask', '--words', '--docs', 'docs', '--json', 'How often is a failed call retried?'])
    const { output, run } = JSON.parse(asked.out) as { output: unknown; run: string }
    expect((await command(here, ['export', 'last', '-o', join(there, 'run.jsonl')])).code).toBe(0)
    const env = { TUTTI_HOME: 'elsewhere' }
    expect(alone([main, 'import', 'run.jsonl'], there, env)).toMatchObject({ code: 0, err: '' })
    const replayed = alone([main, 'replay', run, '--json'], there, env)
    expect(replayed).toMatchObject({ code: 0, err: '' })
    expect(JSON.stringify((JSON.parse(replayed.out) as { output: unknown }).output)).toBe(JSON.stringify(output))
  }, 60_000)
})
