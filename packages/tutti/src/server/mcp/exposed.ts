/** What is exposed, as a factory of MCP servers: each flow, agent or tool a tool; each call a durable run. */
import type { CallToolResult, InputRequiredResult, McpServer, RequestStateCodec, ServerContext } from '@modelcontextprotocol/server'
import { TuttiError } from '../../errors/index.ts'
import { canonical, hash128, type Json, jsonSchemaOf, type ModelSchema, type Scope, shownJson } from '../../primitives/index.ts'
import { type AnyFlow, type Flow, flow, isFlow, type RunHandle, type StartOptions, type Tool } from '../../run/index.ts'
import { isTool, toolApproval, useTool } from '../../tool/index.ts'
import type { McpFactory, ServerPackage } from './server-package.ts'

/** An app, as far as it is needed. */
export interface RunHost {
  // biome-ignore lint/suspicious/noExplicitAny: flows of anything
  start(flow: Flow<any, any>, input: unknown, o: StartOptions): Promise<RunHandle<unknown>>
  get(id: string): Promise<RunHandle<unknown> | undefined>
}

// biome-ignore lint/suspicious/noExplicitAny: flows and tools of anything
export type Exposable = Flow<any, any> | Tool<any, any>

export interface Exposed {
  readonly name: string
  readonly description: string
  readonly inputSchema: ModelSchema
  readonly outputSchema: ModelSchema | undefined
  readonly annotations: { readonly readOnlyHint?: boolean; readonly idempotentHint?: boolean; readonly destructiveHint?: boolean }
  readonly runs: AnyFlow
}

/** @throws CONFIG_INVALID for what cannot be given to a model; TOOL_DUPLICATE */
export function exposedOf(expose: readonly Exposable[]): readonly Exposed[] {
  const names = new Set<string>()
  return expose.map((each) => {
    if (!isFlow(each) && !isTool(each))
      throw new TuttiError('CONFIG_INVALID', 'something that is neither a flow nor a tool is to be exposed', { hint: 'expose: [desk, findOrder]' })
    const tool = (isTool(each) ? each : each.asTool()) as Tool<unknown, unknown>
    const name = tool.name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)
    if (names.has(name)) throw new TuttiError('TOOL_DUPLICATE', `two things are to be exposed as '${name}'`, { data: { tool: name } })
    names.add(name)
    const { description, inputSchema, flow: made } = tool['~tool']
    const outputSchema = objectSchema(made?.['~flow'].outputSchema ?? tool['~tool'].outputSchema)
    const annotations = tool.effect === 'read' ? { readOnlyHint: true } : { readOnlyHint: false, idempotentHint: tool.effect === 'idempotent' }
    return { name, description, inputSchema, outputSchema, annotations, runs: made ?? flowOf(name, tool) }
  })
}

/** Only what is an object can be told as `structuredContent` to clients of every revision. */
function objectSchema(schema: unknown): ModelSchema | undefined {
  try {
    return schema && jsonSchemaOf(schema as ModelSchema, 'output').type === 'object' ? (schema as ModelSchema) : undefined
  } catch {
    return undefined
  }
}

/** A tool by itself is a run of one step. */
function flowOf(name: string, tool: Tool<unknown, unknown>): AnyFlow {
  return flow(name, { input: tool['~tool'].inputSchema }, (input: unknown, run) => useTool(run, tool, input, tool.name)) as unknown as AnyFlow
}

export interface FactoryOptions {
  readonly name: string
  readonly version: string
  readonly instructions: string | undefined
  scopeOf(authInfo: unknown): Partial<Scope> | undefined
}

interface Waiting {
  readonly run: string
  readonly key: string
}

/** Where a client finds the run, and says what makes a repetition harmless. */
const RUN_META = 'tutti/run'
const KEY_META = 'tutti/idempotency-key'

export function factoryOf(sdk: ServerPackage, host: RunHost, exposed: readonly Exposed[], o: FactoryOptions): McpFactory {
  const codec = sdk.createRequestStateCodec<Waiting>({ key: crypto.getRandomValues(new Uint8Array(32)) })
  return () => {
    const server = new sdk.McpServer(
      { name: o.name, version: o.version },
      { capabilities: { tools: {} }, requestState: { verify: codec.verify }, ...(o.instructions === undefined ? {} : { instructions: o.instructions }) },
    )
    for (const each of exposed) register(server, each, (input, ctx) => new ServedCall(sdk, host, each, o, codec, ctx).answer(input))
    return server
  }
}

function register(
  server: McpServer,
  { name, description, inputSchema, outputSchema, annotations }: Exposed,
  answer: (input: unknown, ctx: ServerContext) => Promise<CallToolResult | InputRequiredResult>,
): void {
  const config = { description, inputSchema: inputSchema as never, annotations, ...(outputSchema ? { outputSchema: outputSchema as never } : {}) }
  server.registerTool(name, config, answer as never)
}

/** One call, and the run that answers it. */
class ServedCall {
  readonly #sdk: ServerPackage
  readonly #host: RunHost
  readonly #exposed: Exposed
  readonly #o: FactoryOptions
  readonly #codec: RequestStateCodec<Waiting>
  readonly #ctx: ServerContext

  constructor(sdk: ServerPackage, host: RunHost, exposed: Exposed, o: FactoryOptions, codec: RequestStateCodec<Waiting>, ctx: ServerContext) {
    this.#sdk = sdk
    this.#host = host
    this.#exposed = exposed
    this.#o = o
    this.#codec = codec
    this.#ctx = ctx
  }

