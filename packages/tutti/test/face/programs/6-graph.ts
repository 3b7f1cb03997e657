import { agent, graph, tutti } from 'tutti'
import { z } from 'zod'

const Ticker = z.object({ symbol: z.string(), deep: z.boolean().default(false) })
declare const api: { prices(s: string): Promise<number[]>; news(s: string): Promise<string[]>; filings(s: string): Promise<string> }
const summarise = agent({ name: 'summarise', input: z.array(z.string()), prompt: (n) => n.join('\n') })
const brief = graph('brief', { input: Ticker }, (ticker, g) => {
  const prices = g.node('prices', ticker, (t) => api.prices(t.symbol))
  const trend = g.node('trend', prices, (p) => (p.at(-1) ?? 0) - (p[0] ?? 0))
  const news = g.node('news', ticker, (t) => api.news(t.symbol))
  const mood = g.node('mood', news, summarise) // starts when news is there, whatever trend does
  const filings = g.nodeIf(
    'filings',
    { ticker },
    ({ ticker }) => ticker.deep,
    ({ ticker }) => api.filings(ticker.symbol),
  )
  return g.node('join', { trend, mood, filings }, ({ trend, mood, filings }) => ({ trend, mood, filings: filings ?? 'not asked' }))
})
await using app = tutti({ flows: [brief] })
const { output } = await app.run(brief, { symbol: 'NVDA' })
const n: number = output.trend,
  s: string = output.filings
console.log(n, s)
graph('wrong', { input: Ticker }, (t, g) => {
  const p = g.node('p', t, (x) => api.prices(x.symbol))
  // @ts-expect-error summarise takes string[], prices are number[]
  return g.node('m', p, summarise)
})
