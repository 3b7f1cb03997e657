// A run of ten steps is run again with one prompt changed: what does not rest on that prompt is taken over from its journal, and costs nothing.
import { agent, flow, inMemory, tutti } from 'tutti'
import { scripted } from 'tutti/testing'

const writer = agent({ name: 'writer', instructions: 'Write one paragraph.' })
const titler = agent({ name: 'titler', instructions: 'Find a title.' })
const editor = agent({ name: 'editor', instructions: 'Mend the text.' })

const newsletter = flow('newsletter', async (topics: string[], run) => {
  const facts = await run.map('fact', topics, (topic) => `facts about ${topic}`)
  const parts = await run.map('write', facts, writer, { concurrency: 1 })
  const title = await run.call(titler, facts.join(', '))
  const page = await run.step('lay out', { title, parts }, (page) => `# ${page.title}\n${page.parts.join('\n')}`)
  const text = await run.call(editor, page)
  return run.step('count', text, (all) => ({ text: all, words: all.split(' ').length }))
})

// The models of this example answer from a script; the three answers at its end are those that the fork asks for.
const model = scripted([
  'On bread.',
  'On tea.',
  'On jam.',
  'Breakfast',
  'Breakfast: on bread, tea and jam.',
  'Good morning!',
  'Good morning! On bread, tea and jam.',
])
await using app = tutti({ flows: [newsletter], store: inMemory(), model })

const first = await app.run(newsletter, ['bread', 'tea', 'jam'])
console.log(first.output.text, `(${model.calls.length} model calls)`)

const fork = await app.fork(first.id, newsletter, { at: 'newsletter/titler', instructions: 'Find a cheerful title.' })
const { output } = await fork.result()
console.log(output.text, `(${model.calls.length} model calls)`)
const { steps } = await app.diff(first.id, fork.id)
for (const { key, change } of steps) console.log(change.padEnd(6), key)
