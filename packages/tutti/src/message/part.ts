/** Reading one foreign part: what the two AI SDK message formats have in common. */
import { TuttiError } from '../errors/index.ts'
import type { Json } from '../primitives/index.ts'
import type { FilePart, ProviderData } from './message.ts'

/** A part of unknown origin: an object with a `type`. */
export type ForeignPart = { readonly type?: unknown; readonly [key: string]: unknown }

/** The provider's own data of a part, under whichever of its names it comes. */
export function providerOf(part: ForeignPart, ...names: readonly string[]): { provider?: ProviderData } {
  for (const name of names.length > 0 ? names : ['provider', 'providerOptions', 'providerMetadata']) {
    const value = part[name]
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) return { provider: jsonOf(value) as ProviderData }
  }
  return {}
}

export const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A value as JSON would carry it to a model: keys that are `undefined` fall away, dates become text. */
export function jsonOf(value: unknown): Json {
  const text = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
  return text === undefined ? null : JSON.parse(text)
}

/**
 * Our file part from what people give: bytes, base64, a URL (text or object; `data:` URLs are taken apart), or the AI SDK's tagged union of them.
 * @throws RUN_INPUT_INVALID for anything else, naming `where`.
 */
export function fileOf(data: unknown, mediaType: unknown, filename: unknown, where: string): FilePart {
  const rest = typeof filename === 'string' ? { filename } : {}
  const type = typeof mediaType === 'string' && mediaType !== '' ? mediaType : undefined
  if (data instanceof Uint8Array) return { type: 'file', mediaType: type ?? 'application/octet-stream', data: Buffer.from(data).toString('base64'), ...rest }
  if (data instanceof ArrayBuffer) return fileOf(new Uint8Array(data), mediaType, filename, where)
  if (data instanceof URL) return fileOf(data.href, mediaType, filename, where)
  if (typeof data === 'string') return { ...fromText(data, type), ...rest }
  const tagged = data as { readonly type?: unknown; readonly data?: unknown; readonly url?: unknown; readonly text?: unknown } | null | undefined
  if (tagged?.type === 'data') return fileOf(tagged.data, mediaType, filename, where)
  if (tagged?.type === 'url') return fileOf(tagged.url, mediaType, filename, where)
  if (tagged?.type === 'text') return fileOf(Buffer.from(stringOf(tagged.text)), type ?? 'text/plain', filename, where)
  throw new TuttiError('RUN_INPUT_INVALID', `a file in ${where} has no data that can be read`, { hint: 'Give bytes, base64 or a URL.' })
}

function fromText(text: string, mediaType: string | undefined): FilePart {
  const dataUrl = /^data:([^;,]*)((?:;[^;,]*)*),/i.exec(text)
  if (!dataUrl) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return { type: 'file', mediaType: mediaType ?? 'application/octet-stream', url: text }
    return { type: 'file', mediaType: mediaType ?? 'application/octet-stream', data: text }
  }
  const body = text.slice(dataUrl[0].length)
  const base64 = /;base64$/i.test(dataUrl[2] ?? '') ? body : Buffer.from(decodeURIComponent(body)).toString('base64')
  return { type: 'file', mediaType: mediaType ?? (dataUrl[1] || 'text/plain'), data: base64 }
}
