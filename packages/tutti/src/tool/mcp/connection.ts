/**
 * One connection to one server: made when it is first needed, made again when it was lost. A killed child is started anew; which protocol the server
 * speaks is found out once, not at every start.
 */
import { pathToFileURL } from 'node:url'
import type { ClientOptions, ConnectOptions, Transport } from '@modelcontextprotocol/client'
import type { Scope } from '../../primitives/index.ts'
import type { SourceGround } from '../source.port.ts'
import { type Client, type ClientPackage, loadClient, loadStdio } from './client-package.ts'
import { unreachable } from './failure.ts'
import { inOrder } from './in-order.ts'
import { type Authorization, authorizationOf } from './oauth.ts'
import { isCommand, type McpOptions, type McpServer } from './options.ts'

type Prior = NonNullable<ConnectOptions['prior']>
/** A server is only ever taken for an older one for so long: it may have been updated. */
const VERDICT_MS = 3_600_000
/** Longer than any call: how long one may take is for the run to say. */
export const NO_TIMEOUT_MS = 2_147_483_647
const CONNECT_MS = 30_000
/** Characters. */
const COMPLAINT_LENGTH = 2000

/** What was found out of a server, for all connections to it. */
export class Verdict {
  #prior: Prior | undefined
  #at = 0

  get prior(): Prior | undefined {
    return this.#prior && (this.#prior.kind === 'modern' || Date.now() - this.#at < VERDICT_MS) ? this.#prior : undefined
  }

  learn(client: Client): void {
    const discover = client.getDiscoverResult()
    this.#prior = client.getProtocolEra() === 'modern' && discover ? { kind: 'modern', discover } : { kind: 'legacy' }
    this.#at = Date.now()
  }

  forget(): void {
    this.#prior = undefined
  }
}

export interface ConnectionOptions {
  readonly id: string
  readonly server: McpServer
  readonly options: McpOptions
  readonly ground: SourceGround
  readonly verdict: Verdict
  readonly scope: Readonly<Scope>
  /** Whose answers may be kept together: a user, where each has a connection. */
  readonly partition: string
  /** What a server of the older protocol asks in the midst of a call. */
  onQuestion(method: 'elicitation/create' | 'sampling/createMessage', params: unknown): Promise<unknown>
  onToolsChanged(): void
}

export class Connection {
  readonly #o: ConnectionOptions
  #client: Promise<Client> | undefined
  #sdk: ClientPackage | undefined
  #transport: Transport | undefined
  #authorization: Authorization | undefined
  /** The last words of a child's standard error: why it could not be started. */
  #complaints = ''

  constructor(o: ConnectionOptions) {
    this.#o = o
  }

