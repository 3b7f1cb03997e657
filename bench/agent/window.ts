/** What the window of an agent's memory costs a turn, while nothing leaves: what was said is weighed, and what the provider reported is learned from. */
import { Excerpt } from '../../packages/tutti/src/memory/index.ts'
import type { Message } from '../../packages/tutti/src/message/index.ts'
import { median } from '../measure.ts'

const TURNS = 200
const CONVERSATIONS = 50

function turnOf(n: number): readonly Message[] {
  return [
    { role: 'assistant', parts: [{ type: 'tool-call', id: `call_${n}`, tool: 'find_order', input: { id: String(n) } }] },
    { role: 'tool', parts: [{ type: 'tool-result', id: `call_${n}`, tool: 'find_order', output: { id: n, state: 'on its way', note: 'n'.repeat(400) } }] },
  ]
}

/** µs a turn, the median of many conversations. */
export function windowCost(): number {
  const turns = Array.from({ length: TURNS }, (_, n) => turnOf(n))
  const answer = { model: { id: 'a/b' }, usage: { inputTokens: 10_000 } }
  const costs = Array.from({ length: CONVERSATIONS }, () => {
    const messages: Message[] = [{ role: 'user', parts: [{ type: 'text', text: 'Where is my order?' }] }]
    const excerpt = new Excerpt({ window: 1_000_000, summarize: undefined }, { messages, thread: { at: 0, chain: '' }, began: { count: 1, times: 0 } })
    const began = performance.now()
    for (const turn of turns) {
      messages.push(...turn)
      if (excerpt.isFull || excerpt.messages.length === 0 || excerpt.thread.at > 0) throw new Error('nothing was to leave')
      excerpt.learn(answer, 5)
    }
    return ((performance.now() - began) * 1_000) / TURNS
  })
  return median(costs)
}
