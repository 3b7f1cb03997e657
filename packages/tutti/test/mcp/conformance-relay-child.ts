/** What the suite starts for each scenario: it hands on what it was given to the client that is there already, and ends as that says. */
const { RELAY_PORT, MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_PROTOCOL_VERSION: version, MCP_CONFORMANCE_CONTEXT: context = '{}' } = process.env
const answer = await fetch(`http://127.0.0.1:${RELAY_PORT}`, { method: 'POST', body: JSON.stringify({ scenario, version, context, url: process.argv.at(-1) }) })
const { ok, said } = (await answer.json()) as { ok: boolean; said: string }
console.log(said)
process.exitCode = ok ? 0 : 1

export {}
