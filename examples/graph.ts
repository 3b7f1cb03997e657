// A graph: a node starts as soon as its own needs are there, so this takes 220 ms, not the 400 of two rounds. A cycle cannot be written.
import { graph, inMemory, tutti } from 'tutti'
import { z } from 'zod'

/** Pretends to be slow, and says when it was asked. */
async function ask<T>(what: string, ms: number, answer: T): Promise<T> {
  console.log(`${what} asked`)
  await new Promise((resolve) => setTimeout(resolve, ms))
  return answer
}

const Ticker = z.object({ symbol: z.string(), deep: z.boolean().default(false) })

const brief = graph('brief', { input: Ticker }, (ticker, g) => {
  const prices = g.node('prices', ticker, ({ symbol }) => ask(`prices of ${symbol}`, 20, [100, 113]))
  const trend = g.node('trend', prices, (p) => ask('trend', 200, (p.at(-1) ?? 0) - (p[0] ?? 0)))
  const news = g.node('news', ticker, ({ symbol }) => ask(`news of ${symbol}`, 200, ['up', 'up', 'down']))
  const mood = g.node('mood', news, (n) => ask('mood', 20, n.filter((word) => word === 'up').length / n.length))
  const filings = g.nodeIf(
    'filings',
    ticker,
    ({ deep }) => deep,
    ({ symbol }) => ask(`filings of ${symbol}`, 20, 'long'),
  )
  return g.node('join', { trend, mood, filings }, ({ trend: t, mood: m, filings: f }) => ({ trend: t, mood: m, filings: f ?? 'not asked for' }))
})

await using app = tutti({ flows: [brief], store: inMemory() })
const { output } = await app.run(brief, { symbol: 'TUTT' })
console.log(output)
