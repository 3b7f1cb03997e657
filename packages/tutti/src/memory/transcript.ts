/** Messages as text, for a model that is to read them and not to go on with them: calls and results are quoted, so that no provider looks for tools. */
import type { Message } from '../message/index.ts'

export const transcriptOf = (messages: readonly Message[]): string => messages.flatMap(linesOf).join('\n')

type Part = Message['parts'][number]

function linesOf({ role, parts }: Message): readonly string[] {
  return (parts as readonly Part[]).flatMap((part) => {
    switch (part.type) {
      case 'text':
        return part.text === '' ? [] : [`${role}: ${part.text}`]
      case 'file':
        return [`${role} shows a file (${[part.mediaType, part.filename, part.url].filter(Boolean).join(', ')})`]
      case 'tool-call':
        return [`${role} calls ${part.tool}: ${part.malformed === undefined ? sayJson(part.input) : part.malformed}`]
      case 'tool-result':
        return [
          `${part.tool} ${part.failed ? 'failed' : 'answers'}: ${sayJson(part.output)}`,
          ...(part.files ?? []).map(({ mediaType, filename }) => `${part.tool} shows a file (${[mediaType, filename].filter(Boolean).join(', ')})`),
        ]
      default:
        // What a model thought on its way is not what it said.
        return []
    }
  })
}

const sayJson = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
