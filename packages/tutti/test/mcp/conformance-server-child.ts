/** What the conformance suite asks of a server, served by our endpoint; what a flow is exposed as stands beside it. */
import {
  acceptedContent,
  createRequestStateCodec,
  inputRequired,
  inputResponse,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { McpEndpoint } from '../../src/server/index.ts'

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA='
const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })
const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' }
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const none = z.object({})
const codec = createRequestStateCodec<{ step: number }>({ key: crypto.getRandomValues(new Uint8Array(32)) })
const nameSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } }, required: ['name'] }
const saidOf = (ctx: ServerContext, key: string): string => JSON.stringify(inputResponse(ctx.mcpReq.inputResponses, key))
const mint = (ctx: ServerContext, step = 1): Promise<string> => codec.mint({ step }, ctx)
const capabilitiesOf = (ctx: ServerContext): Record<string, unknown> =>
  ((ctx.mcpReq.envelope as Record<string, unknown> | undefined)?.['io.modelcontextprotocol/clientCapabilities'] ?? {}) as Record<string, unknown>

function server(): McpServer {
  const made = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    { capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, logging: {}, completions: {} }, requestState: { verify: codec.verify } },
  )
  made.server.setRequestHandler('resources/subscribe', async () => ({}))
  made.server.setRequestHandler('resources/unsubscribe', async () => ({}))
  made.server.setRequestHandler('completion/complete', async ({ params }) => ({
    completion: { values: [`${params.argument.value}-1`], total: 1, hasMore: false },
  }))
  plainTools(made)
  askingTools(made)
  roundTools(made)
  documents(made)
  return made
}

function plainTools(made: McpServer): void {
  const tool = (name: string, answer: (ctx: ServerContext) => unknown): unknown =>
    made.registerTool(name, { description: name, inputSchema: none }, (async (_: unknown, ctx: ServerContext) => answer(ctx)) as never)
  tool('test_simple_text', () => text('This is a simple text response for testing.'))
  tool('test_image_content', () => ({ content: [image] }))
  tool('test_audio_content', () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }))
  const embedded = { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' }
  tool('test_embedded_resource', () => ({ content: [{ type: 'resource', resource: embedded }] }))
  const mixed = { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' }
  tool('test_multiple_content_types', () => ({
    content: [{ type: 'text', text: 'Multiple content types test:' }, image, { type: 'resource', resource: mixed }],
  }))
  tool('test_error_handling', () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }))
  tool('test_tool_with_logging', async (ctx) => {
    for (const said of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', said)
      await pause(50)
    }
    return text('logged')
  })
  // For whoever did not ask for a log: nothing of it may be sent.
  tool('test_logging_tool', async (ctx) => {
    await ctx.mcpReq.log('info', 'Only for those who asked for a log')
    return text('logged')
  })
  tool('test_tool_with_progress', async (ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      await pause(50)
    }
    return text('done')
  })
}

