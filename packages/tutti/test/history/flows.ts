/**
 * The flows of the recorded journals beside this file. Their runs are replayed for ever, so nothing here is ever changed: what a new version of tutti records
 * differently goes into a new flow, and a new file.
 */
import { z } from 'zod'
import { agent, chain, flow, graph, loop, memory, parallel, signal, tool } from '../../src/index.ts'

export const Go = signal('go', z.string())
export const Later = signal('later', z.string())

export const values = flow('values', async (n: number, run) => {
  const date = await run.step('date', n, (days) => new Date(days * 86_400_000))
  const map = await run.step('map', n, () => new Map([['a', new Set([1, 2])]]))
  const big = await run.step('bigint', n, () => 2n ** 70n)
  const bytes = await run.step('bytes', n, () => new Uint8Array([0, 127, 255]))
  const long = await run.step('blob', n, () => 'long '.repeat(500))
  const none = await run.step('undefined', n, () => undefined)
  run.note('a note', { n })
  run.emit('progress', { done: 6 })
  await run.sleep('nap', 5)
  const chance = [run.random(), run.uuid()]
  return { date, map, big, bytes, long, none, chance, at: run.now() }
})

const shout = flow('shout', async (word: string, run) => run.step('say', word, (text) => text.toUpperCase()))
export const shapes = flow('shapes', async (words: string[], run) => {
  const all = await run.all({ a: run.call(shout, 'a'), b: run.step('b', 'b', (text) => text) })
  const mapped = await run.map('each', words, shout, { concurrency: 2 })
  const collected = await run.map('try', words, (word) => (word === 'b' ? Promise.reject(new Error('not b')) : word), { onError: 'collect' })
  const first = await Promise.race([run.step('quick', 1, () => 'quick'), run.sleep('slow', '1h').then(() => 'slow')])
  const changed = run.changed('the greeting')
  const free = await run.step('free', () => `rests on ${words.length}`)
  return [all, mapped, collected.map((item) => item.ok), first, changed, free]
})

const halve = flow('halve', async (n: number, run) => run.step('half', n, (x) => x / 2))
const both = parallel('both', { half: halve, twice: flow('twice', (n: number) => n * 2) })
const drawn = graph('drawn', { input: z.object({ half: z.number(), twice: z.number() }) }, (input, g) =>
  g.node('sum', { input }, (given) => given.input.half + given.input.twice),
)
const grow = loop<number>('grow', { body: (n: number) => n * 2, until: (n) => n > 20, max: 5 })
export const composed = chain('composed', both, drawn, grow)

export const waits = flow('waits', async (_: null, run) => {
  const early = await run.wait(Later)
  const nobody = await run.wait(Later, { timeout: '5ms', onTimeout: 'nobody' })
  const went = await run.wait(Go, { data: { asks: 'you' } })
  return [early, nobody, went]
})

const find = tool({ name: 'find', description: 'Finds.', input: z.object({ id: z.string() }), effect: 'read', execute: ({ id }) => `order ${id}` })
export const clerk = agent({ name: 'clerk', instructions: 'Be kind.', tools: [find], output: z.object({ says: z.string() }) })

const page = tool({
  name: 'page',
  description: 'Reads a page.',
  input: z.object({ n: z.number() }),
  effect: 'read',
  execute: ({ n }) => ({
    page: n,
    lines: Array.from({ length: 20 }, (_, line) => `line ${line} of page ${n}: in which, among other things, something is said about lamps`),
  }),
})
export const reader = agent({ name: 'reader', instructions: 'Read.', tools: [page], memory: memory({ window: 1_200, summarize: 'hierarchical' }) })

let tries = 0
export const troubled = flow('troubled', async (_: null, run) => {
  const again = await run.step('again', 1, (_, { attempt }) => (attempt < 2 ? Promise.reject(new Error('once more')) : attempt), {
    effect: 'idempotent',
    retry: { attempts: 3, backoff: 1 },
  })
  const caught = await run.step('fails', 1, () => Promise.reject(new Error('for good'))).catch((error: { code: string }) => error.code)
  const paid = await run.step('pay', 1, () => (++tries > 1 ? 'paid' : Promise.reject(new Error('cut'))), { effect: 'once' })
  const signed = await run.step('sign', 1, () => Promise.reject(new Error('cut')), { effect: 'once' })
  return [again, caught, paid, signed]
})

export const trip = flow('trip', async (_: null, run) => {
  await run.step('hotel', 1, () => 'booked', { effect: 'idempotent', undo: () => {} })
  return run.fail('no flight', { to: 'Oslo' })
})

export const report = flow('report', async (n: number, run) => [await run.step('plan', n, (x) => `plan ${x}`), await run.wait(Go)])
export const report2 = flow('report', { version: '2', migrations: { '1': { rename: { 'report/plan': 'report/outline' } } } }, async (n: number, run) => [
  await run.step('outline', n, (x) => `outline ${x}`),
  await run.step('write', n, (x) => `text ${x}`),
  await run.wait(Go),
])

export const slow = flow('slow', { deadline: '1s' }, async (_: null, run) => run.wait(Go))
export const stopped = flow('stopped', async (_: null, run) => run.wait(Go))