  async answer(input: unknown): Promise<CallToolResult | InputRequiredResult> {
    let run: RunHandle<unknown> | undefined
    try {
      run = await this.#run(input)
      return await this.#told(run)
    } catch (error) {
      return failure(error, run?.id)
    }
  }

  /** The run that this call goes on with, else a new one. A key makes it the same one, however often it is asked for. */
  async #run(input: unknown): Promise<RunHandle<unknown>> {
    const { mcpReq } = this.#ctx
    const waiting = mcpReq.requestState<Waiting>()
    if (waiting) {
      const run = await this.#host.get(waiting.run)
      if (!run) throw new TuttiError('RUN_NOT_FOUND', `there is no run '${waiting.run}' any more`)
      const answer = this.#sdk.acceptedContent<{ ok?: boolean; why?: string }>(mcpReq.inputResponses, 'approval')
      await run.send(toolApproval, { ok: answer?.ok === true, ...(answer?.why ? { why: answer.why } : {}) }, { key: waiting.key })
      return run
    }
    const scope = this.#o.scopeOf(this.#ctx.http?.authInfo)
    const key = mcpReq._meta?.[KEY_META]
    const id = typeof key === 'string' ? { id: `mcp-${hash128(canonical([this.#exposed.name, scope ?? null, key]))}` } : {}
    return this.#host.start(this.#exposed.runs as Flow<unknown, unknown>, input, { ...id, ...(scope ? { scope } : {}), labels: { via: 'mcp' } })
  }

  async #told(run: RunHandle<unknown>): Promise<CallToolResult | InputRequiredResult> {
    const { signal } = this.#ctx.mcpReq
    const cancel = (): void => void run.cancel('cancelled by the MCP client').catch(() => {})
    if (signal.aborted) cancel()
    signal.addEventListener('abort', cancel, { once: true })
    const watching = this.#progress(run)
    try {
      const outcome = await run.outcome()
      if (outcome.status === 'completed') return this.#success(outcome.output, run.id)
      if (outcome.status === 'failed' || outcome.status === 'cancelled') return failure(outcome.error, run.id)
      return await this.#waits(run, outcome)
    } finally {
      signal.removeEventListener('abort', cancel)
      watching.stop()
    }
  }

  #success(output: unknown, run: string): CallToolResult {
    const json = shownJson(output)
    const text = typeof json === 'string' ? json : JSON.stringify(json)
    return { content: [{ type: 'text', text }], ...(this.#exposed.outputSchema ? { structuredContent: json as never } : {}), _meta: { [RUN_META]: run } }
  }

  /** A run that waits for the approval of a tool call asks the person at the client, where there is one; any other wait is told. */
  async #waits(run: RunHandle<unknown>, outcome: Awaited<ReturnType<RunHandle<unknown>['outcome']>>): Promise<CallToolResult | InputRequiredResult> {
    const waits = outcome.status === 'waiting' ? outcome.for : []
    const approval = waits.find(({ signal }) => signal === toolApproval.name)
    if (approval && this.#clientCanAsk()) {
      const { tool, input } = (approval.data ?? {}) as { tool?: string; input?: Json }
      const requestedSchema = { type: 'object' as const, properties: { ok: { type: 'boolean' as const }, why: { type: 'string' as const } }, required: ['ok'] }
      const ask = this.#sdk.inputRequired.elicit({ message: `May '${tool}' be called with ${JSON.stringify(input)}?`, requestedSchema })
      const requestState = await this.#codec.mint({ run: run.id, key: approval.key }, this.#ctx)
      return this.#sdk.inputRequired({ inputRequests: { approval: ask }, requestState })
    }
    const what = waits.map(({ signal, key }) => `'${signal}' at ${key}`).join(', ') || outcome.status
    return {
      content: [{ type: 'text', text: `The run ${run.id} is not over: it waits for ${what}. It goes on when it has that: tutti signal ${run.id}.` }],
      isError: true,
      _meta: { [RUN_META]: run.id, 'tutti/status': outcome.status },
    }
  }

  #clientCanAsk(): boolean {
    const envelope = this.#ctx.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined
    const stated = envelope?.[this.#sdk.CLIENT_CAPABILITIES_META_KEY] as { elicitation?: unknown } | undefined
    return Boolean(stated?.elicitation)
  }

  /** Each step that ends is progress; a client that did not ask for any is not told. */
  #progress(run: RunHandle<unknown>): { stop(): void } {
    const { mcpReq } = this.#ctx
    const progressToken = mcpReq._meta?.progressToken
    if (progressToken === undefined) return { stop: () => {} }
    const events = run.events()[Symbol.asyncIterator]()
    let progress = 0
    const told = async (): Promise<void> => {
      for (let next = await events.next(); !next.done; next = await events.next()) {
        const event = next.value
        if (event.type !== 'step.completed') continue
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: ++progress, message: event.key } })
      }
    }
    void told().catch(() => {})
    return { stop: () => void events.return?.(undefined) }
  }
}

/** What went wrong, for a model to read; the code for a program. */
function failure(error: unknown, run: string | undefined): CallToolResult {
  const known = TuttiError.is(error) ? error : undefined
  // What an unknown error says may be nobody else's business.
  const text = known ? `${known.code}: ${known.message}${known.hint ? `\n${known.hint}` : ''}` : 'The run could not be started.'
  return {
    content: [{ type: 'text', text }],
    isError: true,
    _meta: { 'tutti/code': known?.code ?? 'ENGINE_FAILED', ...(run === undefined ? {} : { [RUN_META]: run }) },
  }
}
