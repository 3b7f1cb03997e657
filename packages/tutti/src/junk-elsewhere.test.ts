/** What the subpaths of the package export to be called (`tutti/model` and its neighbours): each takes what is given, or says what is wrong with it. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flow, inMemory, TuttiError } from './index.ts'
import * as journal from './journal/index.ts'
import * as model from './model/index.ts'
import * as retrieval from './retrieval/index.ts'
import * as server from './server/index.ts'
import * as kit from './testing/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: no type is to stand in the way
type Anything = any
/** As JavaScript sees them. */
const js: Readonly<Record<string, Anything>> = { ...journal, ...model, ...retrieval, ...server, ...kit }

const junk: readonly unknown[] = [undefined, null, 3, -1, 2.5, 'x', {}, [], () => {}, Number.NaN, true, [3], [null], [{}], { a: 3 }, { a: null }]

const named = { specificationVersion: 'v2', provider: 'acme', modelId: 'one' }
const embeds = { ...named, maxEmbeddingsPerCall: 1, doEmbed: async ({ values }: Anything) => ({ embeddings: values.map(() => [1]), usage: { tokens: 1 } }) }
const ranks = { ...named, doRerank: async () => ({ ranking: [{ index: 0, relevanceScore: 1 }] }) }
const says = { ...named, doGenerate: async () => ({ images: ['x'], text: 'x', audio: 'x' }) }
const nowhere = join(tmpdir(), 'tutti-is-not-here')
const citation = { quote: 'a', source: 'a.md', start: 0, end: 1 }
const own = { name: 'x', version: '1', root: nowhere, from: [] }
const documentation = { search: () => [], page: () => {}, pages: () => [], packages: () => [] }
const key = 'ab'.repeat(32)

/** A call of each that is right. */
const calls: readonly [called: string, ...args: Anything[]][] = [
  ['parseOutput', '{}'],
  ['priceOf', 'openai/gpt-5-mini', {}],
  ['resolveModel', 'tutti/extractive', { env: {}, cwd: nowhere }],
  ['split', { text: '# A', mediaType: 'text/markdown', meta: {} }, { tokens: 3 }],
  ['readText', 'a', 'text/plain', {}],
  ['readHtml', '<p>a'],
  ['load', 'none.md', { root: nowhere, maxBytes: 3 }],
  ['scan', '*.none', { root: nowhere, everything: true }],
  ['installedPackages', nowhere, { all: true }],
  ['packageDocs', nowhere, { all: true, only: ['a'], maxBytes: 3 }],
  ['documentation', { own, only: ['a'], all: false, cache: ':memory:', project: nowhere }],
  ['verifyCitations', () => 'a', { text: 'a', citations: [citation] }],
  ['findQuote', 'a b', 'b', 0],
  ['lineAt', 'a', 0],
  ['sentences', 'a'],
  ['estimateTokens', 'a'],
  ['exportToFile', inMemory(), 'run', join(nowhere, 'x')],
  ['exportRun', inMemory(), 'run'],
  ['importRun', inMemory(), ['x']],
  ['rotateKey', join(nowhere, 'x.db'), { key, keys: 'x' }, { key }],
  ['simulatedClock', 3],
  ['docsServer', { documentation, version: '1', instructions: 'x' }],
]
const inRun: readonly [called: string, ...args: Anything[]][] = [
  ['embed', embeds, ['a', 'b']],
  ['rerank', ranks, 'a', ['a'], { top: 1 }],
  ['generateImage', says, 'a', { n: 1, size: '1x1' }],
  ['transcribe', says, new Uint8Array(1), { mediaType: 'audio/wav', maxSeconds: 3 }],
  ['speak', says, 'a', { voice: 'x' }],
]

/** What a value is an example of: given another, the call means nothing. */
const kindOf = (value: unknown): string =>
  value === null || value === undefined || Number.isNaN(value) ? String(value) : Array.isArray(value) ? 'list' : typeof value

/** What is given last to these may hold more than they look at. */
const open = new Set(['priceOf', 'resolveModel', 'readText', 'verifyCitations'])

/** Each argument, and each option, in turn something of another kind, left out where something has to be, and with one that there is not. */
function* wrong(called: string, args: readonly Anything[]): Generator<readonly Anything[]> {
  const needed: number = js[called].length
  for (const [i, arg] of args.entries()) {
    for (const to of junk) if (kindOf(to) !== kindOf(arg) && (to !== undefined || i < needed)) yield args.with(i, to)
    for (const other of otherOptions(arg)) yield args.with(i, other)
  }
  if (kindOf(args.at(-1)) === 'object' && !open.has(called)) yield args.with(-1, { ...args.at(-1), none: 3 })
}

function* otherOptions(arg: Anything): Generator<Anything> {
  for (const [name, value] of optionsOf(arg)) for (const to of junk) if (to !== undefined && kindOf(to) !== kindOf(value)) yield { ...arg, [name]: to }
}

/** Not what others implement: a store, a model, the bytes of a recording, a run. */
const optionsOf = (arg: Anything): [string, unknown][] =>
  kindOf(arg) !== 'object' || arg instanceof Uint8Array || ['~store', '~core', 'modelId'].some((brand) => brand in arg) ? [] : Object.entries(arg)

/** What came of it that is no answer: it was taken, or ended in the error of somebody who looked into junk. */
async function complaint(call: () => Anything): Promise<string | undefined> {
  try {
    const made = await call()
    if (typeof made?.next === 'function') await made.next()
    made?.close?.()
    return 'taken'
  } catch (error) {
    return TuttiError.is(error) && error.code === 'CONFIG_INVALID' && error.message !== '' && error.hint !== ''
      ? undefined
      : String((error as Error).stack).slice(0, 300)
  }
}

async function complaints(called: string, args: readonly Anything[], call: (args: readonly Anything[]) => unknown): Promise<string[]> {
  const found: string[] = []
  for (const given of wrong(called, args)) {
    const says = await complaint(() => call(given))
    if (says !== undefined)
      found.push(`${says}: ${called}(${given.map((each) => (typeof each === 'object' ? JSON.stringify(each) : String(each))).join(', ')})`)
  }
  return found
}

test.each(calls)('%s refuses each argument and option of another kind', async (called, ...args) => {
  expect(await complaints(called, args, (given) => js[called](...given))).toEqual([])
})

test.each(inRun)('%s refuses each argument and option of another kind before anything is held or recorded', async (called, ...args) => {
  let found: string[] = []
  const work = flow('work', async (_: null, run) => {
    found = await complaints(called, [run, ...args], (given) => js[called](...given))
    await js[called](run, ...args)
  })
  await using app = kit.testing({ flows: [work] })
  const { usage } = await app.run(work, null)
  expect(found).toEqual([])
  expect(usage.modelCalls).toBe(called === 'embed' ? 2 : 1)
})
