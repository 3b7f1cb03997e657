import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { sqliteStore } from '../journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle } from '../run/index.ts'
import { flowsOf } from './app-file.ts'
import { homeOf } from './home.ts'
import { resume } from './resume.ts'
import type { Terminal } from './terminal.ts'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '..', path)).href
/** Two refunds, one after the other, each after its approval. */
const app = `
import { flow } from '${source('run/index.ts')}'
import { callTool, tool } from '${source('tool/index.ts')}'
const input = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }), jsonSchema: { input: () => ({}) } } }
const refund = tool({ name: 'refund', description: 'Refunds.', input, effect: 'once', approve: true, execute: ({ usd }) => 'refunded ' + usd })
const call = async (run, usd, id) => (await callTool(run, refund, { type: 'tool-call', id, tool: 'refund', input: { usd } }, 'refund' + id)).output
export const flows = [flow('desk', async (_, run) => [await call(run, 150, '1'), await call(run, 20, '2')])]
`

/** A run that waits for its first approval, and the person who resumes it, who answers in these words. */
async function resumed(...answers: readonly string[]): Promise<{ code: number; out: string; asked: readonly string[] }> {
  const cwd = mkdtempSync(join(tmpdir(), 'tutti-approve-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'app.ts'), app)
  const [desk] = await flowsOf('app.ts', cwd)
  const engine = new EmbeddedEngine({ store: sqliteStore(homeOf({ cwd, env: {} }, {}).journal), flows: desk ? [desk] : [], resume: false })
  const run = await engine.start(desk as never, null as never)
  await new EmbeddedHandle(engine, run).outcome()
  await engine.close({ graceMs: 0 })
  const asked: string[] = []
  const left = [...answers]
  let out = ''
  const ask = async (question: string): Promise<string | undefined> => {
    asked.push(question)
    return left.shift()
  }
  const silent = { write: () => {} }
  const terminal = { out: { write: (text: string) => (out += text) }, err: silent, cwd, env: {}, onInterrupt: () => () => {}, ask } as unknown as Terminal
  return { code: await resume(terminal, 'last', { app: 'app.ts' }), out, asked }
}

test('[T6] whoever resumes a run at a terminal is asked for each approval there, and the run goes on to its end', async () => {
  const { code, out, asked } = await resumed('y', 'e', '{"usd":5}')
  expect(asked[0]).toMatch(/^Approve \{"tool":"refund","input":\{"usd":150\}\}\? y/)
  expect(JSON.parse(out)).toEqual(['refunded 150', 'refunded 5'])
  expect(code).toBe(0)
})

test('[T6] a call that is denied at the terminal is not made, and the model is told why', async () => {
  const { code, out } = await resumed('n', 'too much', 'y')
  expect(JSON.parse(out)).toEqual(['Not approved: too much', 'refunded 20'])
  expect(code).toBe(0)
})

test('[T6] a call that nobody answers at the terminal goes on waiting', async () => {
  const { code, out, asked } = await resumed('y', '')
  expect(asked).toHaveLength(2)
  expect([code, out]).toEqual([6, ''])
})

test('[T6] whoever says "always" at the terminal is not asked about that tool again in the run', async () => {
  const { code, asked } = await resumed('a')
  expect([code, asked.length]).toEqual([0, 1])
})
