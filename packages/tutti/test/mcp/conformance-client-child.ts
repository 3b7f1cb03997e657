/** What the conformance suite has a client do, done by runs of apps with an MCP server among their tools: told by `conformance-relay-child.ts`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { flow, inMemory, type Json, type McpAuth, type McpOptions, mcp, toolQuestion, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

interface Wanted {
  readonly scenario: string
  readonly version: string | undefined
  readonly context: string
  readonly url: string
}
interface Given {
  readonly client_id?: string
  readonly client_secret?: string
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Record<string, Json> }[]
}

/** A person who consents to everything: the authorization server of the suite sends them straight back. */
const consentOf = (scenario: string, given: Given): McpAuth => ({
  redirectUrl: 'http://localhost:3000/callback',
  clientName: 'tutti',
  ...(scenario === 'auth/basic-cimd' ? { clientMetadataUrl: 'https://conformance-test.local/client-metadata.json' } : {}),
  ...(given.client_id === undefined ? {} : { client: { id: given.client_id, secret: given.client_secret } }),
  authorize: async (page) => (await fetch(page, { redirect: 'manual' })).headers.get('location') ?? '',
})

const calls: Record<string, [string, Record<string, Json>][]> = {
  tools_call: [['add_numbers', { a: 5, b: 3 }]],
  'elicitation-sep1034-client-defaults': [['test_client_elicitation_defaults', {}]],
  'sse-retry': [['test_reconnection', {}]],
  'sep-2322-client-request-state': ['test_mrtr_echo_state', 'test_mrtr_no_state', 'test_mrtr_unrelated', 'test_mrtr_no_result_type'].map((name) => [name, {}]),
  'http-invalid-tool-headers': [['valid_tool', { region: 'us-west1' }]],
  'http-standard-headers': [['test_headers', {}]],
  'auth/scope-step-up': [['test-tool', {}]],
  'auth/scope-retry-limit': [['test-tool', {}]],
  'auth/authorization-server-migration': [
    ['test-tool', {}],
    ['test-tool', {}],
  ],
}
/** One scenario, as one run. */
async function drive({ scenario, version, context, url }: Wanted): Promise<{ readonly ok: boolean; readonly said: string }> {
  const given = JSON.parse(context) as Given
  const auth = scenario.startsWith('auth/')
  const options: McpOptions = {
    protocol: version === '2026-07-28' ? version : version === undefined ? undefined : '2025-11-25',
    effects: 'read',
    pin: false,
    ...(auth ? {} : { elicitation: true, sampling: true, roots: ['/srv'] }),
  }
  const server = mcp('server', { url, ...(auth ? { auth: consentOf(scenario, given) } : {}) }, options)
  const wanted =
    given.toolCalls?.map(({ name, arguments: args }): [string, Record<string, Json>] => [
      name,
      Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null)),
    ]) ?? calls[scenario]
  const driven = flow('driven', async (_: null, run): Promise<Json[]> => {
    const outputs: Json[] = []
    // Without a call of its own a scenario wants the list, and a call of whatever it names.
    if (!wanted)
      return [
        await server.call(run, auth ? 'test-tool' : 'no_such_tool', {}).catch((error: { code: string; message: string }) => `${error.code}: ${error.message}`),
      ]
    for (const [tool, input] of wanted) outputs.push(await server.call(run, tool, input))
    return outputs
  })
  const app = tutti({ flows: [driven], store: inMemory(), model: scripted(Array.from({ length: 5 }, () => 'Paris')) })
  try {
    const run = await app.start(driven, null)
    for (;;) {
      const outcome = await run.outcome()
      if (outcome.status === 'completed') return { ok: true, said: JSON.stringify(outcome.output) }
      if (outcome.status === 'failed') return { ok: false, said: `${outcome.error.code}: ${outcome.error.message}` }
      if (outcome.status !== 'waiting') return { ok: false, said: outcome.status }
      const schema = (outcome.for[0]?.data as { schema?: { required?: readonly string[]; properties?: Record<string, { type?: string }> } })?.schema
      const content = Object.fromEntries((schema?.required ?? []).map((field) => [field, schema?.properties?.[field]?.type === 'boolean' ? true : 'Ada']))
      await run.send(toolQuestion, { action: 'accept', content })
    }
  } finally {
    await app.close()
  }
}

const listening = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  response.end(JSON.stringify(await drive(JSON.parse(body) as Wanted).catch((error: unknown) => ({ ok: false, said: String(error) }))))
})
listening.listen(0, '127.0.0.1', () => process.send?.((listening.address() as AddressInfo).port))
