import { flow, signal, tool, tutti } from 'tutti'
import { z } from 'zod'

const Approval = signal('approval', z.object({ ok: z.boolean(), why: z.string().default('') }))
declare const stripe: { refund(id: string, o: { idempotencyKey: string }): Promise<{ id: string }>; byKey(key: string): Promise<{ id: string } | null> }
export const refundTool = tool({
  name: 'refund',
  description: 'Refunds',
  input: z.object({ charge: z.string(), usd: z.number() }),
  effect: 'once',
  approve: ({ usd }) => usd > 100,
  execute: ({ charge }, { idempotencyKey }) => stripe.refund(charge, { idempotencyKey }),
  reconcile: async (key) => {
    const r = await stripe.byKey(key)
    return r ? { done: true, output: r } : { done: false }
  },
})
const refund = flow(
  'refund',
  { version: '2', input: z.object({ charge: z.string(), usd: z.number() }), output: z.object({ refundId: z.string() }) },
  async ({ charge, usd }, run) => {
    const answer = await run.wait(Approval, { timeout: '3d', onTimeout: null, data: { charge, usd } })
    if (!answer?.ok) return run.fail('rejected', answer?.why ?? 'nobody answered in three days')
    const paid = await run.step('refund', { charge }, (i, { idempotencyKey }) => stripe.refund(i.charge, { idempotencyKey }), {
      effect: 'once',
      retry: { attempts: 5, backoff: '1s' },
    })
    await run.sleep('cool-down', '1h')
    await run.step('tell the customer', paid, async (p) => `refunded ${p.id}`)
    return { refundId: paid.id }
  },
)
const app = tutti({ flows: [refund] })
const handle = await app.start(refund, { charge: 'ch_1', usd: 250 }, { id: 'refund-ch_1' })
const at = await handle.outcome()
if (at.status === 'waiting') console.log('asks for', at.for[0]?.signal, at.for[0]?.data)
const later = await app.get(handle.id, refund) // another process, two days on
await later?.send(Approval, { ok: true })
console.log((await later?.result())?.output.refundId)
// @ts-expect-error not what an approval is
void handle.send(Approval, { approved: true })
flow('leaky', async (_: string, run) => {
  const f = await run.step('open', () => ({ when: new Date(), close: () => {} }))
  const when: Date = f.when
  // @ts-expect-error a function cannot be recorded; the type says so where it is used
  f.close()
  return when
})
