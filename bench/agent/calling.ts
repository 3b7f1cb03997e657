/** A model that calls a tool so many times and then answers, at once; and tools that answer at once. */
import { type Tool, tool } from 'tutti'
import { z } from 'zod'
import type { LanguageModel } from '../../packages/tutti/src/model/index.ts'

/** What it says depends on how often it was told of a result, so that one model can serve many agents. */
export function callingModel(calls: number): LanguageModel {
  const next = (prompt: readonly { readonly role: string }[]) => {
    const at = prompt.filter(({ role }) => role === 'tool').length
    const isLast = at >= calls
    const content = isLast ? [{ type: 'text', text: 'done' }] : [{ type: 'tool-call', toolCallId: `call_${at}`, toolName: 'tool_0', input: `{"id":"${at}"}` }]
    const finishReason = { unified: isLast ? 'stop' : 'tool-calls', raw: undefined }
    return { content, finishReason, usage: { inputTokens: { total: 100 }, outputTokens: { total: 10 } }, warnings: [] }
  }
  const doGenerate = async ({ prompt }: { prompt: readonly { readonly role: string }[] }) => next(prompt)
  const doStream = async ({ prompt }: { prompt: readonly { readonly role: string }[] }) => {
    const { content, finishReason, usage } = next(prompt)
    const said = content.flatMap((part): object[] =>
      'text' in part
        ? [
            { type: 'text-start', id: '1' },
            { type: 'text-delta', id: '1', delta: part.text },
            { type: 'text-end', id: '1' },
          ]
        : [part],
    )
    const start = (controller: ReadableStreamDefaultController<object>): void => {
      for (const part of said) controller.enqueue(part)
      controller.enqueue({ type: 'finish', finishReason, usage })
      controller.close()
    }
    return { stream: new ReadableStream({ start }) }
  }
  return { specificationVersion: 'v4', provider: 'scripted', modelId: 'calling', supportedUrls: {}, doGenerate, doStream } as unknown as LanguageModel
}

// biome-ignore lint/suspicious/noExplicitAny: tools of anything
export const instantTools = (count: number): readonly Tool<any, any>[] =>
  Array.from({ length: count }, (_, index) =>
    tool({
      name: `tool_${index}`,
      description: 'Finds an order by its number.',
      input: z.object({ id: z.string() }),
      effect: 'read',
      execute: ({ id }) => `order ${id}`,
    }),
  )
