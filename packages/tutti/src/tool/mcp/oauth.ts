/**
 * Who we are to a server: OAuth 2.1 as MCP uses it, over the client library, which discovers, registers, refreshes and checks `iss`.
 *
 * Owns: where what it was given is kept, by issuer: a token of one authorization server is never shown to another; the person's part of it.
 * Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
import type { OAuthClientProvider, OAuthDiscoveryState, StoredOAuthClientInformation, StoredOAuthTokens } from '@modelcontextprotocol/client'
import { TuttiError } from '../../errors/index.ts'
import type { Json } from '../../primitives/index.ts'
import type { Awaitable } from '../../run/index.ts'
import type { ClientPackage } from './client-package.ts'

/** A program that has credentials of its own. They are sent to this issuer and no other. */
export interface McpCredentials {
  readonly clientId: string
  readonly clientSecret: string
  readonly issuer: string
  readonly scope?: string | undefined
}

/** A person consents in their browser. */
export interface McpConsent {
  readonly redirectUrl: string
  /** Takes a person to `url`, and answers with the URL that they were sent back to, `?code=…` and all. */
  authorize(url: URL): Awaitable<string | URL>
  readonly clientName?: string | undefined
  readonly scope?: string | undefined
  /** The URL of a client metadata document, for authorization servers that take one instead of a registration. */
  readonly clientMetadataUrl?: string | undefined
  /** Registered beforehand. Default: registers itself. */
  readonly client?: { readonly id: string; readonly secret?: string | undefined; readonly issuer?: string | undefined } | undefined
  /** Where tokens and registrations are kept. Default: in memory, until the app is closed. They are secrets. */
  readonly keep?: AuthKeep | undefined
}

export interface AuthKeep {
  get(key: string): Awaitable<Json | undefined>
  set(key: string, value: Json | undefined): Awaitable<void>
}

/** Credentials, a consent, or a provider of `@modelcontextprotocol/client` as it is. */
export type McpAuth = McpCredentials | McpConsent | { readonly token: (...given: never) => unknown } | { readonly tokens: (...given: never) => unknown }

/** What the transport is given, and what becomes of a consent that it asks for. */
export interface Authorization {
  readonly provider: NonNullable<NonNullable<ConstructorParameters<ClientPackage['StreamableHTTPClientTransport']>[1]>['authProvider']>
  /** Asks the person; the parameters of where they were sent back to. `undefined`: nobody is to be asked. */
  readonly consented?: (() => Promise<URLSearchParams | undefined>) | undefined
}

export function authorizationOf(auth: McpAuth, url: string, sdk: ClientPackage): Authorization {
  if ('authorize' in auth) {
    const provider = new ConsentProvider(auth, url)
    return { provider, consented: () => provider.consented() }
  }
  if ('clientSecret' in auth) {
    const { clientId, clientSecret, issuer, scope } = auth
    return { provider: new sdk.ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: issuer, ...(scope === undefined ? {} : { scope }) }) }
  }
  return { provider: auth as Authorization['provider'] }
}

class ConsentProvider implements OAuthClientProvider {
  readonly #consent: McpConsent
  readonly #server: string
  readonly #keep: AuthKeep
  readonly clientMetadataUrl?: string
  #verifier = ''
  #state = ''
  #asked: URL | undefined
  #discovery: OAuthDiscoveryState | undefined

  constructor(consent: McpConsent, server: string) {
    this.#consent = consent
    this.#server = server
    this.#keep = consent.keep ?? memoryKeep()
    if (consent.clientMetadataUrl !== undefined) this.clientMetadataUrl = consent.clientMetadataUrl
  }

  get redirectUrl(): string {
    return this.#consent.redirectUrl
  }

  get clientMetadata(): OAuthClientProvider['clientMetadata'] {
    const { redirectUrl, clientName = 'tutti', scope } = this.#consent
    return {
      client_name: clientName,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...(scope === undefined ? {} : { scope }),
    }
  }

  state(): string {
    this.#state = crypto.randomUUID()
    return this.#state
  }

  async clientInformation(ctx?: { issuer?: string }): Promise<StoredOAuthClientInformation | undefined> {
    const { client } = this.#consent
    if (!client) return (await this.#keep.get(this.#key('client', ctx))) as StoredOAuthClientInformation | undefined
    if (client.issuer !== undefined && ctx?.issuer !== undefined && client.issuer !== ctx.issuer) return undefined
    const { id, secret, issuer } = client
    return { client_id: id, ...(secret === undefined ? {} : { client_secret: secret }), ...(issuer === undefined ? {} : { issuer }) }
  }

  async saveClientInformation(information: StoredOAuthClientInformation, ctx?: { issuer?: string }): Promise<void> {
    await this.#keep.set(this.#key('client', ctx), information as unknown as Json)
  }

  /** Without an issuer: the tokens saved last, of whichever it was. */
  async tokens(ctx?: { issuer?: string }): Promise<StoredOAuthTokens | undefined> {
    const issuer = ctx?.issuer ?? (await this.#keep.get(`${this.#server}|last`))
    return (await this.#keep.get(this.#key('tokens', { issuer: String(issuer) }))) as StoredOAuthTokens | undefined
  }

  async saveTokens(tokens: StoredOAuthTokens, ctx?: { issuer?: string }): Promise<void> {
    // Kept for one consent only: a server may move to another authorization server.
    this.#discovery = undefined
    await this.#keep.set(this.#key('tokens', ctx), tokens as unknown as Json)
    await this.#keep.set(`${this.#server}|last`, ctx?.issuer ?? '')
  }

  redirectToAuthorization(url: URL): void {
    this.#asked = url
  }

  /** @throws TOOL_SOURCE_UNREACHABLE when the answer belongs to another question */
  async consented(): Promise<URLSearchParams | undefined> {
    const asked = this.#asked
    this.#asked = undefined
    if (!asked) return undefined
    const { searchParams } = new URL(await this.#consent.authorize(asked))
    // The library leaves it to us: an answer that we did not ask for is not taken.
    if (asked.searchParams.has('state') && searchParams.get('state') !== null && searchParams.get('state') !== this.#state)
      throw new TuttiError('TOOL_SOURCE_UNREACHABLE', `the consent for '${this.#server}' came back with another state than it was asked with`, {
        disposition: 'terminal',
      })
    return searchParams
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }
  codeVerifier(): string {
    return this.#verifier
  }
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery
  }

  async invalidateCredentials(what: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void> {
    if (what === 'all' || what === 'discovery') this.#discovery = undefined
    const issuer = String((await this.#keep.get(`${this.#server}|last`)) ?? '')
    if (what === 'all' || what === 'tokens') await this.#keep.set(this.#key('tokens', { issuer }), undefined)
    if (what === 'all' || what === 'client') await this.#keep.set(this.#key('client', { issuer }), undefined)
  }

  #key(what: 'client' | 'tokens', ctx: { issuer?: string } | undefined): string {
    return `${this.#server}|${what}|${ctx?.issuer ?? ''}`
  }
}

function memoryKeep(): AuthKeep {
  const kept = new Map<string, Json>()
  return {
    get: (key) => kept.get(key),
    set: (key, value) => void (value === undefined ? kept.delete(key) : kept.set(key, value)),
  }
}
