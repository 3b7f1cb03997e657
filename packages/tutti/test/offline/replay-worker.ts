/** Replays the runs of a file of exports, and prints how each ends, as its journal would hold it. Nothing may be asked of anyone. */
import { readFileSync } from 'node:fs'
import { tutti } from '../../src/index.ts'
import { importRun, memoryStore } from '../../src/journal/index.ts'
import { encode, type RunId } from '../../src/primitives/index.ts'
import { kindsOf } from './kinds.ts'

interface Exports {
  readonly flows: Readonly<Record<string, keyof ReturnType<typeof kindsOf>>>
  readonly lines: Readonly<Record<string, readonly string[]>>
}

const { flows, lines } = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as Exports
const kinds = kindsOf()
const store = memoryStore()
await using app = tutti({ flows: [], store, resume: false })
const ends: Record<string, unknown> = {}
for (const [run, name] of Object.entries(flows)) {
  await importRun(store, lines[run] as readonly string[])
  ends[run] = await app.replay(run as RunId, kinds[name] as never).then(
    ({ output }) => encode(output),
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  )
}
console.log(JSON.stringify(ends))
