/**
 * The worst case of a call, before it is made: the most tokens that a provider can count for its input. Two ways lead there, and each says its name:
 *
 * `bytes`: UTF-8 bytes of everything that is sent, plus a constant for each message, tool and schema for what the provider's chat format adds. It is sound because
 * every tokenizer in use (byte-level BPE; SentencePiece with byte fallback) makes each token out of at least one byte of the text; nothing tighter is, without the
 * provider's own tokenizer. English runs at about a quarter of it.
 *
 * An encoding (`o200k_base`): texts as the provider's own tokenizer counts them, plus the same constants. Two things do not reach the model as we send them, and keep a
 * wider bound: JSON of tools and schemas, which the provider writes in a way of its own (twice its tokens, escaped to ASCII, never more than its bytes), and
 * messages with reasoning (their bytes, as those of all data of a provider's own: what it puts back in their place is not seen).
 *
 * Media is bounded by what providers document for one file, whatever its size; what lies with the provider and is only named (an earlier answer, a cache, its tools) by the
 * longest context there is.
 */
import { type FilePart, type Message, madeOnce } from '../message/index.ts'
import type { InputCount, ModelRequest, ToolSpec } from './model.port.ts'

/** Role marks and separators around one message or part. */
const perPart = 16
/** The frame of a request: its own marks, and instructions the provider adds for tools or JSON. */
const perRequest = 64
const perTools = 1024
/** The words a chat format wraps around one tool or schema, over its JSON. */
const perSchema = 64
/** What a provider's way to write JSON may add to ours: spaces, lines, comments. */
const otherJson = 2
/** An image costs at most this at every provider (OpenAI high detail at 2048 × 2048: 2,805; Gemini and Claude less). */
const perImage = 6_000
/** A document or recording behind a URL may be as long as a provider takes; one page or second per 100 bytes is more than any format holds. */
const perUrl = 1_000_000
/** Texts whose count is kept by their words (instructions; messages are kept by themselves), and how long they must be for that to pay. */
const keptTexts = 64
const longText = 256

const bytesOf = (text: string): number => Buffer.byteLength(text)

/** Counts texts as a model's own tokenizer does. */
export interface TextCount {
  /** As journals and people know it: `o200k_base`. */
  readonly name: string
  count(text: string): number
}

/** One way to bound inputs. What it has measured of a message or of tools it remembers as long as they live. */
export class InputBound implements InputCount {
  readonly name: string
  readonly #exact: TextCount | undefined
  readonly #schemas = new WeakMap<object, number>()
  readonly #texts = new Map<string, number>()

  constructor(exact?: TextCount) {
    this.name = exact?.name ?? 'bytes'
    this.#exact = exact
  }

  /** Linear in the messages, each measured once. */
  of(request: ModelRequest): number {
    let tokens = perRequest
    if (request.system !== undefined) tokens += perPart + this.#instructions(request.system)
    for (const bound of this.#messages(request.messages)) tokens += bound
    if (request.tools && request.tools.length > 0) tokens += perTools + once(this.#schemas, request.tools, this.#tools)
    if (request.output) tokens += perTools + once(this.#schemas, request.output.schema, this.#schema)
    const provider = request.settings?.provider
    return provider ? tokens + once(this.#schemas, provider, boundOptions) : tokens
  }

  readonly #message = (message: Message): number => {
    const isSeen = message.parts.every((part) => part.type !== 'reasoning')
    const text = isSeen ? this.#text : bytesOf
    let tokens = perPart
    for (const part of message.parts) {
      tokens += perPart
      if (part.type === 'text' || part.type === 'reasoning') tokens += text(part.text)
      else if (part.type === 'file') tokens += boundFile(part)
      else {
        tokens += text(part.id) + text(part.tool) + perSchema + text(jsonOf(part.type === 'tool-call' ? part.input : part.output))
        if (part.type === 'tool-result') for (const file of part.files ?? []) tokens += perPart + boundFile(file)
      }
      // Signatures and encrypted reasoning are sent back, and counted.
      if (part.provider) tokens += perSchema + bytesOf(jsonOf(part.provider))
    }
    return tokens
  }

  readonly #messages = madeOnce(this.#message)

  readonly #tools = (tools: readonly ToolSpec[]): number => tools.reduce((sum, tool) => sum + perSchema + this.#schema(tool), 0)

  readonly #schema = (value: unknown): number => {
    const json = jsonOf(value)
    const bytes = bytesOf(json)
    return perSchema + (this.#exact ? Math.min(bytes, otherJson * this.#exact.count(inAscii(json))) : bytes)
  }

  readonly #text = (text: string): number => (this.#exact ? this.#exact.count(text) : bytesOf(text))

  /** They are text, so nothing but their words can tell that they were counted before. */
  #instructions(text: string): number {
    if (!this.#exact || text.length < longText) return this.#text(text)
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const [oldest] = this.#texts.keys()
    if (this.#texts.size >= keptTexts && oldest !== undefined) this.#texts.delete(oldest)
    const tokens = this.#text(text)
    this.#texts.set(text, tokens)
    return tokens
  }
}

/** The bound that holds for every model. */
export const byBytes: InputCount = new InputBound()

/** Options that only one provider knows: some of them are text that it reads, some name what it keeps. */
function boundOptions(options: object): number {
  const json = jsonOf(options)
  return perSchema + bytesOf(json) + (keptThere.test(json) ? perUrl : 0)
}

/** OpenAI: an earlier answer, a conversation. Google: cached content. Anthropic: the tools of MCP servers, the skills of a container. */
const keptThere = /"(?:previousResponseId|conversation|cachedContent|mcpServers|container)":(?!null)/

function boundFile(part: FilePart): number {
  if (part.mediaType.startsWith('image/')) return perImage
  if (part.data === undefined) return perUrl
  return part.data.length + perImage
}

const jsonOf = (value: unknown): string => JSON.stringify(value) ?? ''

/** As the longest of the usual writers of JSON puts it: `\u6f22` for each unit that is not ASCII. */
const inAscii = (json: string): string => json.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

function once<K extends object>(known: WeakMap<object, number>, key: K, measure: (key: K) => number): number {
  let bound = known.get(key)
  if (bound === undefined) {
    bound = measure(key)
    known.set(key, bound)
  }
  return bound
}
