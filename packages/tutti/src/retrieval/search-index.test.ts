import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { inMemory, tutti } from '../index.ts'
import { openDatabase } from './database.ts'
import type { Embedder } from './embedder.port.ts'
import { type Index, type IndexOptions, index } from './index.ts'
import { sampleEmbedder } from './sample-embedder.ts'

let root: string
let opened: Index[]
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tutti-index-'))
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((index) => index.close()))
  await rm(root, { recursive: true, force: true })
})

const scope = { tenant: 'acme' }
const animals = {
  'docs/cat.md': '# Cats\n\nA cat sleeps on the sofa all day.\n\n## Food\n\nFish and milk.',
  'docs/dog.md': '# Dogs\n\nA dog runs in the garden.',
  'docs/tax.md': '# Taxes\n\nThe tax office opens at nine. Bring the streamText form.',
}

async function put(files: Record<string, string>): Promise<void> {
  await mkdir(join(root, 'docs'), { recursive: true })
  for (const [path, content] of Object.entries(files)) await writeFile(join(root, path), content)
}

function open(o: IndexOptions = {}): Index {
  const made = index('docs', { path: ':memory:', root, embed: false, ahead: false, ...o })
  opened.push(made)
  return made
}

async function ingest(docs: Index, from: string | string[] = 'docs', tenant = scope.tenant) {
  await using app = tutti({ flows: [docs.ingest], store: inMemory(), tenants: true })
  return (await app.run(docs.ingest, { from }, { scope: { tenant } })).output
}

async function filled(o: IndexOptions = {}, files: Record<string, string> = animals): Promise<Index> {
  await put(files)
  const docs = open(o)
  await ingest(docs)
  return docs
}
const sources = async (docs: Index, query: string, o: object = {}): Promise<string[]> => (await docs.search(query, { scope, ...o })).map(({ source }) => source)

describe('searching', () => {
  it('[G4] words are found in any of their forms, in headings, and in the parts of a camel-case name', async () => {
    const docs = await filled()
    expect(await sources(docs, 'where do cats sleep?')).toEqual(['docs/cat.md', 'docs/cat.md'])
    expect(await sources(docs, 'taxes')).toEqual(['docs/tax.md'])
    expect(await sources(docs, 'stream text')).toEqual(['docs/tax.md'])
  })

  it('[G4] a passage is exactly its place in the source, with its line, headings and meta', async () => {
    const docs = await filled()
    const [passage] = await docs.search('fish', { scope })
    expect(passage).toEqual({
      text: 'Fish and milk.',
      source: 'docs/cat.md',
      start: 52,
      end: 66,
      line: 7,
      heading: ['Cats', 'Food'],
      meta: { title: 'Cats' },
      score: 1,
      via: 'words',
    })
    expect(animals['docs/cat.md'].slice(52, 66)).toBe('Fish and milk.')
  })

  it('[G4] what shares no word is found by its meaning, and what shares both comes first', async () => {
    const docs = await filled({ embed: sampleEmbedder([['dog', 'hound', 'dogs']]) })
    await docs.warm({ scope })
    const [first] = await docs.search('hound', { scope })
    expect(first).toMatchObject({ source: 'docs/dog.md', via: 'meaning' })
    expect((await docs.search('dog garden', { scope }))[0]).toMatchObject({ source: 'docs/dog.md', via: 'both' })
  })

  it('[G4] nothing a user types is syntax', async () => {
    const docs = await filled()
    const hostile = fc.oneof(
      fc.string(),
      fc.constantFrom('"', '* OR *', 'NEAR(a b)', 'body:cat', "'; DROP TABLE chunk; --", '^cat', '-cat', '(', 'cat AND', '{a b}: c', '\u0000', '🐈', 'NOT'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { maxLength: 4 }), async (parts) => {
        expect(Array.isArray(await docs.search(parts.join(' '), { scope }))).toBe(true)
      }),
    )
    expect(await sources(docs, '"cat" AND (sofa*')).toContain('docs/cat.md')
  })

  it('[G4] a question of stop words alone, or of no words, is answered all the same', async () => {
    const docs = await filled()
    expect(await sources(docs, 'on the')).not.toEqual([])
    expect(await sources(docs, '??? ')).toEqual([])
  })

  it('[G4] words of scripts without spaces are found', async () => {
    const docs = await filled({}, { 'docs/jp.md': '# 猫\n\n東京の猫はソファで眠ります。', 'docs/cat.md': 'cat' })
    expect(await sources(docs, 'ソファ')).toEqual(['docs/jp.md'])
  })

  it('[G4] a filter keeps to what it names, by words and by meaning', async () => {
    const docs = await filled({ embed: sampleEmbedder() })
    await docs.warm({ scope })
    expect(new Set(await sources(docs, 'a', { filter: { source: ['docs/dog.md', 'docs/tax.md'] } }))).toEqual(new Set(['docs/dog.md', 'docs/tax.md']))
    expect(await sources(docs, 'dog cat', { filter: { title: 'Dogs' } })).toEqual(['docs/dog.md'])
    expect(await sources(docs, 'dog', { filter: { "x' OR 1=1 --": 'y' } })).toEqual([])
    await expect(docs.search('dog', { scope, filter: { 'a"b': 1 } })).rejects.toSatisfy((error) => TuttiError.is(error, 'CONFIG_INVALID'))
  })

  it('[G4] a question beyond 8,000 characters is RETRIEVAL_QUERY_TOO_LONG, with the limit', async () => {
    const docs = await filled()
    expect((await docs.search('cat '.repeat(2_000), { scope })).length).toBeGreaterThan(0)
    await expect(docs.search('x'.repeat(100_000), { scope })).rejects.toSatisfy(
      (error) => TuttiError.is(error, 'RETRIEVAL_QUERY_TOO_LONG') && error.message.includes('8000'),
    )
  })

  it('[G4] an index that nothing was taken into is RETRIEVAL_NO_INDEX', async () => {
    await expect(open().search('cat', { scope })).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_NO_INDEX'))
  })
})

