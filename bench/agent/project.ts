/** How long a project of so many files of flows takes to type-check, from nothing. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** One file of a project as people write them: a chain of a router and agents with tools, a graph, a flow with steps. */
const fileOf = (n: number): string => `import { agent, chain, flow, graph, route, tool } from 'tutti'
import { z } from 'zod'
const Triage${n} = z.object({ topic: z.enum(['order', 'billing', 'other']), question: z.string() })
const find = tool({ name: 'find', description: 'Finds', input: z.object({ id: z.string(), deep: z.boolean().default(false) }), effect: 'read', execute: ({ id, deep }) => ({ id, deep, at: new Date() }) })
const triage = agent({ name: 'triage', output: Triage${n} })
const on = <N extends string>(name: N) => agent({ name, input: Triage${n}, prompt: (t) => t.question, tools: [find] })
const billing = agent({ name: 'billing', input: Triage${n}, prompt: (t) => t.question, output: z.object({ credit: z.number() }) })
export const desk${n} = chain('desk${n}', triage, route('by-topic', { by: (t) => t.topic, to: { order: on('order'), billing, other: on('other') } }), (answer) => ({ answer }))
export const brief${n} = graph('brief${n}', { input: z.object({ symbol: z.string() }) }, (ticker, g) => {
  const prices = g.node('prices', ticker, (t) => [t.symbol.length])
  const trend = g.node('trend', prices, (p) => (p.at(-1) ?? 0) - (p[0] ?? 0))
  return g.node('join', { trend, prices }, ({ trend, prices }) => ({ trend, prices }))
})
export const report${n} = flow('report${n}', { input: z.object({ ids: z.array(z.string()) }) }, async ({ ids }, run) => {
  const found = await run.map('find', ids, (id) => ({ id }), { concurrency: 4 })
  const { answer } = await run.call(desk${n}, found.map(({ id }) => id).join())
  return run.step('sum', { answer }, (given) => ({ length: JSON.stringify(given).length }))
})
`

export async function compileTime(files: number): Promise<number> {
  const folder = join(root, '.reports/project')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (let n = 0; n < files; n++) writeFileSync(join(folder, `flows-${n}.ts`), fileOf(n))
  writeFileSync(join(folder, 'index.ts'), "export { tutti } from 'tutti'\nexport { z } from 'zod'\n")
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { noEmit: true }, include: ['*.ts'], exclude: [] }),
  )
  const began = performance.now()
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' })
  const took = performance.now() - began
  rmSync(folder, { recursive: true, force: true })
  if (status !== 0) throw new Error(`the project does not type-check:\n${stdout}`)
  return took
}
