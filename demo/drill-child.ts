/** One process of the crash drill: starts the survey, or goes on with it, and tells its parent of each step that has begun or has an outcome. */
import { tutti } from 'tutti'
import { survey } from './desk.ts'

const [how, id, questions] = process.argv.slice(2) as ['start' | 'resume', string, string]
const app = tutti({ flows: [survey], resume: false, model: 'tutti/extractive' })
const handle = how === 'start' ? await app.start(survey, JSON.parse(questions) as string[], { id }) : await app.resume(id)
for await (const event of handle.events()) if (event.type === 'step.completed' || event.type === 'step.started') process.send?.(event.type)
await handle.result()
await app.close()
process.exit(0)
