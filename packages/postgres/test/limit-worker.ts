/** A process that takes from limits on models which it has in common with others: what it is told to ask, it asks; what it was answered, it says. */
import { postgres } from '@tutti/postgres'
import type { LimitAnswer, LimitAsk } from 'tutti/store'

export interface LimitTask {
  readonly asks: readonly LimitAsk[]
}

const { url, schema } = JSON.parse(process.argv[2] ?? '') as { url: string; schema: string }
const store = postgres(url, { schema })
await store.open()
process.on('message', async ({ asks }: LimitTask) => {
  const answers: (LimitAnswer | undefined)[] = await Promise.all(asks.map((ask) => store.limits?.take(ask)))
  process.send?.(answers)
})
process.send?.('ready')
