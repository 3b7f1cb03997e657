/** LangGraph.js, doing what bench/agent.ts asks of each: an agent with tools, and an uneven graph. Loaded when it is installed here (npm ci --prefix bench/peers). */

import { setTimeout as pause } from 'node:timers/promises'
import { AIMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { FakeListChatModel } from '@langchain/core/utils/testing'
import { Annotation, END, START, StateGraph } from '@langchain/langgraph'
import { createReactAgent } from '@langchain/langgraph/prebuilt'
import { z } from 'zod'

/** Calls the first tool `calls` times, then answers. */
class Calling extends FakeListChatModel {
  constructor(calls) {
    super({ responses: ['done'] })
    this.calls = calls
    this.at = 0
  }
  bindTools() {
    return this
  }
  async _generate() {
    const at = this.at++ % (this.calls + 1)
    const message =
      at < this.calls
        ? new AIMessage({ content: '', tool_calls: [{ name: 'tool_0', args: { id: `${at}` }, id: `call_${at}`, type: 'tool_call' }] })
        : new AIMessage('done')
    return { generations: [{ message, text: '' }] }
  }
}

export function agentOf(tools, calls) {
  const made = Array.from({ length: tools }, (_, index) =>
    tool(async ({ id }) => `order ${id}`, { name: `tool_${index}`, description: 'Finds an order by its number.', schema: z.object({ id: z.string() }) }),
  )
  const agent = createReactAgent({ llm: new Calling(calls), tools: made })
  return () => agent.invoke({ messages: [{ role: 'user', content: 'Where is my order?' }] }, { recursionLimit: 200 })
}

/** s, then a → b beside c → d, then join. */
export async function unevenGraph(ms) {
  const State = Annotation.Root({ seen: Annotation({ reducer: (a, b) => [...a, ...b], default: () => [] }) })
  const node = (name, waits) => async () => {
    await pause(waits)
    return { seen: [name] }
  }
  const graph = new StateGraph(State)
  for (const [name, waits] of Object.entries(ms)) graph.addNode(name, node(name, waits))
  graph.addEdge(START, 's').addEdge('s', 'a').addEdge('s', 'c').addEdge('a', 'b').addEdge('c', 'd').addEdge(['b', 'd'], 'join').addEdge('join', END)
  await graph.compile().invoke({ seen: [] })
}