describe('embedding', () => {
  it('[G4] Q1 the first question is answered before anything is embedded, and embeds what its words found', async () => {
    const embedder = sampleEmbedder()
    const docs = await filled({ embed: embedder })
    expect(embedder.asked).toEqual([])
    expect((await sources(docs, 'dog'))[0]).toBe('docs/dog.md')
    expect(embedder.asked).toEqual([['dog', 'Dogs\nA dog runs in the garden.']])
    expect(await docs.stats({ scope })).toMatchObject({ documents: 3, chunks: 4, embedded: 1, embedder: 'sample' })
    await sources(docs, 'dog')
    expect(embedder.asked.at(-1)).toEqual(['dog'])
  })

  it('[G4] the rest is embedded in the background, and once only: the same text costs nothing when it comes again', async () => {
    const embedder = sampleEmbedder()
    const docs = await filled({ embed: embedder })
    expect(await docs.warm({ scope })).toBe(4)
    expect(await docs.warm({ scope })).toBe(0)
    await put({ 'docs/cat.md': `${animals['docs/cat.md']}\n\nNew words.` })
    await ingest(docs)
    await docs.warm({ scope })
    expect(embedder.asked.at(-1)).toEqual(['Cats › Food\nFish and milk.\nNew words.'])
    expect(embedder.asked.flat().length).toBe(5)
  })

  it('[G4] warming that is stopped keeps what it has and goes on from there', async () => {
    const stop = new AbortController()
    const embedder = sampleEmbedder()
    const stopping: Embedder = {
      ...embedder,
      async embed(texts, o) {
        const vectors = await embedder.embed(texts, o)
        if (embedder.asked.length === 2) stop.abort(new Error('stopped'))
        return vectors
      },
    }
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`docs/${i}.md`, `Text number ${'x'.repeat(i + 1)}.`]))
    const docs = await filled({ embed: stopping }, files)
    await expect(docs.warm({ scope, signal: stop.signal })).rejects.toThrow('stopped')
    const { embedded } = await docs.stats({ scope })
    expect(embedded).toBe(16)
    expect(await docs.warm({ scope })).toBe(40 - embedded)
  })

  it('[G4] a closed index stops its background work and opens again when it is used', async () => {
    const docs = await filled({ embed: sampleEmbedder(), ahead: true, path: join(root, 'index.db') })
    await docs.close()
    expect(await sources(docs, 'dog')).toContain('docs/dog.md')
  })

  it('[G4] without an embedding model words alone are searched, and the stats say why', async () => {
    const docs = await filled({ embed: false })
    expect(await docs.stats({ scope })).toEqual({
      documents: 3,
      chunks: 4,
      embedded: 0,
      embedder: undefined,
      reason: 'the index was declared with `embed: false`',
    })
    await expect(docs.warm({ scope })).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_EMBEDDER_MISSING'))
  })
})

