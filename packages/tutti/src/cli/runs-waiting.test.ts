import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent, type Flow, flow, signal, sqlite, tool, tutti } from '../index.ts'
import { scripted } from '../testing/index.ts'
import { resolve } from './resolve.ts'
import { runs } from './runs.ts'
import { show } from './show.ts'
import type { Terminal } from './terminal.ts'

const Go = signal('go', z.null())
const patient = flow('patient', async (_: null, run) => run.wait(Go))
const pay = flow('pay', async (_: null, run) =>
  run.step(
    'charge',
    () => {
      throw new Error('the line went dead')
    },
    { effect: 'once' },
  ),
)
const receipt = tool({
  name: 'refund',
  description: 'Pays back.',
  input: z.object({}),
  output: z.object({ id: z.string() }),
  effect: 'once',
  execute: (): { id: string } => {
    throw new Error('the line went dead')
  },
})
const done = flow('done', async (_: null, run) => run.step('say', () => 1))

async function listed(home: string, json: boolean): Promise<string> {
  const { terminal, said } = printing(home)
  expect(await runs(terminal, { home, waiting: true, json, limit: 20 })).toBe(0)
  return said()
}

function printing(home: string): { readonly terminal: Terminal; said(): string } {
  let text = ''
  const out = {
    write(part: string) {
      text += part
    },
  }
  return { terminal: { out, err: out, cwd: home, env: {} } as unknown as Terminal, said: () => text }
}

test('[O5][R2] runs --waiting lists what waits for a person too: an effect in doubt, with the command that says what became of it, while it is driven and after', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tutti-runs-'))
  const app = tutti({ flows: [patient, pay, done], store: sqlite(join(home, 'tutti.db')) })
  const start = async (one: Flow<null, unknown>) => {
    const run = await app.start(one, null)
    await run.outcome()
    return run.id
  }
  const [waits, doubts] = [await start(patient), await start(pay)]
  await start(done)
  const isWhole = async (): Promise<void> => {
    const text = await listed(home, false)
    expect(text).toMatch(new RegExp(`${waits} .*\n  waits for 'go' at 'patient/go'\n    npx tutti signal ${waits} .* go JSON`))
    expect(text).toMatch(
      new RegExp(
        `${doubts} .*\n  in doubt whether 'pay/charge' happened: the line went dead\n    npx tutti resolve ${doubts} .*pay/charge --done \\(or --not-done\\)`,
      ),
    )
    const { runs: all } = JSON.parse(await listed(home, true)) as { runs: { run: string; waiting: { signal: string; key: string }[] }[] }
    expect(all.map(({ run }) => run)).toEqual([doubts, waits])
    expect(all[0]?.waiting).toMatchObject([{ signal: 'tutti.resolve', key: 'pay/charge' }])
  }
  await isWhole()
  await app.close()
  await isWhole()
  const { terminal, said } = printing(home)
  expect(await resolve(terminal, doubts, 'pay/charge', { home, done: true })).toBe(0)
  expect(said()).toContain("'pay/charge' happened, and gave nothing (--value says what it gave)")
  expect(await listed(home, false)).not.toContain(doubts)
  expect(await show(terminal, doubts, { home })).toBe(0)
  expect(said()).toMatch(new RegExp(`'pay/charge' happened, as somebody has said .*\n[^]*npx tutti resume ${doubts}`))
})

test('[R2][T1] what somebody says that a call gave has to fit its tool: a slip leaves it in doubt, and is listed', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tutti-runs-'))
  const refunds = agent({ name: 'refunds', tools: [receipt], model: scripted(({ turn }) => (turn === 1 ? { call: 'refund', input: {} } : 'done')) })
  const opened = () => tutti({ flows: [refunds], store: sqlite(join(home, 'tutti.db')), resume: false })
  let run = ''
  {
    await using app = opened()
    const handle = await app.start(refunds, 'go')
    await handle.outcome()
    run = handle.id
  }
  const settled = async (value: string) => {
    await resolve(printing(home).terminal, run, 'refunds/turn:1/refund', { home, done: true, value })
    await using app = opened()
    return (await app.resume(run)).outcome()
  }
  expect(await settled('{"id":17}')).toMatchObject({ status: 'waiting' })
  expect(await listed(home, false)).toMatch(/went dead; somebody said that it was done, but the tool 'refund' answered something else than it declares: id/)
  expect(await settled('{"id":"17"}')).toMatchObject({ status: 'completed', output: 'done' })
})
