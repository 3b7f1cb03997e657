import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { inMemory, sqlite, tutti } from '../index.ts'
import { openDatabase } from './database.ts'
import type { Document } from './document.ts'
import { type Index, index } from './index.ts'
import { survey, takeIn, takeOut } from './ingest.ts'
import { Partition } from './partition.ts'
import { split } from './split.ts'

let root: string
let docs: Index
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tutti-ingest-'))
  docs = index('docs', { path: ':memory:', root, embed: false })
})
afterEach(async () => {
  await docs.close()
  await rm(root, { recursive: true, force: true })
})

const scope = { tenant: 'default' }
async function put(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), content)
  }
}
async function ingest(from: string | string[] = 'docs') {
  await using app = tutti({ flows: [docs.ingest], store: inMemory() })
  return (await app.run(docs.ingest, { from })).output
}
const found = async (query: string): Promise<string[]> => [...new Set((await docs.search(query, { scope, top: 50 })).map(({ source }) => source))].sort()

describe('ingestion', () => {
  it('[G2] only what changed is taken in again, and what is gone goes', async () => {
    await put({ 'docs/a.md': 'apple', 'docs/b.md': 'banana', 'docs/c.md': 'cherry' })
    expect(await ingest()).toEqual({ added: 3, changed: 0, removed: 0, unchanged: 0, skipped: [] })
    expect(await ingest()).toEqual({ added: 0, changed: 0, removed: 0, unchanged: 3, skipped: [] })
    await put({ 'docs/b.md': 'blueberry', 'docs/d.md': 'date' })
    await rm(join(root, 'docs/c.md'))
    expect(await ingest()).toEqual({ added: 1, changed: 1, removed: 1, unchanged: 1, skipped: [] })
    expect(await found('apple banana blueberry cherry date')).toEqual(['docs/a.md', 'docs/b.md', 'docs/d.md'])
    expect(await found('banana cherry')).toEqual([])
  })

  it('[G2] N3 taking in one place leaves what came from another, and what was found twice goes when neither has it', async () => {
    await put({ 'docs/a.md': 'apple', 'more/b.md': 'banana' })
    await ingest(['docs', 'more'])
    await ingest('docs/*.md')
    expect(await ingest('docs')).toMatchObject({ unchanged: 1, removed: 0 })
    expect(await found('apple banana')).toEqual(['docs/a.md', 'more/b.md'])
    await rm(join(root, 'docs/a.md'))
    expect(await ingest('docs')).toMatchObject({ removed: 0 })
    expect(await ingest('docs/*.md')).toMatchObject({ removed: 1 })
    expect(await found('apple banana')).toEqual(['more/b.md'])
  })

  it('[G1] [G2] a broken file is reported and the rest goes on; what the index had of it stays until it can be read again', async () => {
    await put({ 'docs/a.md': 'apple', 'docs/b.md': 'banana', 'docs/c.md': Buffer.from([0xff, 0xfe, 0]) })
    expect(await ingest()).toEqual({ added: 2, changed: 0, removed: 0, unchanged: 0, skipped: [{ path: 'docs/c.md', why: 'it is binary' }] })
    await put({ 'docs/b.md': Buffer.from([0xe9]) })
    expect(await ingest()).toMatchObject({ changed: 0, removed: 0, skipped: [{ path: 'docs/b.md', why: 'it is not UTF-8' }, { path: 'docs/c.md' }] })
    await put({ 'docs/b.md': 'x'.repeat(8 * 1024 * 1024 + 1) })
    expect(await ingest()).toMatchObject({ changed: 0, removed: 0, skipped: [{ path: 'docs/b.md' }, { path: 'docs/c.md' }] })
    expect(await found('banana')).toEqual(['docs/b.md'])
    await put({ 'docs/b.md': 'blackberry' })
    expect(await ingest()).toMatchObject({ changed: 1 })
    expect(await found('banana blackberry')).toEqual(['docs/b.md'])
  })

  it('[G2] nothing to read is RETRIEVAL_EMPTY, and a missing folder RETRIEVAL_UNREADABLE; neither takes anything out', async () => {
    await put({ 'docs/a.md': 'apple', 'empty/x.png': 'x' })
    await ingest()
    await expect(ingest('empty')).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_EMPTY') && error.message.includes('empty'))
    await rm(join(root, 'docs'), { recursive: true })
    await expect(ingest('docs')).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_UNREADABLE'))
    expect(await found('apple')).toEqual(['docs/a.md'])
  })

  it('[G2] a folder that was emptied empties the index of it', async () => {
    await put({ 'docs/a.md': 'apple' })
    await ingest()
    await rm(join(root, 'docs/a.md'))
    expect(await ingest()).toMatchObject({ removed: 1 })
    expect(await docs.stats({ scope })).toMatchObject({ documents: 0, chunks: 0 })
  })

  it.skipIf(process.getuid?.() === 0)('[G2] a folder that may not be read is RETRIEVAL_UNREADABLE (not run as root, who may read everything)', async () => {
    await put({ 'docs/a.md': 'apple' })
    await chmod(join(root, 'docs'), 0)
    await expect(ingest()).rejects.toSatisfy((error) => TuttiError.is(error, 'RETRIEVAL_UNREADABLE'))
    await chmod(join(root, 'docs'), 0o755)
  })
})

