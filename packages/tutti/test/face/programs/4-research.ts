import { agent, cascade, flow, hedge, index, team, tutti } from 'tutti'
import { z } from 'zod'

const Report = z.object({ title: z.string(), sections: z.array(z.object({ heading: z.string(), body: z.string() })) })
const papers = index('papers')
const cheapFirst = cascade(['openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5'], { accept: ({ text }) => text.length > 200 })
const searcher = agent({ name: 'searcher', model: hedge(cheapFirst, { after: 'p95' }), description: 'Finds sources', tools: [papers.asTool()] })
const analyst = agent({ name: 'analyst', description: 'Weighs evidence' })
const critic = agent({ name: 'critic', description: 'Finds gaps', output: z.object({ ok: z.boolean(), gaps: z.array(z.string()) }) })
const research = team('research', {
  style: 'magentic',
  manager: 'anthropic/claude-sonnet-4-5',
  members: [searcher, analyst, critic],
  output: Report,
  limits: { turns: 30, usd: 2 },
})
const lead = agent({ name: 'lead', tools: [searcher.asTool(), research.asTool({ description: 'A whole team' })] })
const checked = flow('checked', async (topic: string, run) => {
  let report = await run.call(research, topic)
  for (let round = 0; round < 3; round++) {
    const verdict = await run.call(critic, JSON.stringify(report))
    if (verdict.ok) break
    report = await run.call(research, `${topic}\nGaps: ${verdict.gaps.join('; ')}`, { budget: { usd: 0.5 } })
  }
  return report
})
await using app = tutti({ flows: [checked, lead] })
const handle = await app.start(checked, 'durable execution', { budget: { usd: 3, onExhausted: 'downgrade' } })
for await (const e of handle.events())
  if (e.type === 'text.delta') process.stdout.write(e.text)
  else if (e.type === 'output.partial') console.log(e.partial.title)
console.log((await handle.result()).output.sections.map((s) => s.heading))
