/**
 * One MCP server, as an app sees it: its connections, what was found out of it, the calls that are under way.
 *
 * Owns: connections, by user where each has one; the list of tools until the server says that it changed; open calls of the older protocol.
 * Does not own: recording, retries and doubt (the run core decides by the effect of the tool), rounds (`conversation.ts`), approvals (`pins.ts`).
 * Invariants: 1. our own abort is looked at before any error of the connection. 2. A call that may have been carried out is never repeated here.
 * 3. A question of a server reaches the run whose call it belongs to, and no other.
 * On a crash a call under way has no outcome: what becomes of it is decided by its effect.
 */
import type { Tool } from '@modelcontextprotocol/client'
import { notDone, TuttiError } from '../../errors/index.ts'
import { canonical, type Json } from '../../primitives/index.ts'
import type { EffectContext, StepContext } from '../../run/index.ts'
import type { OpenSource, SourcedTool, SourceGround } from '../source.port.ts'
import type { Client, ClientPackage } from './client-package.ts'
import { Connection, NO_TIMEOUT_MS, Verdict } from './connection.ts'
import { isRound, type Round } from './conversation.ts'
import { failedCall, unreachable, wantsNewSession } from './failure.ts'
import { callExtra, definitionOf, extraOf, offeredTools } from './offer.ts'
import { OpenCall } from './open-call.ts'
import { isPerUser, type McpOptions, type McpServer } from './options.ts'
import { type McpOutcome, refusal } from './outcome.ts'
import { approvedTools, type Pins } from './pins.ts'

/** Calls that wait for an answer: the oldest is given up for a new one. */
const MAX_OPEN = 200
/** Where a server that looks for it finds what makes a repetition harmless. */
const KEY_META = 'tutti/idempotency-key'

export interface ServerDeclaration {
  readonly id: string
  readonly server: McpServer
  readonly options: McpOptions
}

/** A connection, and the call that is under way on it. */
interface Line {
  readonly connection: Connection
  readonly partition: string
  call: OpenCall | undefined
}

export class OpenServer implements OpenSource {
  readonly #o: ServerDeclaration
  readonly #ground: SourceGround
  readonly #pins: Pins
  readonly #verdict = new Verdict()
  /** By user. Used by all calls of it, unless the server may ask back on it. */
  readonly #lines = new Map<string, Line>()
  readonly #idle: Line[] = []
  readonly #open = new Map<string, { readonly call: OpenCall; readonly line: Line }>()
  readonly #listed = new Map<string, readonly Tool[]>()
  /** How often a server has said that its tools changed: a list that was asked for before that is not kept. */
  #changes = 0
  #every = new Set<Line>()

  constructor(o: ServerDeclaration, ground: SourceGround, pins: Pins) {
    this.#o = o
    this.#ground = ground
    this.#pins = pins
  }

