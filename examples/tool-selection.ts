// Many tools: the model is shown those that fit what is asked, and looks for others with find_tools. What was chosen is recorded.
import { agent, inMemory, tool, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

const subjects = ['weather', 'currency', 'calendar', 'train', 'hotel', 'recipe', 'translation', 'stock', 'music', 'parcel']
const tools = subjects.flatMap((subject) =>
  ['get', 'cancel'].map((verb) =>
    tool({
      name: `${verb}_${subject}`,
      description: `To ${verb} the ${subject}.`,
      input: z.object({ id: z.string() }),
      effect: verb === 'get' ? 'read' : 'once',
      execute: ({ id }) => `${verb}: ${subject} ${id}`,
    }),
  ),
)

const model = scripted([
  { call: 'cancel_hotel', input: { id: '3' } },
  { call: 'find_tools', input: { query: 'cancel a train' } },
  { call: 'cancel_train', input: { id: '9' } },
  'It is cancelled, and so is the train.',
])
// By words alone; with @tutti/embed-minilm installed and `embed` left out, by their meaning too.
const desk = agent({ name: 'desk', model, tools, toolSelection: { top: 2, embed: false } })

await using app = tutti({ flows: [desk], store: inMemory() })
const { output } = await app.run(desk, 'Cancel my hotel, please.')
for (const { options } of model.calls) console.log(`${options.tools?.length} of ${tools.length}:`, options.tools?.map(({ name }) => name).join(', '))
console.log(output)
