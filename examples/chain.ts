// A chain: each step is given what the one before it made, and every outcome is in the journal.
import { chain, inMemory, tutti } from 'tutti'
import { z } from 'zod'

const Invoice = z.object({ vendor: z.string(), total: z.coerce.number().positive(), due: z.iso.date() })

/** 'vendor: Ada' and so on, one field a line. */
const read = (mail: string) => Object.fromEntries(mail.split('\n').map((line) => line.split(': ')))
const check = (fields: unknown) => Invoice.parse(fields)

const book = chain(
  'book',
  read,
  check,
  (invoice) => ({ ...invoice, cents: Math.round(invoice.total * 100) }),
  // A function that takes the run does its effects through it, each a step of its own, with a key that is the same on every attempt.
  (row, run) => run.step('insert', row, async (r, { idempotencyKey }) => ({ id: idempotencyKey, cents: r.cents }), { effect: 'idempotent' }),
)

await using app = tutti({ flows: [book], store: inMemory() })
const { output, id } = await app.run(book, 'vendor: Ada\ntotal: 17.50\ndue: 2026-03-01')
console.log(`booked ${output.cents} cents`)

const again = await app.replay(id, book)
console.log(`replayed from the journal alone: ${again.output.cents} cents`)
