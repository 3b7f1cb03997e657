// A run that waits for a person: for days if need be, across restarts. Here the second app stands for the process of the day after.
import { rmSync } from 'node:fs'
import { flow, signal, sqlite, tutti } from 'tutti'
import { z } from 'zod'

const Approval = signal('approval', z.object({ ok: z.boolean(), why: z.string().default('') }))

const refund = flow('refund', { input: z.object({ charge: z.string(), usd: z.number() }) }, async ({ charge, usd }, run) => {
  const answer = await run.wait(Approval, { timeout: '3d', onTimeout: null, data: { charge, usd } })
  if (!answer?.ok) return run.fail('rejected', answer?.why ?? 'nobody answered in three days')
  return run.step('pay back', { charge, usd }, (paid, { idempotencyKey }) => ({ ...paid, key: idempotencyKey }), { effect: 'once' })
})

const store = '.tutti/approval.db'
rmSync(store, { force: true })
const today = tutti({ flows: [refund], store: sqlite(store) })
const handle = await today.start(refund, { charge: 'ch_1', usd: 250 }, { id: 'refund-ch_1' })
const at = await handle.outcome()
if (at.status === 'waiting') console.log('waits for', at.for[0]?.signal, JSON.stringify(at.for[0]?.data))
await today.close()

await using tomorrow = tutti({ flows: [refund], store: sqlite(store) })
const later = await tomorrow.get('refund-ch_1', refund)
await later?.send(Approval, { ok: true })
const paid = await later?.result()
console.log('paid back', paid?.output.usd)
