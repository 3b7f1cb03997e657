import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LLMock } from '@copilotkit/aimock'
import { describe, expect, onTestFinished, test } from 'vitest'
import { agent } from '../agent/index.ts'
import { type Budget, flow, inMemory, sqlite, tutti } from '../index.ts'
import type { EmbeddingModel, Gateway } from '../model/model.port.ts'
import { scripted } from '../testing/scripted.ts'
import { testEngine } from '../testing/test-engine.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { index } from './index.ts'
import { sampleEmbedder } from './sample-embedder.ts'

const prices = { 'acme/vec': { input: 10, output: 0 }, 'acme/other': { input: 10, output: 0 } }
const scope = { tenant: 'acme' }
const docs = {
  'cat.md': '# Cats\n\nA cat sleeps on the sofa.',
  'dog.md': '# Dogs\n\nA dog runs in the garden.',
  'tax.md': '# Taxes\n\nThe office opens at nine.',
}

/** A provider's model; a token is a word. `fails` says what a call fails with. */
function embedding(name = 'vec', o: { fails?: (call: number) => Error | undefined; dimensions?: number } = {}): EmbeddingModel & { asked: string[][] } {
  const words = sampleEmbedder([['cat', 'kitten']])
  const asked: string[][] = []
  return {
    ...{ specificationVersion: 'v4', provider: 'acme.api', modelId: name, asked, maxEmbeddingsPerCall: 2 },
    doEmbed: async ({ values }) => {
      asked.push(values)
      const failure = o.fails?.(asked.length)
      if (failure) throw failure
      const vectors = await words.embed(values)
      return {
        embeddings: vectors.map((vector) => [...vector.map((each) => each * 3)].slice(0, o.dimensions)),
        usage: { tokens: values.join(' ').split(/\s+/).length },
      }
    },
  }
}