describe('one document', () => {
  const document = (text: string, hash: string): Document => ({ source: 'a.md', text, hash, mediaType: 'text/markdown', meta: {} })

  it('[G2] N1 a failure on the way leaves the index as it was, and the document not done', () => {
    const partition = Partition.open(openDatabase(':memory:'), 'docs', 'acme')
    const before = document('# A\n\nold words', 'one')
    partition.put(before, split(before), ['docs'])
    const after = document('# A\n\nnew words\n\n# B\n\nmore words', 'two')
    const [first] = split(after)
    const broken = [first, { ...first, text: Symbol('cannot be stored') }] as never
    expect(() => partition.put(after, broken, ['docs'])).toThrow()
    expect(partition.hash('a.md')).toBe('one')
    expect(partition.counts(undefined)).toMatchObject({ documents: 1, chunks: 1 })
    expect(partition.byWords('"old"', 10, { body: 1, heading: 1, names: 1 }).length).toBe(1)
    expect(partition.byWords('"new"', 10, { body: 1, heading: 1, names: 1 })).toEqual([])
  })

  it('[G2] N4 taking in and taking out twice changes nothing', async () => {
    await put({ 'docs/a.md': 'apple', 'docs/b.md': 'banana' })
    const partition = Partition.open(openDatabase(':memory:'), 'docs', 'acme')
    const seen = await survey(partition, ['docs'], { root })
    for (const file of seen.files) await takeIn(partition, file, seen.origins, { root })
    const changes = partition.changes()
    for (const file of seen.files) await takeIn(partition, file, seen.origins, { root })
    expect(partition.changes()).toBe(changes)
    expect([takeOut(partition, seen), takeOut(partition, seen)]).toEqual([0, 0])
    expect(partition.counts(undefined)).toEqual({ documents: 2, chunks: 2, embedded: 0 })
  })
})

describe('a killed ingestion', () => {
  it('[G2] [R1] goes on where it was: every document is whole, none that was recorded is taken in again', async () => {
    const files = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`docs/${i}.md`, `# Number ${i}\n\n${`word${i} `.repeat(300)}\n`]))
    await put(files)
    const journal = join(root, 'journal.db')
    const path = join(root, 'index.db')
    const recorded = await ingestAndDie(journal, path, 10)
    expect(recorded).toContain('docs.ingest/document:0')
    // Taken in again, the first file would be found by what it says now.
    await put({ [Object.keys(files).sort()[0] as string]: 'elsewhere' })

    docs = index('docs', { path, root, embed: false })
    await using app = tutti({ flows: [docs.ingest], store: sqlite(journal), resume: false })
    expect(await (await app.resume('ingest')).result()).toMatchObject({ output: { added: 120, skipped: [] } })
    expect(await found('elsewhere')).toEqual([])
    const each = split({ text: files['docs/7.md'] as string, mediaType: 'text/markdown', meta: {} }).length
    expect(await docs.stats({ scope })).toMatchObject({ documents: 120, chunks: 120 * each })
    expect(await found('word77')).toEqual(['docs/77.md'])
    expect(await ingest()).toMatchObject({ changed: 1, unchanged: 119 })
    expect(await found('elsewhere')).toEqual(['docs/0.md'])
  })
})

/** Ingests in a process of its own that is killed once `steps` of its steps are recorded; returns those. */
async function ingestAndDie(journal: string, path: string, steps: number): Promise<string[]> {
  const program = fileURLToPath(new URL('./ingest-child.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=tutti-source', program, journal, path, root, String(steps)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) said.push(line)
  expect((await ended)[1]).toBe('SIGKILL')
  return said
}