function askingTools(made: McpServer): void {
  made.registerTool('test_sampling', { description: 'Asks a model.', inputSchema: z.object({ prompt: z.string() }) }, async ({ prompt }, ctx) => {
    const { content } = await ctx.mcpReq.requestSampling({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100 })
    return text(`LLM response: ${(content as { text?: string }).text ?? ''}`)
  })
  const said = async (ctx: ServerContext, message: string, properties: Record<string, unknown>, required: string[] = []) => {
    const { action, content } = await ctx.mcpReq.elicitInput({ message, requestedSchema: { type: 'object', properties, required } as never })
    return text(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`)
  }
  const line = (description: string) => ({ type: 'string', description })
  made.registerTool('test_elicitation', { description: 'Asks a person.', inputSchema: z.object({ message: z.string() }) }, async ({ message }, ctx) =>
    said(ctx, message, { username: line("User's response"), email: line("User's email address") }, ['username', 'email']),
  )
  made.registerTool('test_elicitation_sep1034_defaults', { description: 'Proposes answers.', inputSchema: none }, async (_, ctx) =>
    said(ctx, 'Defaults', {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    }),
  )
  const options = ['option1', 'option2', 'option3']
  const titled = (word: string) => [1, 2, 3].map((n) => ({ const: `value${n}`, title: `${['First', 'Second', 'Third'][n - 1]} ${word}` }))
  made.registerTool('test_elicitation_sep1330_enums', { description: 'Lets choose.', inputSchema: none }, async (_, ctx) =>
    said(ctx, 'Enums', {
      untitledSingle: { type: 'string', enum: options },
      titledSingle: { type: 'string', oneOf: titled('Option') },
      legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
      untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
      titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
    }),
  )
}

function roundTools(made: McpServer): void {
  const askName = (message = 'What is your name?') => inputRequired.elicit({ message, requestedSchema: nameSchema })
  const sample = (said: string, maxTokens = 100) =>
    inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: said } }], maxTokens })
  const has = (ctx: ServerContext, key: string): boolean => inputResponse(ctx.mcpReq.inputResponses, key).kind !== 'missing'
  const tool = (name: string, answer: (ctx: ServerContext) => unknown): unknown =>
    made.registerTool(`test_${name}`, { description: name, inputSchema: none }, (async (_: unknown, ctx: ServerContext) => answer(ctx)) as never)
  tool('input_required_result_elicitation', (ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', z.object({ name: z.string() }))
    return answer ? text(`Hello, ${answer.name}!`) : inputRequired({ inputRequests: { user_name: askName() } })
  })
  tool('input_required_result_sampling', (ctx) =>
    has(ctx, 'capital_question')
      ? text(saidOf(ctx, 'capital_question'))
      : inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?') } }),
  )
  tool('input_required_result_list_roots', (ctx) =>
    has(ctx, 'client_roots') ? text(saidOf(ctx, 'client_roots')) : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } }),
  )
  const confirm = () =>
    inputRequired.elicit({ message: 'Please confirm', requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } })
  for (const name of ['input_required_result_request_state', 'input_required_result_tampered_state'])
    tool(name, async (ctx) =>
      has(ctx, 'confirm') && ctx.mcpReq.requestState()
        ? text('state-ok')
        : inputRequired({ inputRequests: { confirm: confirm() }, requestState: await mint(ctx) }),
    )
  tool('input_required_result_multiple_inputs', async (ctx) => {
    if (['user_name', 'greeting', 'client_roots'].every((key) => has(ctx, key))) return text('all there')
    const inputRequests = { user_name: askName(), greeting: sample('Generate a greeting', 50), client_roots: inputRequired.listRoots() }
    return inputRequired({ inputRequests, requestState: await mint(ctx) })
  })
  tool('input_required_result_multi_round', async (ctx) => {
    const step = ctx.mcpReq.requestState<{ step: number }>()?.step
    if (step === 2 && has(ctx, 'step2')) return text('both steps')
    if (step === 1 && has(ctx, 'step1')) {
      const colour = { type: 'object' as const, properties: { color: { type: 'string' as const } }, required: ['color'] }
      const step2 = inputRequired.elicit({ message: 'Step 2: What is your favorite color?', requestedSchema: colour })
      return inputRequired({ inputRequests: { step2 }, requestState: await mint(ctx, 2) })
    }
    return inputRequired({ inputRequests: { step1: askName('Step 1: What is your name?') }, requestState: await mint(ctx) })
  })
  tool('input_required_result_capabilities', (ctx) => {
    const may = capabilitiesOf(ctx)
    const inputRequests = { ...(may.elicitation ? { user_name: askName() } : {}), ...(may.sampling ? { greeting: sample('Generate a greeting') } : {}) }
    return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : text('nothing to ask')
  })
  tool('missing_capability', (ctx) => (has(ctx, 'q') ? text('sampled') : inputRequired({ inputRequests: { q: sample('Say something.') } })))
  tool('streaming_elicitation', (ctx) => (has(ctx, 'user_name') ? text('streamed') : inputRequired({ inputRequests: { user_name: askName() } })))
}

function documents(made: McpServer): void {
  made.registerResource('text', 'test://static-text', { mimeType: 'text/plain' }, async ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
  }))
  made.registerResource('binary', 'test://static-binary', { mimeType: 'image/png' }, async ({ href }) => ({
    contents: [{ uri: href, mimeType: 'image/png', blob: PNG }],
  }))
  made.registerResource('watched', 'test://watched-resource', { mimeType: 'text/plain' }, async ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: 'watched' }],
  }))
  made.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { mimeType: 'application/json' },
    async ({ href }, { id }) => ({
      contents: [{ uri: href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }) }],
    }),
  )
  const user = (content: object) => ({ role: 'user' as const, content: content as never })
  made.registerPrompt('test_simple_prompt', { description: 'Simple.' }, () => ({
    messages: [user({ type: 'text', text: 'This is a simple prompt for testing.' })],
  }))
  made.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Arguments.', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    ({ arg1, arg2 }) => ({
      messages: [user({ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` })],
    }),
  )
  made.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Resource.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        user({ type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }),
        user({ type: 'text', text: 'Please process the embedded resource above.' }),
      ],
    }),
  )
  made.registerPrompt('test_prompt_with_image', { description: 'Image.' }, () => ({
    messages: [user(image), user({ type: 'text', text: 'Please analyze the image above.' })],
  }))
  const context = { type: 'object' as const, properties: { context: { type: 'string' as const } }, required: ['context'] }
  made.registerPrompt('test_input_required_result_prompt', { description: 'Asks first.' }, ((ctx: ServerContext) => {
    const answer = acceptedContent<{ context: string }>(ctx.mcpReq.inputResponses, 'user_context')
    if (answer) return { messages: [user({ type: 'text', text: answer.context })] }
    return inputRequired({
      inputRequests: { user_context: inputRequired.elicit({ message: 'What context should the prompt use?', requestedSchema: context }) },
    })
  }) as never)
}

const { url } = await new McpEndpoint(server).listen(0)
process.send?.(url)
