// MCP both ways: this file serves a tool over standard input and output, and an agent in another process of it calls that tool.
import { agent, inMemory, mcp, tool, tutti } from 'tutti'
import { mcpServer } from 'tutti/server'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const inStock: Record<string, number> = { lamp: 3, chair: 0 }

const stock = tool({
  name: 'stock',
  description: 'How many of an article are there.',
  input: z.object({ article: z.string() }),
  output: z.object({ pieces: z.number() }),
  effect: 'read',
  execute: ({ article }) => ({ pieces: inStock[article] ?? 0 }),
})

if (process.argv[2] === 'serve') {
  const app = tutti({ flows: [], store: inMemory() })
  await mcpServer(app, { expose: [stock] }).stdio()
  await app.close()
} else {
  // What stands before the names of its tools is ours: the model reads `shop_stock`.
  const shop = mcp('shop', { command: process.execPath, args: [...process.execArgv, import.meta.filename, 'serve'] })
  const clerk = agent({ name: 'clerk', tools: [shop] })
  const model = scripted([{ call: 'shop_stock', input: { article: 'lamp' } }, 'There are three lamps.'])

  const app = tutti({ flows: [clerk], store: inMemory(), model })
  const { output, id } = await app.run(clerk, 'How many lamps are there?')
  console.log(`the server said: ${/\{"pieces":\d+\}/.exec(model.calls[1]?.prompt ?? '')?.[0]}`)
  console.log(output)
  console.log((await app.replay(id, clerk)).output === output ? 'the replay says the same' : 'the replay said something else')
  await app.close()
}
