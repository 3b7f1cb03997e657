// A loop: one agent writes, another judges, and it goes on until the judge is content. Each turn has a record of its own: a killed run goes on at its turn.
import { agent, inMemory, loop, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

interface Draft {
  text: string
  /** What the judge said of it; nothing: it is good. */
  critique?: string | undefined
}
const writer = agent({ name: 'writer', instructions: 'Write one line about tea.', model: scripted(['Tea is nice.', 'Tea, from China, is nice.']) })
const judge = agent({
  name: 'judge',
  instructions: 'Say what is missing.',
  output: z.object({ good: z.boolean(), missing: z.string() }),
  model: scripted([{ json: { good: false, missing: 'where it comes from' } }, { json: { good: true, missing: '' } }]),
})

const refine = loop('refine', {
  body: async (draft: Draft, run): Promise<Draft> => {
    const text = await run.call(writer, draft.critique ? `${draft.text}\nMissing: ${draft.critique}` : 'Begin.')
    const { good, missing } = await run.call(judge, text)
    return { text, critique: good ? undefined : missing }
  },
  until: ({ critique }, turn) => {
    console.log(`turn ${turn}: ${critique ?? 'good'}`)
    return critique === undefined
  },
  max: 5,
})

await using app = tutti({ flows: [refine], store: inMemory() })
console.log((await app.run(refine, { text: '' })).output.text)