  /** The process ids of what was started for it. */
  get pids(): readonly number[] {
    return [...this.#every].flatMap(({ connection }) => connection.pid ?? [])
  }

  async list(ctx: StepContext): Promise<readonly SourcedTool[]> {
    const offered = await this.offered(ctx)
    const { pin = 'first-use' } = this.#o.options
    if (pin) await approvedTools(this.#pins, this.#o.id, offered, pin)
    return offered
  }

  /** What it offers now, approved or not. */
  async offered(ctx: Pick<StepContext, 'scope' | 'signal' | 'heartbeat'>): Promise<readonly SourcedTool[]> {
    const { id, options } = this.#o
    const partition = this.#partition(ctx)
    const line = this.#line(ctx, partition)
    const { client, sdk } = await line.connection.client()
    const known = this.#listed.get(partition)
    if (known) return offeredTools(id, known, options)
    const changes = this.#changes
    try {
      const { tools } = await this.#again(line, sdk, client, (open) => open.listTools(undefined, { signal: ctx.signal, timeout: NO_TIMEOUT_MS }))
      // A server that says when they change need not be asked again until it does.
      if (changes === this.#changes && client.getServerCapabilities()?.tools?.listChanged) this.#listed.set(partition, tools)
      return offeredTools(id, tools, options)
    } catch (error) {
      ctx.signal.throwIfAborted()
      throw unreachable(id, error, { sdk })
    }
  }

  async call(tool: SourcedTool, input: unknown, ctx: StepContext): Promise<McpOutcome> {
    ctx.signal.throwIfAborted()
    const round = isRound(input) ? input : undefined
    const ticket = round?.ticket === undefined ? undefined : this.#open.get(round.ticket)
    if (ticket && round) {
      this.#open.delete(ticket.call.ticket)
      ticket.call.answer(round.answers)
      return this.#next(ticket.call, ticket.line, tool, ctx)
    }
    if (round?.ticket !== undefined && tool.effect === 'once')
      throw new TuttiError('TOOL_OUTCOME_UNKNOWN', `the call of '${tool.name}' ended with the process that made it, in the midst of a question`, {
        data: { source: this.#o.id, tool: tool.name },
      })
    return this.#begin(tool, round, round ? round.arguments : input, ctx)
  }

  async close(): Promise<void> {
    for (const { call } of this.#open.values()) call.close()
    const every = [...this.#every]
    this.#every = new Set()
    await Promise.allSettled(every.map(({ connection }) => connection.drop()))
  }

  async #begin(tool: SourcedTool, round: Round | undefined, args: unknown, ctx: StepContext): Promise<McpOutcome> {
    const line = this.#take(ctx)
    const open = new OpenCall(new Map((round?.known ?? []).map(([question, answer]) => [canonical(question), answer])))
    let ready: { client: Client; sdk: ClientPackage }
    try {
      ready = await line.connection.client()
    } catch (error) {
      this.#release(line)
      ctx.signal.throwIfAborted()
      // Nothing was asked of it: a tool that must not be repeated is not in doubt.
      if (tool.effect === 'once' && TuttiError.is(error, 'TOOL_SOURCE_UNREACHABLE')) throw notDone(error.message, { cause: error, data: error.data })
      throw error
    }
    line.call = open
    open.begin(this.#exchange(line, ready, { tool, args, round, ctx, open }))
    return this.#next(open, line, tool, ctx, ready.sdk)
  }

  async #next(open: OpenCall, line: Line, tool: SourcedTool, ctx: StepContext, sdk?: ClientPackage): Promise<McpOutcome> {
    try {
      const outcome = await open.next(ctx.signal)
      if ('ticket' in outcome && outcome.ticket !== undefined) this.#keep(open, line)
      else this.#release(line)
      return outcome
    } catch (error) {
      this.#release(line)
      // The library says 'timeout' for our own abort too.
      ctx.signal.throwIfAborted()
      const { id } = this.#o
      throw TuttiError.is(error) ? error : failedCall({ id, tool: tool.name, error, sdk: sdk ?? (await line.connection.client()).sdk })
    }
  }

  async #exchange(
    line: Line,
    { client, sdk }: { client: Client; sdk: ClientPackage },
    o: { tool: SourcedTool; args: unknown; round: Round | undefined; ctx: StepContext; open: OpenCall },
  ): Promise<McpOutcome> {
    const { tool, args, round, ctx, open } = o
    const request = { signal: open.signal, timeout: NO_TIMEOUT_MS, onprogress: (progress: Progress) => showProgress(ctx, progress) }
    const extra = extraOf(tool)
    try {
      return await this.#again(line, sdk, client, async (connected) => {
        if (extra) return callExtra(connected, extra, args, request)
        const answered =
          round?.ticket === undefined && round ? { inputResponses: round.answers, ...(round.state === undefined ? {} : { requestState: round.state }) } : {}
        const params = { name: tool.name, arguments: args as Record<string, unknown>, _meta: { [KEY_META]: ctx.idempotencyKey }, ...answered }
        const result = await connected.callTool(params as never, { ...request, toolDefinition: definitionOf(tool), allowInputRequired: true })
        return outcomeOf(result)
      })
    } catch (error) {
      if (open.signal.aborted || !sdk.ProtocolError.isInstance(error)) throw error
      if (error instanceof sdk.UrlElicitationRequiredError && this.#o.options.elicitation) return urlQuestions(error.elicitations)
      return refusal(`${error.message} (${error.code})`)
    }
  }

  /** Once more after what turned us away at the door and can be mended: a session that is gone, a consent that a person has given meanwhile. */
  async #again<T>(line: Line, sdk: ClientPackage, client: Client, ask: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await ask(client)
    } catch (error) {
      const mended = error instanceof sdk.UnauthorizedError ? await line.connection.consented() : wantsNewSession(error, sdk)
      if (!mended) throw error
      await line.connection.drop()
      return ask((await line.connection.client()).client)
    }
  }

  /** A line for one call: of its own where the server may ask back on it, so that its questions are those of this call. */
  #take(ctx: StepContext): Line {
    const partition = this.#partition(ctx)
    if (!this.#asksBack()) return this.#line(ctx, partition)
    const at = this.#idle.findIndex((line) => line.partition === partition)
    return at >= 0 ? (this.#idle.splice(at, 1)[0] as Line) : this.#connect(ctx, partition)
  }

  #release(line: Line): void {
    line.call = undefined
    if (!this.#asksBack()) {
      if (!this.#lines.has(line.partition)) this.#lines.set(line.partition, line)
      return
    }
    if (this.#lines.get(line.partition) !== line && !this.#idle.includes(line)) this.#idle.push(line)
  }

  #asksBack(): boolean {
    const { elicitation, sampling } = this.#o.options
    return Boolean(elicitation || sampling) && this.#verdict.prior?.kind !== 'modern'
  }

  #keep(call: OpenCall, line: Line): void {
    const oldest = this.#open.size >= MAX_OPEN ? this.#open.entries().next().value : undefined
    if (oldest) {
      this.#open.delete(oldest[0])
      oldest[1].call.close()
    }
    this.#open.set(call.ticket, { call, line })
  }

  #line(ctx: Pick<StepContext, 'scope'>, partition: string): Line {
    const line = this.#lines.get(partition) ?? this.#connect(ctx, partition)
    this.#lines.set(partition, line)
    return line
  }

