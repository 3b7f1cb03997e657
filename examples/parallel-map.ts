// Work beside work: parallel for different things about one input, map for the same thing about many. A failed item does not end the map.
import { flow, inMemory, map, parallel, tutti } from 'tutti'

const words = flow('words', (text: string) => text.split(/\s+/).filter(Boolean).length)
const shout = flow('shout', (text: string) => {
  if (text === '') throw new Error('nothing to shout')
  return text.toUpperCase()
})

const look = parallel('look', { words, shout })
const lookAtAll = map('look-at-all', look, { concurrency: 2, onError: 'collect' })

await using app = tutti({ flows: [lookAtAll], store: inMemory() })
const { output } = await app.run(lookAtAll, ['piano', '', 'molto forte'])
for (const item of output) console.log(item.ok ? `${item.output.shout} (${item.output.words})` : `item ${item.index}: ${item.error.message}`)
