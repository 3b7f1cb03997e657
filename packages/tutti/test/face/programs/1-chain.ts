import { agent, chain, tutti } from 'tutti'
import { z } from 'zod'

const Invoice = z.object({ vendor: z.string(), total: z.coerce.number(), due: z.iso.date() })
const read = agent({
  name: 'read',
  model: 'openai/gpt-5-mini',
  input: z.object({ mail: z.string(), language: z.string().default('en') }),
  prompt: ({ mail, language }) => `Extract the invoice (${language}):\n${mail}`,
  output: Invoice,
})
const book = chain(
  'book',
  read,
  (invoice) => ({ ...invoice, overdue: new Date(invoice.due) < new Date(0), cents: Math.round(invoice.total * 100) }),
  (row, run) => run.step('insert', row, async (r, { idempotencyKey }) => ({ id: idempotencyKey, cents: r.cents }), { effect: 'idempotent' }),
)
await using app = tutti({ flows: [book] })
const { output, usage } = await app.run(book, { mail: 'Please pay 17.50 …' }) // `language` may be left out: the schema's input side
const cents: number = output.cents
console.log(output.id, cents, usage.usd)
// @ts-expect-error mail is missing
void app.run(book, {})
// @ts-expect-error a step that does not fit its neighbour is an error at that step
chain('bad', read, (s: string) => s.length)
