/** What a model was shown, looked at as a provider would: is every call told what became of it, once, in the next message, and nothing said twice? */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'

/** What is wrong with a history; nothing, when a provider would take it. */
export function faultsIn(prompt: LanguageModelV4Prompt): readonly string[] {
  const seen = new Set<string>()
  return prompt.flatMap((message, at) => {
    if (message.role === 'tool') {
      const asked = callsOf(prompt[at - 1])
      return toldIn(message).flatMap((id) => (asked.includes(id) ? [] : [`message ${at} answers ${id}, which the message before it did not ask`]))
    }
    const told = toldIn(prompt[at + 1])
    return callsOf(message).flatMap((id) => {
      const times = told.filter((each) => each === id).length
      const faults = [...(seen.has(id) ? [`${id} is called twice`] : []), ...(times === 1 ? [] : [`message ${at} calls ${id}, which is told ${times} times`])]
      seen.add(id)
      return faults
    })
  })
}

type Shown = LanguageModelV4Prompt[number] | undefined

const callsOf = (message: Shown): readonly string[] =>
  message?.role === 'assistant' ? message.content.flatMap((part) => (part.type === 'tool-call' ? [part.toolCallId] : [])) : []

const toldIn = (message: Shown): readonly string[] =>
  message?.role === 'tool' ? message.content.flatMap((part) => (part.type === 'tool-result' ? [part.toolCallId] : [])) : []

/** A prompt, message by message, as one line each: for comparing what was heard. */
export const linesOf = (prompt: LanguageModelV4Prompt): readonly string[] => prompt.map((message) => JSON.stringify([message.role, message.content]))