  /** The process id of a server that is a child of this process. */
  get pid(): number | undefined {
    return (this.#transport as { pid?: number | null } | undefined)?.pid ?? undefined
  }

  /** @throws TOOL_SOURCE_UNREACHABLE | CONFIG_PACKAGE_MISSING */
  async client(): Promise<{ readonly client: Client; readonly sdk: ClientPackage }> {
    this.#sdk ??= await loadClient(this.#o.ground)
    this.#client ??= this.#connected(this.#sdk)
    try {
      return { client: await this.#client, sdk: this.#sdk }
    } catch (error) {
      this.#client = undefined
      throw unreachable(this.#o.id, error, { sdk: this.#sdk, says: this.#complaints.trim() })
    }
  }

  /** What a person has consented to meanwhile is handed over; true: it is worth trying again. */
  async consented(): Promise<boolean> {
    const params = await this.#authorization?.consented?.()
    if (!params) return false
    await (this.#transport as { finishAuth?(params: URLSearchParams): Promise<void> }).finishAuth?.(params)
    return true
  }

  /** The next call makes a new one. */
  async drop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.then((open) => open.close()).catch(() => {})
  }

  async #connected(sdk: ClientPackage): Promise<Client> {
    const { verdict } = this.#o
    for (let consents = 0; ; consents++) {
      const { prior } = verdict
      try {
        return await this.#connect(sdk, prior)
      } catch (error) {
        if (error instanceof sdk.UnauthorizedError && consents < 2 && (await this.consented())) continue
        // A verdict that does not hold any more is found out anew, once.
        if (!prior || error instanceof sdk.UnauthorizedError) throw error
        verdict.forget()
      }
    }
  }

  async #connect(sdk: ClientPackage, prior: Prior | undefined): Promise<Client> {
    const { protocol } = this.#o.options
    const client = new sdk.Client({ name: 'tutti', version: '1' }, this.#clientOptions())
    this.#listen(client)
    const transport = await this.#transportOf(sdk)
    this.#transport = transport
    client.onclose = () => {
      // Only of the connection that is in use: an older one may close late.
      if (this.#transport !== transport) return
      this.#client = undefined
      // Whoever answers next may be another version of the server.
      this.#o.onToolsChanged()
    }
    try {
      await client.connect(transport, { timeout: CONNECT_MS, ...(prior && !protocol ? { prior } : {}) })
    } catch (error) {
      await client.close().catch(() => {})
      throw error
    }
    this.#o.verdict.learn(client)
    return client
  }

  #clientOptions(): ClientOptions {
    const { options, partition, onToolsChanged } = this.#o
    const { protocol, elicitation, sampling, roots } = options
    return {
      capabilities: {
        ...(elicitation ? { elicitation: { form: { applyDefaults: true }, url: {} } } : {}),
        ...(sampling ? { sampling: {} } : {}),
        ...(roots ? { roots: {} } : {}),
      },
      versionNegotiation: { mode: protocol === undefined ? 'auto' : protocol === '2025-11-25' ? 'legacy' : { pin: protocol } },
      inputRequired: { autoFulfill: false },
      // What is called when tools change, instead of a handler of our own, which would silence the library's.
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => onToolsChanged() } },
      ...(partition === '' ? {} : { cachePartition: partition }),
    }
  }

  /** Only a server of the older protocol sends requests; a newer one answers with what it needs. */
  #listen(client: Client): void {
    const { options, onQuestion } = this.#o
    if (options.elicitation) client.setRequestHandler('elicitation/create', async ({ params }) => (await onQuestion('elicitation/create', params)) as never)
    if (options.sampling)
      client.setRequestHandler('sampling/createMessage', async ({ params }) => (await onQuestion('sampling/createMessage', params)) as never)
    if (options.roots) client.setRequestHandler('roots/list', async () => rootsOf(options.roots ?? []))
  }

  async #transportOf(sdk: ClientPackage): Promise<Transport> {
    const { server, ground, scope } = this.#o
    if (isCommand(server)) {
      const { StdioClientTransport } = await loadStdio(ground)
      const { command, args = [], env, cwd } = server
      const transport = new StdioClientTransport({ command, args: [...args], stderr: 'pipe', ...(env ? { env } : {}), ...(cwd === undefined ? {} : { cwd }) })
      this.#complaints = ''
      transport.stderr?.on('data', (chunk: Buffer) => {
        this.#complaints = (this.#complaints + chunk.toString()).slice(-COMPLAINT_LENGTH)
      })
      return inOrder(transport)
    }
    const headers = typeof server.headers === 'function' ? await server.headers(scope) : server.headers
    const auth = typeof server.auth === 'function' ? await server.auth(scope) : server.auth
    if (auth) this.#authorization ??= authorizationOf(auth, server.url, sdk)
    const transport = new sdk.StreamableHTTPClientTransport(new URL(server.url), {
      ...(headers ? { requestInit: { headers } } : {}),
      ...(this.#authorization ? { authProvider: this.#authorization.provider } : {}),
    })
    return inOrder(transport)
  }
}

export const rootsOf = (roots: readonly string[]): { roots: { uri: string }[] } => ({
  roots: roots.map((root) => ({ uri: root.startsWith('file:') ? root : pathToFileURL(root).href })),
})
