/** A recorded conversation of tau-bench, and the model that says again what it said there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LanguageModel } from '../../packages/tutti/src/model/index.ts'

interface Call {
  readonly id: string
  readonly function: { readonly name: string; readonly arguments: string }
}
interface Said {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string | null
  readonly name?: string
  readonly tool_call_id?: string
  readonly tool_calls?: readonly Call[] | null
}
interface Action {
  readonly name: string
  readonly kwargs: Record<string, unknown>
}
export interface Recorded {
  readonly task_id: number
  readonly trial: number
  readonly reward: number
  readonly traj: readonly Said[]
  readonly info: {
    readonly task: { readonly actions: readonly Action[] }
    readonly reward_info: { readonly info: { readonly r_actions?: number; readonly gt_data_hash?: string }; readonly actions: readonly Action[] } | null
  }
}

export const conversations = (data: string): readonly Recorded[] =>
  JSON.parse(readFileSync(join(data, 'tau-bench/historical_trajectories/gpt-4o-airline.json'), 'utf8')) as Recorded[]

/** The places of the messages of the user: before each the agent has said all it had to say. */
export const turnsOf = ({ traj }: Recorded): readonly number[] =>
  traj.flatMap(({ role }, i) => (role === 'user' && traj[i + 1]?.role === 'assistant' ? [i] : []))

/** Everything up to and with the message at `end`, as AI SDK messages, without the instructions. */
export function historyUntil({ traj }: Recorded, end: number): readonly object[] {
  return traj.slice(0, end + 1).flatMap((said): object[] => {
    const { role, content } = said
    if (role === 'system') return []
    if (role === 'user') return [{ role, content: content ?? '' }]
    if (role === 'tool')
      return [{ role, content: [{ type: 'tool-result', toolCallId: said.tool_call_id, toolName: said.name, output: { type: 'text', value: content ?? '' } }] }]
    return [
      {
        role,
        content: partsOf(said).map(({ type, ...part }) =>
          type === 'tool-call' ? { type, ...part, input: JSON.parse(part.input ?? '{}') } : { type, ...part },
        ),
      },
    ]
  })
}

interface Part {
  readonly type: 'text' | 'tool-call'
  readonly text?: string
  readonly toolCallId?: string
  readonly toolName?: string
  readonly input?: string
}

const partsOf = ({ content, tool_calls }: Said): Part[] => [
  ...(content ? [{ type: 'text' as const, text: content }] : []),
  ...(tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: name, input })),
]

/** Says what the model said, message by message; at the end of a conversation that a tool ended, that it is over. */
export function modelOf({ traj }: Recorded): { readonly model: LanguageModel; readonly left: () => number } {
  const said = traj.filter(({ role }) => role === 'assistant')
  let at = 0
  const doGenerate = async () => {
    const next = said[at++]
    const content = next ? partsOf(next) : [{ type: 'text', text: '(the conversation is over)' }]
    const calls = content.some(({ type }) => type === 'tool-call')
    const finishReason = { unified: calls ? 'tool-calls' : 'stop', raw: undefined }
    return { content, finishReason, usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } }, warnings: [] }
  }
  const doStream = async () => {
    const { content, finishReason, usage } = await doGenerate()
    const parts = content.flatMap((part): object[] => {
      if (part.type === 'tool-call') return [part]
      return [
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: (part as Part).text },
        { type: 'text-end', id: '1' },
      ]
    })
    return { stream: ReadableStream.from([...parts, { type: 'finish', finishReason, usage }]) }
  }
  const model = { specificationVersion: 'v4', provider: 'recorded', modelId: 'gpt-4o', supportedUrls: {}, doGenerate, doStream }
  return { model: model as unknown as LanguageModel, left: () => said.length - at }
}