  #connect({ scope }: Pick<StepContext, 'scope'>, partition: string): Line {
    const ground = this.#ground
    const verdict = this.#verdict
    const connection = new Connection({
      ...this.#o,
      ground,
      verdict,
      scope,
      partition,
      onToolsChanged: () => {
        this.#changes++
        this.#listed.delete(partition)
      },
      onQuestion: (method, params) => {
        if (!line.call) throw new Error('no call is under way that this could belong to')
        return line.call.ask({ method, params: params as Json })
      },
    })
    const line: Line = { connection, partition, call: undefined }
    this.#every.add(line)
    return line
  }

  #partition({ scope }: Pick<StepContext, 'scope'>): string {
    return isPerUser(this.#o.server) ? `${scope.tenant}/${scope.user ?? ''}` : ''
  }
}

interface Progress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** A sign of life, and something to show. */
function showProgress(ctx: StepContext, { progress, total, message }: Progress): void {
  ctx.heartbeat()
  const shown = { progress, ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) }
  ;(ctx as Partial<EffectContext>).stream?.({ type: 'progress', ...shown })
}

function outcomeOf(result: unknown): McpOutcome {
  const { resultType, inputRequests = {}, requestState } = result as { resultType?: string; inputRequests?: Record<string, unknown>; requestState?: string }
  if (resultType !== 'input_required') return { result: JSON.parse(JSON.stringify(result)) as Json }
  return { questions: JSON.parse(JSON.stringify(inputRequests)), ...(requestState === undefined ? {} : { state: requestState }) }
}

/** A server of the older protocol that wants a person to open a page first, and to be called again. */
const urlQuestions = (elicitations: readonly unknown[]): McpOutcome => ({
  questions: Object.fromEntries(elicitations.map((params, i) => [`q${i + 1}`, { method: 'elicitation/create', params: params as Json }])),
})
