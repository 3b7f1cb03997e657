import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flow, sqlite, tutti } from '../index.ts'
import { show } from './show.ts'
import type { Terminal } from './terminal.ts'

test('[O5] a run whose values lie in themselves is shown with them', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tutti-show-'))
  const order: Record<string, unknown> = { id: 17 }
  order.self = order
  const desk = flow('desk', async (_: null, run) => {
    await run.step('find', () => order)
    return 'found'
  })
  let id = ''
  {
    await using app = tutti({ flows: [desk], store: sqlite(join(home, 'tutti.db')) })
    const run = await app.start(desk, null)
    await run.result()
    id = run.id
  }
  let shown = ''
  const out = {
    write(text: string) {
      shown += text
    },
  }
  expect(await show({ out, err: out, cwd: home, env: {} } as unknown as Terminal, id, { home, values: true })).toBe(0)
  expect(shown).toMatch(/desk\/find\n +\{\n +"id": 17,\n +"self": "\[the same as the whole\]"/)
})
