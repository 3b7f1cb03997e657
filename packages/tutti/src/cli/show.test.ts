import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyFlow, agent, flow, signal, sqlite, tool, tutti } from '../index.ts'
import { scripted } from '../testing/index.ts'
import { show } from './show.ts'
import type { Terminal } from './terminal.ts'

/** What `tutti show` prints of one run of the flow. */
async function shown(made: AnyFlow, input: unknown, o: object = {}): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'tutti-show-'))
  let id = ''
  {
    await using app = tutti({ flows: [made], store: sqlite(join(home, 'tutti.db')) })
    id = (await app.run(made, input as never)).id
  }
  return printed(home, id, o)
}

async function printed(home: string, id: string, o: object = {}): Promise<string> {
  let text = ''
  const out = {
    write(part: string) {
      text += part
    },
  }
  expect(await show({ out, err: out, cwd: home, env: {} } as unknown as Terminal, id, { home, ...o })).toBe(0)
  return text
}

test('[O5] a run whose values lie in themselves is shown with them', async () => {
  const order: Record<string, unknown> = { id: 17 }
  order.self = order
  const desk = flow('desk', async (_: null, run) => {
    await run.step('find', () => order)
    return 'found'
  })
  expect(await shown(desk, null, { values: true })).toMatch(/desk\/find\n +\{\n +"id": 17,\n +"self": "\[the same as the whole\]"/)
})

test('[O5] an event is shown by its name, with what it says', async () => {
  const votes = flow('votes', async (_: null, run) => {
    run.emit('votes', [{ answer: 'yes', count: 3 }])
    run.note('nobody was against it')
    return 'yes'
  })
  const lines = (await shown(votes, null)).split('\n').map((line) => line.replaceAll(/ +/g, ' '))
  expect(lines).toContain('├─ – votes [{"answer":"yes","count":3}]')
  expect(lines).toContain('└─ – note nobody was against it')
})

test('[O5][R5] a run that its code no longer fits is shown as diverged, with what to do about it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tutti-show-'))
  const go = signal('go', z.object({}))
  const desk = (step: string) =>
    flow('desk', async (_: null, run) => {
      await run.step(step, () => 1)
      await run.wait(go)
    })
  const opened = (step: string) => tutti({ flows: [desk(step)], store: sqlite(join(home, 'tutti.db')), resume: false })
  let id = ''
  {
    await using app = opened('find')
    const handle = await app.start(desk('find'), null)
    await handle.outcome()
    id = handle.id
  }
  {
    await using app = opened('search')
    await (await app.resume(id)).outcome()
  }
  const text = await printed(home, id)
  expect(text).toMatch(/^desk version 1 +diverged\n/)
  expect(text).toContain(`With the code that it was begun with: \`npx tutti resume ${id}`)
})

test('[O5][C5] a call that was not made is shown below its turn with what the model was told, and a hook with what it said', async () => {
  const pay = tool({ name: 'pay', description: 'Pays.', input: z.object({ usd: z.number() }), effect: 'once', execute: () => 'paid' })
  const model = scripted([{ call: 'search', input: {} }, { call: 'pay', input: { usd: 5 } }, 'done'])
  const desk = agent({ name: 'desk', model, tools: [pay], hooks: { beforeTool: () => ({ deny: 'not today' }), afterAgent: () => ({ replace: 'Done.' }) } })
  const lines = (await shown(desk, 'go')).split('\n').map((line) => line.replaceAll(/ +/g, ' '))
  expect(lines).toContain("│ └─ – search TOOL_UNKNOWN: there is no tool 'search'; you may call pay")
  expect(lines).toContainEqual(expect.stringMatching(/├─ ✓ pay:beforeTool \d+ ms deny: "not today"$/))
  expect(lines).toContain('│ └─ – pay Not allowed: not today')
  expect(lines).toContainEqual(expect.stringMatching(/afterAgent \d+ ms replace: "Done\."$/))
})