async function place(files: Record<string, string> = docs) {
  const root = await mkdtemp(join(tmpdir(), 'tutti-embed-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'docs'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, 'docs', name), text)
  const at = (embed: EmbeddingModel | string) => {
    const made = index('docs', { path: join(root, 'index.db'), root, embed })
    onTestFinished(() => made.close())
    return made
  }
  return { root, at }
}
const ingested = async (of: ReturnType<typeof index>, budget: Budget = { usd: 1 }) => {
  await using app = tutti({ flows: [of.ingest], store: inMemory(), prices })
  return await app.run(of.ingest, { from: 'docs' }, { scope, budget })
}
const searched = async (of: ReturnType<typeof index>, query: string, budget: Budget = { usd: 1 }) => {
  const ask = flow('ask', async (asked: string, run) => (await of.search(asked, { scope: run.scope, run })).map(({ source }) => source))
  await using app = tutti({ flows: [ask], store: inMemory(), prices })
  return await app.run(ask, query, { scope, budget })
}

describe("an index that a provider's model embeds", () => {
  test('[B8] [G2] ingestion embeds each text once, as priced steps of its run; a question is one more', async () => {
    const { at } = await place()
    const model = embedding()
    const of = at(model)
    const first = await ingested(of)
    expect(first.output).toMatchObject({ added: 3, embedded: 3 })
    const words = model.asked.flat().join(' ').split(/\s+/).length
    expect(first.usage).toMatchObject({ inputTokens: words, modelCalls: 1, usd: (words * 10) / 1e6 })
    expect((await ingested(of)).output).toMatchObject({ unchanged: 3, embedded: 0 })
    expect(model.asked.flat()).toHaveLength(3)
    expect(await of.stats({ scope })).toMatchObject({ embedder: 'acme/vec', dimensions: 64, chunks: 3, embedded: 3 })
    const found = await searched(of, 'kitten')
    expect(found.output[0]).toBe('docs/cat.md')
    expect(found.usage).toMatchObject({ inputTokens: 1, modelCalls: 1, usd: 0.00001 })
  })

  test('[B8] [B1] what the budget has no room for is not embedded, and not asked; what was embedded stays', async () => {
    const { at } = await place(
      Object.fromEntries(Array.from({ length: 140 }, (_, n) => [`${n}.md`, `# Number ${n}\n\nA text about the number ${n}, and nothing else.`])),
    )
    const model = embedding()
    const of = at(model)
    await expect(ingested(of, { modelCalls: 2 })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
    expect(model.asked.flat().length).toBeLessThanOrEqual(128)
    const { embedded } = await of.stats({ scope })
    expect((await ingested(of)).output).toMatchObject({ unchanged: 140, embedded: 140 - embedded })
    expect(new Set(model.asked.flat()).size).toBe(140)
    const asked = model.asked.length
    await expect(searched(of, 'kitten', { usd: 0 })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
    expect(model.asked.length).toBe(asked)
  })

  test('[B8] as the tool of an agent it is paid for by the run, and its question is recorded before the search', async () => {
    const { at } = await place()
    const of = at(embedding())
    await ingested(of)
    const helper = agent({ name: 'helper', tools: [of.asTool()], model: scripted([{ call: 'search_docs', input: { query: 'kitten' } }, 'On the sofa.']) })
    await using app = testing({ flows: [helper], prices })
    const handle = await app.start(helper, 'Where does it sleep?', { scope, budget: { usd: 1 } })
    const { usage } = await handle.result()
    expect(usage.usd).toBe(0.00001)
    const steps = (await app.why(handle.id)).steps.map(({ key }) => key)
    const [embed, search] = ['embed', 'search_docs'].map((name) => steps.findIndex((key) => key.includes(name)))
    expect(embed).toBeGreaterThanOrEqual(0)
    expect(search).toBeGreaterThan(embed as number)
    expect((await app.replay(handle.id, helper)).output).toBe('On the sofa.')
  })

  test('[B8] [M1] by its name alone, through the package of its provider and over HTTP, at the price of the table', async () => {
    const mock = new LLMock({ port: 0, host: '127.0.0.1' })
    const url = await mock.start()
    onTestFinished(async () => void (await mock.stop()))
    mock.onEmbedding(/.*/, { embedding: Array.from({ length: 1_536 }, (_, i) => Math.sin(i)) })
    const { at } = await place()
    const of = at('openai/text-embedding-3-small')
    const { start } = testEngine([of.ingest], withModel(undefined, { env: { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: `${url}/v1` } }))
    const { output } = await (await start(of.ingest, { from: 'docs' }, { scope, budget: { usd: 0.01 } })).result()
    expect(output).toMatchObject({ added: 3, embedded: 3 })
    expect(mock.getRequests().map(({ path }) => path)).toEqual(['/v1/embeddings'])
    expect(await of.stats({ scope })).toMatchObject({ embedder: 'openai/text-embedding-3-small', dimensions: 1_536, embedded: 3 })
  })

  test('[B8] without a run there is nobody to pay: it is refused, and nothing is embedded in the background', async () => {
    const { at } = await place()
    const model = embedding()
    const of = at(model)
    await ingested(of)
    const asked = model.asked.length
    await expect(of.search('kitten', { scope })).rejects.toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('run') })
    await expect(of.warm({ scope })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(model.asked.length).toBe(asked)
    expect(() => index('x', { embed: 'moon' })).toThrow("embedded by 'moon', which is no model")
  })

  test('[G7] another model than the one that embedded it is refused with both named, before anything is paid; ingesting again embeds with the new one', async () => {
    const { at } = await place()
    await ingested(at(embedding()))
    const other = embedding('other')
    const of = at(other)
    await expect(searched(of, 'kitten')).rejects.toMatchObject({
      code: 'RETRIEVAL_EMBEDDER_CHANGED',
      message: "the index 'docs' is declared with acme/other, but it was embedded by acme/vec (64 dimensions)",
    })
    expect(other.asked).toEqual([])
    expect((await ingested(of)).output).toMatchObject({ unchanged: 3, embedded: 3 })
    expect((await searched(of, 'kitten')).output[0]).toBe('docs/cat.md')
  })

  test('[G7] a model that answers vectors of another length than before is refused', async () => {
    const { at } = await place()
    await ingested(at(embedding()))
    await expect(searched(at(embedding('vec', { dimensions: 32 })), 'kitten')).rejects.toMatchObject({
      code: 'RETRIEVAL_EMBEDDER_CHANGED',
      message: "acme/vec answered a vector of 32 dimensions, and the index 'docs' has 64",
    })
  })

  test('[R1] a step that was lost after its vectors were stored asks for none of them again', async () => {
    const { at } = await place()
    const of = at(embedding())
    const asked: (readonly string[])[] = []
    // A gateway whose first attempt stores, and is lost before it is recorded.
    const lossy: Gateway = {
      ask: () => Promise.reject(new Error('not asked')),
      async embed(_, { texts, keep }) {
        for (const attempt of [1, 2]) {
          asked.push(texts())
          const kept = keep(asked.at(-1)?.map((text) => [text.length, 1]) ?? [])
          if (attempt === 2) return kept
        }
        throw new Error('unreachable')
      },
    }
    const { start } = testEngine([of.ingest], { services: new Map([['model.gateway', lossy]]) })
    await (await start(of.ingest, { from: 'docs' }, { scope })).result()
    expect(asked.map(({ length }) => length)).toEqual([3, 0])
    expect(await of.stats({ scope })).toMatchObject({ embedded: 3 })
  })

  test('[R1] [B2] an ingestion that stopped goes on where it was: what was embedded is not asked for again', async () => {
    const { root, at } = await place(Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`${n}.md`, `# Number ${n}\n\nA text about the number ${n}.`])))
    const gone = Promise.withResolvers<void>()
    let reached = 0
    const hanging = embedding()
    const first = {
      ...hanging,
      doEmbed: async (o: Parameters<EmbeddingModel['doEmbed']>[0]) => {
        // Of the two steps, 32 calls and 3, one is under way when its process goes.
        if (reached++ >= 32) await gone.promise
        return hanging.doEmbed(o)
      },
    }
    const store = join(root, 'tutti.db')
    const dies = at(first)
    const app = tutti({ flows: [dies.ingest], store: sqlite(store), prices })
    const { id } = await app.start(dies.ingest, { from: 'docs' }, { scope, budget: { usd: 1 } })
    await expect.poll(() => reached, { timeout: 20_000 }).toBeGreaterThan(32)
    await app.close({ graceMs: 0 })
    gone.resolve()
    const again = embedding()
    const of = at(again)
    await using second = tutti({ flows: [of.ingest], store: sqlite(store), prices })
    const { output } = await (await second.resume(id)).result()
    expect(output).toMatchObject({ added: 70 })
    expect(again.asked.flat().length).toBeLessThan(70)
    expect(await of.stats({ scope })).toMatchObject({ chunks: 70, embedded: 70 })
  })
})
