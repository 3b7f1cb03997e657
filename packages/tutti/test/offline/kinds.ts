/** A run of every kind, for a process that makes them and one that replays them. */
import { z } from 'zod'
import { type App, agent, flow, notDone, type RunHandle, signal, tool } from '../../src/index.ts'
import type { JournalStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { type Scripted, scripted } from '../../src/testing/index.ts'

const Go = signal('go', z.string())

/** Without `turns` for its model nothing may be done. */
export function kindsOf(turns?: readonly Scripted[]) {
  /** What a step does. */
  const done = <T>(what: string, value: T): T => {
    if (!turns) throw new Error(`${what} was done during a replay`)
    return value
  }
  const failed = (what: string, error: Error): Promise<string> => Promise.reject(done(what, error))
  const find = tool({
    ...{ name: 'find', description: 'Finds.', input: z.object({ id: z.string() }), effect: 'read' },
    execute: ({ id }) => done('find', { id, at: new Date(1_700_000_000_000) }),
  })
  const writer = agent({ name: 'writer', instructions: 'Write.', tools: [find], model: scripted(turns ?? []) })
  const rich = flow('rich', async (n: number, run) => {
    const kept = await run.step('kept', n, (x) =>
      done('kept', { map: new Map([['n', BigInt(x)]]), bytes: new Uint8Array([1, x]), text: 'é\u2028'.repeat(700) }),
    )
    const parts = await run.map('each', [3, 2, 1], (x) => done('each', x * n), { concurrency: 2 })
    return { kept, parts, id: run.uuid(), chance: run.random(), at: run.now(), none: undefined, less: -0 }
  })
  const waits = flow('waits', async (n: number, run) => {
    await run.sleep('rest', 5)
    return `${n} ${await run.wait(Go)}`
  })
  const fails = flow('fails', async (n: number, run) => {
    await run.step('fine', n, (x) => done('fine', x))
    return run.step('broken', n, () => failed('broken', new TypeError('out of paper')))
  })
  const doubts = flow('doubts', async (n: number, run) => run.step('charge', n, () => failed('charge', new Error('cut off')), { effect: 'once' }))
  const refuses = flow('refuses', async (n: number, run) => run.step('charge', n, () => failed('charge', notDone('no funds')), { effect: 'once' }))
  return { writer, rich, waits, fails, doubts, refuses }
}

/** Makes one run of each kind; which id is of which flow. */
export async function recordAll(app: App, store: JournalStore, kinds: ReturnType<typeof kindsOf>): Promise<Readonly<Record<string, keyof typeof kinds>>> {
  const { writer, rich, waits, fails, doubts, refuses } = kinds
  await app.run(writer, 'Where is order 17?', { id: 'agent' })
  await app.run(rich, 7, { id: 'rich' })
  const fork = await app.fork('rich', rich, { at: 'rich/each:1', output: 70 })
  await fork.result()
  await end(await app.start(fails, 1, { id: 'failed' }))
  await end(await app.start(refuses, 1, { id: 'refused' }))
  const waited = await app.start(waits, 1, { id: 'waited' })
  await waited.send(Go, 'yes')
  await waited.result()
  const cancelled = await app.start(waits, 2, { id: 'cancelled' })
  await end(cancelled)
  await cancelled.cancel('not needed')
  await end(cancelled)
  for (const id of ['doubted', 'resolved']) await end(await app.start(doubts, 1, { id }))
  const verdict = { id: 'm1', type: 'resolve', key: 'doubts/charge', verdict: 'done', value: 'it was paid' } as const
  await store.post('resolved' as RunId, verdict, Date.now())
  for await (const { type } of (await app.get('resolved'))?.events() ?? []) if (type === 'run.completed') break
  await end(await app.start(waits, 3, { id: 'waiting' }))
  const flows = { agent: 'writer', rich: 'rich', [fork.id]: 'rich', failed: 'fails', refused: 'refuses', waited: 'waits', cancelled: 'waits' } as const
  return { ...flows, doubted: 'doubts', resolved: 'doubts', waiting: 'waits' }
}

const end = (handle: RunHandle<unknown>): Promise<unknown> => handle.outcome()
