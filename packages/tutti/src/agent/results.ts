/**
 * Results that are too long for a conversation: the model is shown how they begin, and reads on with `read_result`.
 *
 * Owns: the long texts of one loop, by reference. Does not own: the results themselves, which are whole in the journal, as the outcomes of their steps.
 * Invariants: 1. what the model is shown of a result never changes; 2. a reference is the hash of what it stands for, so that a fork that gave another result cannot be
 * answered with the old one; 3. after a crash or on replay the texts are there again, because the outcomes are delivered again.
 */
import { TuttiError } from '../errors/index.ts'
import type { ToolResultPart } from '../message/index.ts'
import { hash128, type Json, SparseMap } from '../primitives/index.ts'
import type { Tool } from '../run/index.ts'
import { jsonSchemaAsSchema, tool } from '../tool/index.ts'

export const READ_RESULT = 'read_result'
/** Characters, some 10,000 tokens. */
const LONGEST = 40_000
const LONGEST_HEAD = 4_000
const LONGEST_PAGE = 10_000
/** Around a place that was found. */
const AROUND = 200

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

export class Results {
  readonly #texts = new SparseMap<string, string>()
  readonly #tools = new SparseMap<string, string>()
  readonly #longest: number
  #reader: AnyTool | undefined

  constructor(longest: number = LONGEST) {
    this.#longest = longest
  }

  /** Reads on in the results of this loop. Most loops need none. */
  get reader(): AnyTool {
    this.#reader ??= readerOf(this.#texts, Math.min(LONGEST_PAGE, Math.floor(this.#longest / 2)))
    return this.#reader
  }

  /** Whether any was too long so far. */
  get any(): boolean {
    return this.#texts.size > 0
  }

  /** What can be read on, for a model that may not see the beginnings any more. */
  get said(): string {
    const each = [...this.#tools].map(([reference, tool]) => `${reference} of ${tool}, ${this.#texts.get(reference)?.length} characters`)
    return each.length > 0 ? `Results that can be read with ${READ_RESULT}: ${each.join('; ')}.` : ''
  }

  /** The result as the model is shown it. `longest` of its tool goes before that of the agent. */
  shorten(result: ToolResultPart, longest: number = this.#longest): ToolResultPart {
    if (longest === Number.POSITIVE_INFINITY || result.tool === READ_RESULT) return result
    const text = textOfOutput(result.output)
    if (text.length <= longest) return result
    const reference = `r_${hash128(text).slice(0, 10)}`
    this.#texts.set(reference, text)
    this.#tools.set(reference, result.tool)
    return { ...result, output: headOf(result.tool, text, reference, Math.min(LONGEST_HEAD, Math.floor(longest / 4))) }
  }
}

/** Text as it is; a list with an item on each line; other JSON indented: so that lines and words can be found in it. */
function textOfOutput(output: Json): string {
  if (typeof output === 'string') return output
  if (!Array.isArray(output)) return JSON.stringify(output, null, 1)
  return `[\n${output.map((item) => JSON.stringify(item)).join(',\n')}\n]`
}

function headOf(of: string, text: string, reference: string, head: number): string {
  const how = `Read on with ${READ_RESULT} { "reference": "${reference}", "from": ${head} }, or look for words in it with { "reference": "${reference}", "find": "…" }.`
  return `The result of ${of} has ${text.length} characters, too many to show. ${how} It begins:\n${text.slice(0, head)}`
}

const readSchema = {
  type: 'object',
  properties: {
    reference: { type: 'string', description: 'As it stands in the result that was cut: r_…' },
    from: { type: 'integer', minimum: 0, description: 'The character to read from. Default 0.' },
    find: { type: 'string', minLength: 1, description: 'Show only where these words stand, in any case, from there on.' },
  },
  required: ['reference'],
  additionalProperties: false,
}

interface Asked {
  readonly reference: string
  readonly from?: number
  readonly find?: string
}

function readerOf(texts: ReadonlyMap<string, string>, page: number): AnyTool {
  return tool({
    name: READ_RESULT,
    description: 'Reads on in a result that was too long to be shown whole, or finds words in it.',
    input: jsonSchemaAsSchema(readSchema, `the tool '${READ_RESULT}'`),
    effect: 'read',
    execute: (given) => {
      const { reference, from = 0, find } = given as Asked
      const text = texts.get(reference)
      if (text === undefined)
        throw new TuttiError(
          'TOOL_FAILED',
          `there is no result '${reference}'; there ${texts.size === 1 ? 'is' : 'are'} ${[...texts.keys()].join(', ') || 'none'}`,
        )
      return find === undefined ? pageOf(text, from, page) : placesOf(text, from, find, page)
    },
  })
}

function pageOf(text: string, from: number, page: number): string {
  const to = Math.min(text.length, from + page)
  if (from >= text.length) return `It has ${text.length} characters; there are none from ${from} on.`
  return `Characters ${from} to ${to} of ${text.length}${to < text.length ? `; read on from ${to}` : ''}:\n${text.slice(from, to)}`
}

function placesOf(text: string, from: number, find: string, page: number): string {
  const places: string[] = []
  const sought = new RegExp(find.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi')
  sought.lastIndex = from
  let length = 0
  let found = sought.exec(text)
  for (; found && length < page; found = sought.exec(text)) {
    const [start, end] = lineAround(text, found.index, find.length)
    places.push(`at ${start}: ${text.slice(start, end)}`)
    length += end - start
    sought.lastIndex = Math.max(end, found.index + 1)
  }
  if (places.length === 0) return `'${find}' does not stand in it${from > 0 ? ` from ${from} on` : ''}.`
  return `${places.join('\n')}${found ? `\nMore stands from ${found.index} on.` : ''}`
}

/** The line a place is in, as far as it is near. */
function lineAround(text: string, at: number, length: number): [number, number] {
  const start = Math.max(text.lastIndexOf('\n', at - 1) + 1, at - AROUND)
  const end = text.indexOf('\n', at + length)
  return [start, Math.min(end < 0 ? text.length : end, at + length + AROUND)]
}
