// A queue: at most two runs at once, one of each customer, higher priorities first; the others wait their turn, over all processes on one store.
import { rmSync } from 'node:fs'
import { flow, sqlite, tutti } from 'tutti'

let atOnce = 0
let most = 0
const order: string[] = []

const render = flow('render', { queue: { concurrency: 2, perTenant: 1, rate: '600/m' } }, async (film: string, run) =>
  run.step('frames', film, async (name) => {
    order.push(name)
    most = Math.max(most, ++atOnce)
    await new Promise((resolve) => setTimeout(resolve, 20))
    atOnce--
    return `${name}.mp4`
  }),
)

const store = '.tutti/queue.db'
rmSync(store, { force: true })
await using app = tutti({ flows: [render], store: sqlite(store) })

const films = [
  ['intro', 'acme', 0],
  ['outro', 'acme', 0],
  ['advert', 'acme', 5],
  ['trailer', 'other', 0],
] as const
const handles = await Promise.all(films.map(([film, tenant, priority]) => app.start(render, film, { scope: { tenant }, priority })))

const last = await handles[1]?.outcome()
if (last?.status === 'queued') console.log(`outro is queued: ${last.position} of ${last.queued}`)
for (const handle of handles) console.log((await handle.result()).output)
console.log(`never more than ${most} at once; of acme: ${order.filter((film) => film !== 'trailer').join(', ')}`)
