import { openai } from '@ai-sdk/openai'
import { tool as aiTool, type ModelMessage, type UIMessage } from 'ai'
import { adopt, agent, cited, grounded, guardrail, index, mcp, memory, noPromptInjection, redactPii, tool, tutti, uiStream } from 'tutti'
import { z } from 'zod'

declare const orders: { find(tenant: string, id: string, o: { signal: AbortSignal }): Promise<{ id: string; eta: Date } | null> }
const handbook = index('handbook', { rerank: 'local' })
const findOrder = tool({
  name: 'find_order',
  description: 'Finds an order by its number.',
  input: z.object({ orderId: z.string() }),
  effect: 'read',
  execute: ({ orderId }, { signal, scope }) => orders.find(scope.tenant, orderId, { signal }),
})
const fromAiSdk = { weather: aiTool({ description: 'Weather', inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => `${city}: sun` }) }
const noShouting = guardrail({
  name: 'no-shouting',
  on: 'output',
  check: (text) => (text === text.toUpperCase() ? { verdict: 'repair', why: 'all capitals' } : { verdict: 'allow' }),
})
const support = agent({
  name: 'support',
  model: [openai('gpt-5-mini'), 'anthropic/claude-sonnet-4-5', 'tutti/extractive'],
  instructions: 'Answer from the handbook. Cite it.',
  tools: [
    findOrder,
    handbook.asTool(),
    ...adopt(fromAiSdk, { effect: 'read' }),
    mcp('github', { command: 'npx', args: ['server-github'] }, { only: ['search_issues'] }),
  ],
  guardrails: [noPromptInjection(), redactPii({ restore: true }), grounded(), noShouting],
  memory: memory({ facts: true, working: z.object({ name: z.string().optional() }) }),
  output: cited,
})
const app = tutti({ flows: [support, handbook.ingest], tenants: true, budgets: [{ per: 'tenant', every: 'day', usd: 5 }] })
await app.run(handbook.ingest, { from: 'docs/**/*.md' }, { scope: { tenant: 'acme' } })
export async function POST(request: Request): Promise<Response> {
  // a Next.js route handler behind useChat
  const { messages, id } = (await request.json()) as { messages: UIMessage[]; id: string }
  return uiStream(await app.start(support, messages, { scope: { tenant: 'acme', thread: id }, budget: { usd: 0.05 }, deadline: '30s' }))
}
declare const history: ModelMessage[]
const { output } = await app.run(support, history, { scope: { tenant: 'acme' } })
for (const c of output.citations) console.log(c.quote, c.source, c.start)
// @ts-expect-error with tenants: true a scope is required
void app.start(support, 'hello')