describe('tenants', () => {
  it('[K4] a tenant finds, reads and counts nothing of another, by words or by meaning', async () => {
    const docs = await filled({ embed: sampleEmbedder() })
    await put({ 'docs/secret.md': '# Secret\n\nA cat with a secret.' })
    await ingest(docs, 'docs/secret.md', 'other')
    await docs.warm({ scope })
    expect(await sources(docs, 'secret cat', { filter: { source: 'docs/secret.md' } })).toEqual([])
    expect(await sources(docs, 'secret')).not.toContain('docs/secret.md')
    expect(await docs.read('docs/secret.md', { scope })).toBeUndefined()
    expect(await docs.read('docs/secret.md', { scope: { tenant: 'other' } })).toMatchObject({ meta: { title: 'Secret' } })
    expect((await docs.stats({ scope: { tenant: 'other' } })).documents).toBe(1)
  })

  it('[K4] without a tenant nothing is read or written', async () => {
    const docs = await filled()
    for (const scope of [undefined, {}, { tenant: '' }])
      await expect(docs.search('cat', { scope: scope as never })).rejects.toSatisfy((error) => TuttiError.is(error, 'CONFIG_INVALID'))
  })

  it('[K4] a shared index is the same for every tenant, and apart from a tenant of any name', async () => {
    const path = join(root, 'index.db')
    const shared = await filled({ shared: true, path })
    await shared.close()
    expect((await open({ shared: true, path }).search('cat', { scope: { tenant: 'someone' } })).length).toBeGreaterThan(0)
    await expect(open({ path }).search('cat', { scope: { tenant: 's' } })).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_NO_INDEX'))
  })
})

describe('the file', () => {
  it('[G7] what was taken in is there when the file is opened again', async () => {
    const path = join(root, 'deep/index.db')
    const docs = await filled({ path })
    await docs.close()
    expect(await sources(open({ path }), 'dog')).toEqual(['docs/dog.md'])
  })

  it('[G7] two indexes in one file do not meet', async () => {
    const path = join(root, 'index.db')
    await filled({ path })
    const other = index('other', { path, root, embed: false })
    opened.push(other)
    await expect(other.search('cat', { scope })).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_NO_INDEX'))
  })

  it('[G7] a file that is no index, or of a newer tutti, is RETRIEVAL_INDEX_UNUSABLE and left as it is', async () => {
    await writeFile(join(root, 'text.db'), 'not a database, but long enough to be read as one'.repeat(100))
    expect(() => openDatabase(join(root, 'text.db'))).toThrow(/cannot be used/)
    openDatabase(join(root, 'newer.db')).close()
    const newer = new DatabaseSync(join(root, 'newer.db'))
    newer.exec('PRAGMA user_version = 999')
    newer.close()
    expect(() => openDatabase(join(root, 'newer.db'))).toThrow(/layout 999/)
  })
})

describe('the search tool', () => {
  it('[G4] gives a model passages it can cite, in the tenant of the run, and reads only', async () => {
    const docs = await filled()
    const tool = docs.asTool({ top: 1 })
    expect(tool).toMatchObject({ name: 'search_docs', effect: 'read' })
    const ctx = { scope, signal: new AbortController().signal, idempotencyKey: '', attempt: 1, heartbeat: () => {} }
    expect(await tool['~tool'].execute({ query: 'fish' }, ctx)).toEqual([
      { text: 'Fish and milk.', source: 'docs/cat.md', start: 52, end: 66, line: 7, heading: ['Cats', 'Food'], score: 1 },
    ])
    expect(tool['~tool'].inputSchema['~standard'].validate({ query: ' ' })).toHaveProperty('issues')
    expect(tool['~tool'].inputSchema['~standard'].jsonSchema.input({ target: 'draft-2020-12' })).toMatchObject({ required: ['query'] })
  })
})
