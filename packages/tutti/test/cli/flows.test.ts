import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { folder, parsed, tutti } from './command.ts'

const source = pathToFileURL(join(import.meta.dirname, '../../src/index.ts')).href
const app = `
import { agent, chain, flow, route } from '${source}'
const order = agent({ name: 'order' })
const other = flow('other', (text) => { throw new Error('nothing runs') })
const desk = chain('desk', other, route('by-topic', { by: () => 'order', to: { order }, otherwise: other }))
export const flows = [desk, order]
`

const drawn = `flowchart LR
  subgraph g1["desk (chain)"]
  n2["other"]
  subgraph g3["by-topic (route)"]
  n4{"by"}
  n5(["order"])
  n6["otherwise"]
  n4 -->|"order"| n5
  n4 -->|"otherwise"| n6
  end
  n2 --> n4
  end`

describe('flows', () => {
  test('[C4] any flow of a module is drawn as Mermaid, by its name or all of them, and nothing of it runs', async () => {
    const cwd = folder({ 'app.ts': app, 'package.json': '{"type":"module"}' })
    expect(await tutti(cwd, ['flows', 'desk', '--mermaid', '--app', 'app.ts'])).toEqual({ code: 0, out: `${drawn}\n`, err: '' })
    expect((await tutti(cwd, ['flows', '--mermaid', '--app', 'app.ts'])).out).toBe(`${drawn}\n\nflowchart LR\n  n1(["order"])\n`)
    const { flows } = parsed(await tutti(cwd, ['flows', 'desk', '--json', '--mermaid', '--app', 'app.ts']))
    expect(flows).toEqual([{ name: 'desk', version: '1', kind: 'chain', parts: ['other', 'by-topic'], mermaid: drawn }])
  })

  test('[C4] without a drawing they are listed; a name that is not there, and no module, say what to do', async () => {
    const cwd = folder({ 'app.ts': app, 'package.json': '{"type":"module"}' })
    expect((await tutti(cwd, ['flows', '--app', 'app.ts'])).out).toBe('desk  chain, version 1: other, by-topic\norder  agent, version 1\n')
    const lost = await tutti(cwd, ['flows', 'dsk', '--app', 'app.ts'])
    expect([lost.code, lost.err]).toEqual([2, expect.stringMatching(/exports no flow 'dsk'[\s\S]*It exports: desk, order/)])
    expect(await tutti(cwd, ['flows'])).toMatchObject({ code: 2, err: expect.stringContaining('--app app.ts') })
  })
})
