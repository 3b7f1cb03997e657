/**
 * What a failed exchange with a server means. The one question that matters: was the call carried out?
 *
 * - the server answered with an error: it was not, or it failed there; that is an outcome, and the model is told;
 * - it was never sent, or turned away at the door (refused connection, 401, 403, 404, 429): it certainly was not;
 * - anything else (a cut connection, a killed process, a timeout, a 5xx): nobody knows.
 */
import { type ErrorDetail, notDone, TuttiError } from '../../errors/index.ts'
import type { ClientPackage } from './client-package.ts'

/** HTTP: turned away before anything was done. */
const turnedAway: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 406, 413, 415, 429])
/** Of a connection that never stood. */
const neverSent: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'ENOENT'])

const messageOf = (error: unknown): string => {
  const { message, cause } = error as { message?: string; cause?: { message?: string } }
  const why = cause?.message
  return why && message && !message.includes(why) ? `${message}: ${why}` : (message ?? String(error))
}

/** The server could not be reached; nothing was asked of it. `says`: its own words, of a child that ended. */
export function unreachable(id: string, error: unknown, { sdk, says = '' }: { readonly sdk?: ClientPackage; readonly says?: string } = {}): TuttiError {
  if (TuttiError.is(error)) return error
  const refused = sdk !== undefined && isRefused(error, sdk)
  const why = says === '' ? messageOf(error) : `${messageOf(error)}; it said: ${says}`
  const detail: ErrorDetail = {
    cause: error,
    data: { source: id, message: why },
    ...(refused ? { disposition: 'terminal', hint: 'Give what it asks for in `headers` or `auth`.' } : {}),
  }
  return new TuttiError('TOOL_SOURCE_UNREACHABLE', `the MCP server '${id}' cannot be reached: ${why}`, detail)
}

/** What a call that failed in this way throws. */
export function failedCall(o: { readonly id: string; readonly tool: string; readonly error: unknown; readonly sdk: ClientPackage }): TuttiError {
  const { id, tool, error, sdk } = o
  const data = { source: id, tool, message: messageOf(error) }
  if (wasNotSent(error, sdk)) return notDone(`the call of '${tool}' did not get through to the MCP server '${id}': ${messageOf(error)}`, { cause: error, data })
  return new TuttiError(
    'TOOL_OUTCOME_UNKNOWN',
    `the call of '${tool}' was cut off, so nobody knows whether the MCP server '${id}' carried it out: ${messageOf(error)}`,
    {
      cause: error,
      data,
    },
  )
}

/** The session is gone, or the server wants to be greeted again: nothing was done, and a new connection may help. */
export const wantsNewSession = (error: unknown, sdk: ClientPackage): boolean => statusOf(error, sdk) === 404

function wasNotSent(error: unknown, sdk: ClientPackage): boolean {
  const status = statusOf(error, sdk)
  if (status !== undefined) return turnedAway.has(status)
  if (error instanceof sdk.UnauthorizedError) return true
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const { code, errors } = cause as { code?: unknown; errors?: unknown }
    if (typeof code === 'string' && (neverSent.has(code) || code === sdk.SdkErrorCode.NotConnected)) return true
    if (Array.isArray(errors) && errors.length > 0 && errors.every((each) => neverSent.has(String((each as { code?: unknown }).code)))) return true
  }
  return false
}

function statusOf(error: unknown, sdk: ClientPackage): number | undefined {
  return sdk.SdkHttpError.isInstance(error) ? error.status : undefined
}

function isRefused(error: unknown, sdk: ClientPackage): boolean {
  const status = statusOf(error, sdk)
  return status === 401 || status === 403 || error instanceof sdk.UnauthorizedError
}
