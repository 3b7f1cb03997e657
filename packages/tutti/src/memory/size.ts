/**
 * How long a conversation is, in tokens, without a tokenizer: which of them are installed differs from machine to machine, and a replay must decide as the run did. So it
 * rests on what never differs: the bytes of the messages, and what the provider reported, which is recorded with the turn.
 */
import type { FilePart, Message } from '../message/index.ts'

/** Until a provider has reported: 3.9 is what o200k_base makes of English, of JSON and of code alike; some less, so that too early rather than too late. */
const BYTES_PER_TOKEN = 3.5
/** Role marks and separators around a message and each part of it. */
const perPart = 12
/** What an image costs lies between 250 and 2,800 tokens. */
const perFile = 5_000

/** What a message weighs: the bytes a model reads of it. */
export function bytesOf(message: Message): number {
  let bytes = perPart
  for (const part of message.parts) {
    bytes += perPart
    if (part.type === 'text' || part.type === 'reasoning') bytes += Buffer.byteLength(part.text)
    else if (part.type === 'file') bytes += fileBytes(part)
    else {
      const { id, tool } = part
      bytes += id.length + tool.length + jsonBytes(part.type === 'tool-call' ? part.input : part.output)
      if (part.type === 'tool-result') for (const file of part.files ?? []) bytes += fileBytes(file)
    }
    if (part.provider) bytes += jsonBytes(part.provider)
  }
  return bytes
}

/** About as long as it is written: JSON is not written to find out how long it is. */
function jsonBytes(value: unknown): number {
  if (typeof value === 'string') return 2 + Buffer.byteLength(value)
  if (typeof value !== 'object' || value === null) return String(value).length
  let bytes = 2
  if (Array.isArray(value)) for (const item of value) bytes += 1 + jsonBytes(item)
  else for (const key in value) bytes += 4 + key.length + jsonBytes((value as Record<string, unknown>)[key])
  return bytes
}

const fileBytes = ({ mediaType, data }: FilePart): number => (mediaType.startsWith('text/') && data ? data.length : perFile)

/** Nearer together, what two reports differ in is noise. */
const NEAR = 2_000
/** A report that means fewer or more bytes a token than any language or notation has says something else. */
const FEWEST_BYTES = 1
const MOST_BYTES = 10

/**
 * Tokens of so many bytes, learned from the reports on what one agent was shown. Instructions and tools, of which only the provider knows the tokens, fall away by
 * comparing two reports of the same model with the same tools.
 */
export class Gauge {
  #bytesPerToken = BYTES_PER_TOKEN
  #first: { readonly of: string; readonly tokens: number; readonly bytes: number } | undefined

  tokens(bytes: number): number {
    return Math.ceil(bytes / this.#bytesPerToken)
  }

  bytes(tokens: number): number {
    return Math.floor(tokens * this.#bytesPerToken)
  }

  /** @param of what else the tokens depend on: which model read them, beside how many tools. @param tokens of all that it read; left out, nothing is learned */
  report(of: string, tokens: number | undefined, bytes: number): void {
    if (tokens === undefined || !(tokens > 0)) return
    if (this.#first?.of !== of) this.#first = { of, tokens, bytes }
    const apart = bytes - this.#first.bytes
    const learned = apart / (tokens - this.#first.tokens)
    if (Math.abs(apart) >= NEAR && learned >= FEWEST_BYTES && learned <= MOST_BYTES) this.#bytesPerToken = learned
  }
}
