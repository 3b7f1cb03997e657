// Memory: an agent is shown a window of its conversation. What is oldest leaves, is summarized, and both are recorded; nothing is gone from the run.
import { agent, inMemory, memory, tool, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const read = tool({
  name: 'read',
  description: 'Reads a chapter.',
  input: z.object({ chapter: z.number() }),
  effect: 'read',
  execute: ({ chapter }) => `Chapter ${chapter}. ${'It was a dark and stormy night; the rain fell in torrents. '.repeat(25)}`,
})
const reads = (...chapters: number[]) => chapters.map((chapter) => ({ call: 'read', input: { chapter } }))
const model = scripted([...reads(1, 2, 3, 4), 'Chapters 1 to 3: it rains.', ...reads(5, 6, 7), 'Chapters 1 to 6: it rains, all night.', 'It rains.'])

const reader = agent({ name: 'reader', instructions: 'Read the book.', tools: [read], model, memory: memory({ window: 1_000, summarize: true }) })

await using app = tutti({ flows: [reader], store: inMemory() })
const { output, usage, id } = await app.run(reader, 'What happens in it?')
console.log(output, `${usage.modelCalls} model calls`)
for (const line of (model.calls.at(-1)?.prompt ?? '').split('\n')) if (line) console.log(' ', line.slice(0, 100))
console.log((await app.replay(id, reader)).output === output ? 'the replay says the same, and asks nobody' : 'the replay said something else')
