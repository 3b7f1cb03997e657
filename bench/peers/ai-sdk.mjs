/** The AI SDK (`ai`), doing what bench/agent.ts asks of each: an agent with tools, which records nothing. */

import { setTimeout as pause } from 'node:timers/promises'
import { generateText, stepCountIs, tool } from 'ai'
import { z } from 'zod'

export function agentOf(model, tools, waits = 0) {
  const made = Object.fromEntries(
    Array.from({ length: tools }, (_, index) => [
      `tool_${index}`,
      tool({
        description: 'Finds an order by its number.',
        inputSchema: z.object({ id: z.string() }),
        execute: async ({ id }) => {
          if (waits) await pause(waits)
          return `order ${id}`
        },
      }),
    ]),
  )
  return () => generateText({ model: model(), tools: made, stopWhen: stepCountIs(100), prompt: 'Where is my order?' })
}
