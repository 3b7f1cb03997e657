/**
 * Records the runs of `flows.ts` into files named by the version of tutti that wrote them. Run once a version, by hand, before it is released:
 * `node --conditions=tutti-source packages/tutti/test/history/record.ts`. A file that exists is never written again.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import packageOf from '../../package.json' with { type: 'json' }
import { type AnyFlow, inMemory, type RunHandle, type RunId, tutti } from '../../src/index.ts'
import { exportRun, type JournalStore } from '../../src/journal/index.ts'
import { scripted } from '../../src/testing/index.ts'
import * as flows from './flows.ts'

const folder = join(import.meta.dirname, packageOf.version)
const store = inMemory() as JournalStore & ReturnType<typeof inMemory>
const pages = (...ns: number[]) => ns.map((n) => ({ call: 'page', input: { n } }))
const model = scripted([
  ...[{ call: 'find', input: { id: '17' } }, { json: { says: 'order 17' } }],
  ...[...pages(1, 2, 3, 4, 5), 'Pages 1 to 4: lamps.', ...pages(6, 7, 8, 9), 'Pages 5 to 8: more lamps.', 'It is about lamps.'],
])
const first = Object.values(flows).filter((each): each is never => '~flow' in each && each !== flows.report2)
const app = tutti({ flows: first, store, model, resume: false })

async function save(name: string, run: RunId): Promise<void> {
  const path = join(folder, `${name}.jsonl`)
  if (existsSync(path)) throw new Error(`${path} is recorded, and is never recorded again: give what is new a flow and a name of its own`)
  const lines: string[] = []
  for await (const line of exportRun(store, run)) lines.push(line)
  writeFileSync(path, lines.join(''), { flag: 'wx' })
}

const begin = (flow: AnyFlow, input: unknown, o: object = {}): Promise<RunHandle<unknown>> => app.start(flow as never, input as never, o as never)
async function saveEnded(name: string, handle: RunHandle<unknown>): Promise<void> {
  await handle.result().catch(() => {})
  await save(name, handle.id)
}

mkdirSync(folder, { recursive: true })
const values = await begin(flows.values, 20_000)
await saveEnded('values', values)
await saveEnded('fork', await app.fork(values.id, flows.values, { at: 'values/bigint', output: 5n }))
await saveEnded('shapes', await begin(flows.shapes, ['a', 'b', 'c']))
await saveEnded('composed', await begin(flows.composed, 4))
await saveEnded('trip', await begin(flows.trip, null))
const clerk = await begin(flows.clerk, 'Where is order 17?', { budget: { modelCalls: 5, toolCalls: 2 } })
await clerk.grant({ modelCalls: 1 })
await saveEnded('agent', clerk)
await saveEnded('compacted', await begin(flows.reader, 'What is it about?'))
await saveEnded('deadline', await begin(flows.slow, null, { deadline: 5 }))

const troubled = await begin(flows.troubled, null)
await troubled.outcome()
await store.post(troubled.id, { id: 'one', type: 'resolve', key: 'troubled/pay', verdict: 'not-done' }, Date.now())
await app.resume(troubled.id)
while ((await store.head(troubled.id))?.status !== 'waiting' || !JSON.stringify(await troubled.outcome()).includes('troubled/sign'))
  await new Promise((resolve) => setTimeout(resolve, 50))
await store.post(troubled.id, { id: 'two', type: 'resolve', key: 'troubled/sign', verdict: 'done', value: 'by hand' }, Date.now())
await app.resume(troubled.id)
await saveEnded('troubled', troubled)

const waits = await begin(flows.waits, null)
await waits.send(flows.Later, 'early')
await waits.outcome()
await save('waiting', waits.id)
await waits.send(flows.Go, 'yes')
await saveEnded('waits', waits)

const stopped = await begin(flows.stopped, null)
await stopped.outcome()
await stopped.cancel('enough')
await saveEnded('cancelled', stopped)

const report = await begin(flows.report, 1)
await report.outcome()
await app.close({ graceMs: 0 })

const next = tutti({ flows: [...first.filter((each) => each !== flows.report), flows.report2], store, model, resume: false })
const carried = await next.resume(report.id)
await carried.outcome()
await carried.send(flows.Go, 'yes')
await saveEnded('carried', carried)
await next.close({ graceMs: 0 })
