/**
 * Serves what a factory makes, over HTTP and stdio, to clients of both protocol revisions: 2026-07-28 request by request, 2025-11-25 in sessions.
 *
 * Owns: the sessions of the older protocol, who may call (host and origin of the request, a token). Does not own: what is served.
 * Invariants: 1. a request whose `Host` or `Origin` is not one of ours is refused before anything is read (DNS rebinding). 2. A session that is idle for
 * half an hour is forgotten; its client begins another one.
 */
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { AuthInfo, McpHttpHandler } from '@modelcontextprotocol/server'
import type { Awaitable } from '../../run/index.ts'
import { loadNode, loadServer, loadStdioServer, type McpFactory, type ServerPackage } from './server-package.ts'

const SESSION_IDLE_MS = 1_800_000
const MAX_SESSIONS = 1000

export interface EndpointOptions {
  /** Names under which it may be called, beside those of this machine. */
  readonly hosts?: readonly string[] | undefined
  /** Who calls; `undefined`: nobody we know (401). Left out: anybody may. */
  authorize?(request: Request): Awaitable<AuthInfo | undefined>
}

export interface StdioStreams {
  readonly input?: Readable | undefined
  readonly output?: Writable | undefined
}

type SessionTransport = InstanceType<ServerPackage['WebStandardStreamableHTTPServerTransport']>

export class McpEndpoint {
  readonly #factory: McpFactory
  readonly #o: EndpointOptions
  readonly #sessions = new Map<string, { readonly transport: SessionTransport; timer: NodeJS.Timeout }>()
  readonly #listening = new Set<HttpServer>()
  readonly #closers: (() => Promise<void>)[] = []
  #ready: Promise<{ readonly sdk: ServerPackage; readonly modern: McpHttpHandler }> | undefined

  constructor(factory: McpFactory, o: EndpointOptions = {}) {
    this.#factory = factory
    this.#o = o
  }

  /** A web-standard handler. */
  readonly fetch = async (request: Request): Promise<Response> => {
    this.#ready ??= loadServer().then((sdk) => ({ sdk, modern: sdk.createMcpHandler(this.#factory, { legacy: 'reject' }) }))
    const { sdk, modern } = await this.#ready
    const { hosts = [], authorize } = this.#o
    const refused =
      sdk.hostHeaderValidationResponse(request, [...sdk.localhostAllowedHostnames(), ...hosts]) ??
      sdk.originValidationResponse(request, [...sdk.localhostAllowedOrigins(), ...hosts])
    if (refused) return refused
    const authInfo = authorize ? await authorize(request) : undefined
    if (authorize && !authInfo) return new Response('Unauthorized', { status: 401, headers: { 'www-authenticate': 'Bearer' } })
    const who = authInfo ? { authInfo } : {}
    return (await sdk.isLegacyRequest(request)) ? this.#inSession(sdk, request, who) : modern.fetch(request, who)
  }

  /** Listens on this machine alone, unless told otherwise. */
  async listen(port: number, host = '127.0.0.1'): Promise<{ readonly url: string }> {
    const { toNodeHandler } = await loadNode()
    const handler = toNodeHandler(this)
    const server = createServer((request, response) => void handler(request as never, response as never))
    this.#listening.add(server)
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve()))
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}/mcp` }
  }

  /** Speaks to whoever started this process: nothing else may write to its standard output. Resolves when they are gone. */
  async stdio({ input = process.stdin, output = process.stdout }: StdioStreams = {}): Promise<void> {
    const { serveStdio, StdioServerTransport } = await loadStdioServer()
    const over = Promise.withResolvers<void>()
    const transport = new StdioServerTransport(input, output)
    input.once('end', () => over.resolve()).once('close', () => over.resolve())
    const handle = serveStdio(this.#factory, { transport })
    this.#closers.push(async () => {
      over.resolve()
      await handle.close()
    })
    await over.promise
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#closers.map((close) => close()))
    for (const id of [...this.#sessions.keys()]) await this.#forget(id)
    await this.#ready?.then(({ modern }) => modern.close()).catch(() => {})
    for (const server of this.#listening) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    this.#listening.clear()
  }

  async #inSession(sdk: ServerPackage, request: Request, who: { authInfo?: AuthInfo }): Promise<Response> {
    const id = request.headers.get('mcp-session-id')
    const known = id === null ? undefined : this.#sessions.get(id)
    if (known && id !== null) {
      this.#touch(id)
      return known.transport.handleRequest(request, who)
    }
    // The protocol's word for a session that is gone: the client greets again.
    if (id !== null) return Response.json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }, { status: 404 })
    const transport: SessionTransport = new sdk.WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (session) => this.#keep(session, transport),
      onsessionclosed: (session) => void this.#forget(session),
    })
    const server = await this.#factory({ era: 'legacy', ...who, requestInfo: request })
    await server.connect(transport)
    return transport.handleRequest(request, who)
  }

  #keep(id: string, transport: SessionTransport): void {
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) void this.#forget(oldest)
    this.#sessions.set(id, { transport, timer: setTimeout(() => {}, 0) })
    this.#touch(id)
  }

  #touch(id: string): void {
    const session = this.#sessions.get(id)
    if (!session) return
    clearTimeout(session.timer)
    session.timer = setTimeout(() => void this.#forget(id), SESSION_IDLE_MS)
    session.timer.unref()
  }

  async #forget(id: string): Promise<void> {
    const session = this.#sessions.get(id)
    this.#sessions.delete(id)
    clearTimeout(session?.timer)
    await session?.transport.close().catch(() => {})
  }
}
