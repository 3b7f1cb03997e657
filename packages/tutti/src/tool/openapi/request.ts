/** A call as an HTTP request, and its response as a recorded outcome. */
import { setTimeout as after } from 'node:timers/promises'
import { notDone, TuttiError } from '../../errors/index.ts'
import type { Json } from '../../primitives/index.ts'
import type { StepContext } from '../../run/index.ts'
import type { ShownResult, SourcedTool } from '../source.port.ts'
import type { Route } from './operation.ts'

const LARGEST = 10 * 1024 * 1024
const LONGEST_WAIT_MS = 30_000
/** The connection was never made, so nothing was done. */
const neverSent: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

export interface HttpOutcome {
  readonly status: number
  readonly type: string
  readonly body: Json | Uint8Array
}

type Given = Readonly<Record<string, unknown>>

/**
 * One attempt. A refusal (4xx) is an outcome, told to the model; a failure of the server or of the network is thrown: it is tried again where that is safe, and for a `once`
 * operation it is a doubt, unless the request certainly was not carried out.
 */
export async function send(
  tool: SourcedTool,
  input: unknown,
  ctx: StepContext,
  o: { readonly baseUrl: string | undefined; readonly headers: Readonly<Record<string, string>> },
): Promise<HttpOutcome> {
  const request = requestOf(tool, input as Given, ctx, o)
  const response = await fetch(request, { redirect: 'manual' }).catch((cause: Error & { cause?: { code?: unknown } }) => {
    if (ctx.signal.aborted) throw cause
    const says = `${request.method} ${request.url.split('?')[0]} was cut off: ${(cause.cause as Error | undefined)?.message ?? cause.message}`
    throw neverSent.has(cause.cause?.code) ? notDone(says, { cause }) : unreachable(says, cause)
  })
  const { status } = response
  if (status === 429 || status === 503) return refuse(response, ctx, notDone(`${tool.name} answered ${status}: it asks for fewer requests`))
  if (status >= 500) return refuse(response, ctx, unreachable(`${tool.name} answered ${status}: ${(await bodyOf(response)).toString().slice(0, 500)}`))
  const type = response.headers.get('content-type') ?? ''
  return { status, type, body: await read(response, type) }
}

const unreachable = (says: string, cause?: unknown): TuttiError => new TuttiError('TOOL_SOURCE_UNREACHABLE', says, { cause })

/** It says when to come again: this attempt lasts until then, so that the next one is not too early. */
async function refuse(response: Response, ctx: StepContext, error: TuttiError): Promise<never> {
  const said = response.headers.get('retry-after') ?? ''
  const waitMs = /^\d+$/.test(said) ? Number(said) * 1_000 : Date.parse(said) - Date.now()
  await response.body?.cancel().catch(() => {})
  if (waitMs > 0) await after(Math.min(waitMs, LONGEST_WAIT_MS), undefined, { signal: ctx.signal })
  throw error
}

/** @throws TOOL_NOT_DONE | TOOL_INPUT_INVALID for arguments that make no request */
function requestOf(tool: SourcedTool, input: Given, ctx: StepContext, o: Parameters<typeof send>[3]): Request {
  const route = tool.with as unknown as Route
  try {
    const url = urlOf(route, input, o.baseUrl)
    const headers = new Headers({ accept: 'application/json, */*;q=0.5', ...(tool.effect === 'read' ? {} : { 'idempotency-key': ctx.idempotencyKey }) })
    const cookies: string[] = []
    for (const { argument, name, in: place } of route.parameters) {
      if (input[argument] === undefined) continue
      if (place === 'header') headers.set(name, said(input[argument]))
      if (place === 'cookie') cookies.push(`${name}=${encodeURIComponent(said(input[argument]))}`)
    }
    if (cookies.length > 0) headers.set('cookie', cookies.join('; '))
    for (const [name, value] of Object.entries(o.headers)) headers.set(name, value)
    const body = route.body && input.body !== undefined ? written(route.body, input.body) : undefined
    if (body !== undefined) headers.set('content-type', route.body as string)
    return new Request(url, { method: route.method, headers, signal: ctx.signal, ...(body === undefined ? {} : { body }) })
  } catch (cause) {
    // Of what may be done once only, it must be said that it was not done; of the rest, that trying again will not help.
    const says = `${tool.name} was not sent: ${(cause as Error).message}`
    throw tool.effect === 'once' ? notDone(says, { cause }) : new TuttiError('TOOL_INPUT_INVALID', says, { cause })
  }
}

function urlOf({ path, server, parameters }: Route, input: Given, baseUrl: string | undefined): URL {
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const argument = parameters.find((each) => each.in === 'path' && each.name === name)?.argument ?? name
    const value = said(input[argument])
    // Another segment than its own would be another operation.
    if (value === '' || value === '.' || value === '..') throw new Error(`'${value}' cannot stand for {${name}} in ${path}`)
    return encodeURIComponent(value)
  })
  const url = new URL(`${(baseUrl ?? server).replace(/\/+$/, '')}${filled}`)
  for (const { argument, name, in: place } of parameters)
    if (place === 'query' && input[argument] !== undefined) append(url.searchParams, name, input[argument])
  return url
}

/** A list as a field for each item, an object as `name[key]`. */
function append(fields: URLSearchParams, name: string, value: unknown): void {
  if (Array.isArray(value)) for (const item of value) fields.append(name, said(item))
  else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) fields.append(`${name}[${key}]`, said(inner))
  else fields.append(name, said(value))
}

const said = (value: unknown): string =>
  typeof value === 'object' && value !== null ? (Array.isArray(value) ? value.map(said).join(',') : JSON.stringify(value)) : String(value ?? '')

function written(type: NonNullable<Route['body']>, body: unknown): string {
  if (type === 'application/json') return JSON.stringify(body)
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(body as object)) append(fields, name, value)
  return fields.toString()
}

async function bodyOf(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += (chunk as Uint8Array).length
    if (length > LARGEST) throw new TuttiError('TOOL_FAILED', `the answer has more than ${LARGEST} bytes`)
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks)
}

async function read(response: Response, type: string): Promise<HttpOutcome['body']> {
  const bytes = await bodyOf(response)
  if (/\bjson\b/i.test(type)) {
    try {
      return bytes.length === 0 ? null : (JSON.parse(bytes.toString()) as Json)
    } catch {
      return bytes.toString()
    }
  }
  return /^(text\/|application\/(xml|x-www-form-urlencoded))|\+xml\b/i.test(type) || bytes.length === 0 ? bytes.toString() : new Uint8Array(bytes)
}

export function shownOutcome({ status, type, body }: HttpOutcome): ShownResult {
  if (body instanceof Uint8Array) {
    const [mediaType = 'application/octet-stream'] = type.split(';')
    return { output: `${body.length} bytes of ${mediaType}`, files: [{ type: 'file', mediaType, data: Buffer.from(body).toString('base64') }] }
  }
  if (status < 300) return { output: body === '' ? `HTTP ${status}` : body }
  return { output: `HTTP ${status}: ${typeof body === 'string' ? body : JSON.stringify(body)}`, failed: true }
}
