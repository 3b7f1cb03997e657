/** What the extractive answerer reads in a prompt: the question, and what the tools have found since it was asked. */
import type { LanguageModelV4CallOptions, LanguageModelV4Message, LanguageModelV4ToolResultPart } from '@ai-sdk/provider'
import type { SourcePassage } from './quote.ts'

export interface Asked {
  /** The last text of the user. */
  readonly question: string
  readonly instructions: string
  readonly passages: readonly SourcePassage[]
  /** The tools that have answered since the question. */
  readonly answered: ReadonlySet<string>
  readonly hasFiles: boolean
}

export function readPrompt(prompt: LanguageModelV4CallOptions['prompt']): Asked {
  const last = prompt.findLastIndex(({ role }) => role === 'user')
  const user = prompt[last]
  const results = prompt.slice(last + 1).flatMap(resultsOf)
  return {
    question: user ? textOf(user) : '',
    instructions: prompt
      .filter(({ role }) => role === 'system')
      .map(textOf)
      .join('\n'),
    passages: distinct(results.flatMap(({ toolName, output }) => passagesIn(valueOfOutput(output), toolName))),
    answered: new Set(results.map(({ toolName }) => toolName)),
    hasFiles: user?.role === 'user' && user.content.some(({ type }) => type === 'file'),
  }
}

function textOf({ content }: LanguageModelV4Message): string {
  if (typeof content === 'string') return content
  return content
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('')
    .trim()
}

function resultsOf({ role, content }: LanguageModelV4Message): LanguageModelV4ToolResultPart[] {
  if (role !== 'tool' && role !== 'assistant') return []
  return content.filter((part): part is LanguageModelV4ToolResultPart => part.type === 'tool-result')
}

/** Errors and denials hold nothing to quote. */
function valueOfOutput(output: LanguageModelV4ToolResultPart['output']): unknown {
  if (output.type === 'json') return output.value
  if (output.type === 'text') return parsed(output.value)
  if (output.type === 'content') return output.value.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  return undefined
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Passages as a retrieval tool gives them (`{ text, source, start }`), wherever they lie in its result; plain text is a passage of its own. */
function passagesIn(value: unknown, tool: string, depth = 0): SourcePassage[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [{ text: value, source: tool, start: 0 }]
  if (typeof value !== 'object' || value === null || depth > 4) return []
  if (Array.isArray(value)) return value.flatMap((item) => passagesIn(item, tool, depth + 1))
  const { text, source, start } = value as { text?: unknown; source?: unknown; start?: unknown }
  if (typeof text === 'string') return [{ text, source: typeof source === 'string' ? source : tool, start: typeof start === 'number' ? start : 0 }]
  return Object.values(value).flatMap((inner) => (typeof inner === 'object' ? passagesIn(inner, tool, depth + 1) : []))
}

/** A passage that two searches found is one passage. */
function distinct(passages: readonly SourcePassage[]): SourcePassage[] {
  return [...new Map(passages.map((passage) => [`${passage.source} ${passage.start} ${passage.text.length}`, passage])).values()]
}
