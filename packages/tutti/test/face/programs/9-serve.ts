// The same fetch handler everywhere; the AI SDK's own transport as the client type check.

import { createServer } from 'node:http'
import { openai } from '@ai-sdk/openai'
import { agent, tutti } from 'tutti'

const app = tutti({ flows: [agent({ name: 'hello', model: openai('gpt-5-mini') })] })
export const GET = app.fetch,
  POST = app.fetch // Next
export default { fetch: app.fetch } // Hono mount, Bun, Deno serve, workers
createServer((req, res) => void app.fetch(new Request(`http://localhost${req.url ?? '/'}`)).then(async (r) => res.end(await r.text()))).listen(0)
