/** A small MCP server, written with the official library, for both protocol revisions: over stdio, or with a port as argument over HTTP. */
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { acceptedContent, createMcpHandler, inputRequired, inputResponse, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const { DESK_BOOK = '', DESK_DESCRIPTION = 'Adds two numbers.', DESK_STATE = 'state:äöü==' } = process.env
const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })

const Confirmed = z.object({ seats: z.number().default(2), name: z.string() })

function server({ era }: { era: string }): McpServer {
  const modern = era === 'modern'
  const made = new McpServer({ name: 'desk', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } })
  const numbers = z.object({ a: z.number(), b: z.number() })
  made.registerTool('add', { description: DESK_DESCRIPTION, inputSchema: numbers, annotations: { readOnlyHint: true } }, async ({ a, b }) =>
    text(String(a + b)),
  )
  made.registerTool(
    'deposit',
    {
      description: 'Puts money into an account.',
      inputSchema: z.object({ amount: z.number(), how: z.enum(['well', 'dies', 'hangs', 'refuses']).default('well') }),
    },
    async ({ amount, how }, ctx) => {
      if (how === 'refuses') return { ...text(`${amount} is too much`), isError: true }
      appendFileSync(DESK_BOOK, `${amount} ${String(ctx.mcpReq._meta?.['tutti/idempotency-key'] ?? '')}\n`)
      if (how === 'dies') process.exit(1)
      if (how === 'hangs') {
        await new Promise((resolve) => ctx.mcpReq.signal.addEventListener('abort', resolve))
        appendFileSync(DESK_BOOK, 'aborted\n')
      }
      return text(`deposited ${amount}`)
    },
  )
  made.registerTool(
    'count',
    { description: 'Counts its calls; dies at the first.', inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    async () => {
      appendFileSync(DESK_BOOK, 'count\n')
      const { readFileSync } = await import('node:fs')
      const calls = readFileSync(DESK_BOOK, 'utf8').split('count\n').length - 1
      if (calls === 1) process.exit(1)
      return text(`call ${calls}`)
    },
  )
  made.registerTool(
    'walk',
    { description: 'Takes some steps.', inputSchema: z.object({ steps: z.number() }), annotations: { readOnlyHint: true } },
    async ({ steps }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken
      for (let progress = 1; progress <= steps; progress++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        if (progressToken !== undefined)
          await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: steps, message: `step ${progress}` } })
      }
      // The library of the client forgets what comes in one breath with the answer.
      await new Promise((resolve) => setTimeout(resolve, 200))
      return text('there')
    },
  )
  made.registerTool(
    'learn',
    { description: 'Learns a trick, and says so.', inputSchema: z.object({ trick: z.string() }), annotations: { readOnlyHint: true } },
    async ({ trick }) => {
      made.registerTool(trick, { description: 'A trick.', inputSchema: z.object({}), annotations: { readOnlyHint: true } }, async () => text('done'))
      return text('learned')
    },
  )
  made.registerTool('draw', { description: 'Draws.', inputSchema: z.object({}), annotations: { readOnlyHint: true } }, async () => ({
    content: [
      { type: 'text' as const, text: 'a dot' },
      { type: 'image' as const, data: 'aGk=', mimeType: 'image/png' },
      { type: 'resource' as const, resource: { uri: 'file:///notes/dot.txt', text: 'It is round.', mimeType: 'text/plain' } },
    ],
  }))
  made.registerTool(
    'measure',
    { description: 'Measures.', inputSchema: z.object({}), outputSchema: z.object({ width: z.number() }), annotations: { readOnlyHint: true } },
    async () => ({ content: [], structuredContent: { width: 3 } }),
  )
  made.registerTool('book', { description: 'Books a table.', inputSchema: z.object({ day: z.string() }) }, async ({ day }, ctx) => {
    if (!modern) {
      const asked = await ctx.mcpReq.elicitInput(
        { message: `A table on ${day}?`, requestedSchema: z.toJSONSchema(Confirmed, { io: 'input' }) as never },
        { timeout: 2_000_000_000 },
      )
      appendFileSync(DESK_BOOK, `booked ${JSON.stringify(asked)}\n`)
      return text(`${asked.action}: ${JSON.stringify(asked.content ?? null)}`)
    }
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'table')
    if (answer.kind === 'missing') {
      const table = inputRequired.elicit({ message: `A table on ${day}?`, requestedSchema: z.toJSONSchema(Confirmed, { io: 'input' }) as never })
      return inputRequired({ inputRequests: { table }, requestState: DESK_STATE })
    }
    const content = acceptedContent(ctx.mcpReq.inputResponses, 'table', Confirmed)
    appendFileSync(DESK_BOOK, `booked ${JSON.stringify(content)} ${String(ctx.mcpReq.requestState())}\n`)
    return text(`${content ? 'accept' : 'declined'}: ${JSON.stringify(content ?? null)}`)
  })
  made.registerTool('nag', { description: 'Asks for ever.', inputSchema: z.object({}), annotations: { readOnlyHint: true } }, async () =>
    inputRequired({ inputRequests: { roots: inputRequired.listRoots() }, requestState: 'again' }),
  )
  made.registerTool(
    'ask_model',
    { description: 'Asks a model.', inputSchema: z.object({ q: z.string() }), annotations: { readOnlyHint: true } },
    async ({ q }, ctx) => {
      const params = { messages: [{ role: 'user' as const, content: { type: 'text' as const, text: q } }], maxTokens: 50, systemPrompt: 'Be short.' }
      if (!modern) return text(JSON.stringify((await ctx.mcpReq.requestSampling(params)).content))
      const answer = inputResponse(ctx.mcpReq.inputResponses, 'model')
      if (answer.kind === 'missing') return inputRequired({ inputRequests: { model: inputRequired.createMessage(params) } })
      return text(JSON.stringify((answer as { result?: { content: unknown } }).result?.content ?? answer))
    },
  )
  made.registerResource('rules', 'desk://rules', { description: 'The rules.', mimeType: 'text/plain' }, async (uri) => ({
    contents: [{ uri: uri.href, text: 'Be kind.' }],
  }))
  made.registerPrompt('greet', { description: 'Greets.', argsSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}.` } }],
  }))
  return made
}

const port = process.argv[2]
if (port === undefined) serveStdio(server)
else {
  const listening = createServer(toNodeHandler(createMcpHandler(server)) as never)
  listening.listen(Number(port), '127.0.0.1', () => process.send?.((listening.address() as { port: number }).port))
}
