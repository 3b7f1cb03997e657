import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { RunId } from '../primitives/index.ts'
import { NOW, newRun, patches, readAll, started } from '../testing/sample-run.ts'
import { exportRun, importRun, type JournalStore, memoryStore, splitValue, sqliteStore } from './index.ts'

const run = 'run_a' as RunId
const long = splitValue('long '.repeat(400))
const blob = long.blob?.[0] as string

/** A run of `length` entries that waits, with a blob and a message that it has not taken. */
async function seeded(length = 5, store: JournalStore = memoryStore()): Promise<JournalStore> {
  const output = { seq: length, time: NOW + length, type: 'step.completed', key: 'desk/a', value: long.value } as const
  await store.create(newRun(run))
  const waiting = [{ signal: 'go', key: 'desk/go', data: { who: 'anybody' } }]
  await store.append({
    ...{ run, epoch: 1, entries: [...patches(2, length - 1), output], blobs: new Map([long.blob ?? ['', '']]) },
    ...{ head: { status: 'waiting', wakeAt: NOW + 99, waiting, stalls: 2 }, release: true },
  })
  await store.post(run, { id: 'm1', type: 'signal', signal: 'go', value: 'on' }, NOW)
  return store
}

async function linesOf(store: JournalStore): Promise<string[]> {
  const lines: string[] = []
  for await (const line of exportRun(store, run)) lines.push(line)
  return lines
}

const file = (path: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-transfer-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, path)
}

test.each(['memory', 'sqlite'] as const)(
  '[R10] a run exported and imported into another store (%s) is the same run: entries, blobs, waits and messages',
  async (kind) => {
    const store = await seeded()
    const copy = kind === 'memory' ? memoryStore() : sqliteStore(file('journal.db'))
    expect(await importRun(copy, await linesOf(store))).toEqual({ run, status: 'waiting', entries: 5, blobs: 1, messages: 1, imported: true })
    expect(await readAll(copy, run)).toEqual(await readAll(store, run))
    expect(await copy.blob(blob)).toBe(long.blob?.[1])
    expect(await copy.inbox(run)).toEqual(await store.inbox(run))
    expect(await copy.head(run)).toEqual({ ...(await store.head(run)), epoch: 0 })
    expect(await linesOf(copy)).toEqual(await linesOf(store))
    expect(await copy.acquire(run, 'two', NOW, NOW + 1)).toMatchObject({ epoch: 1 })
    await copy.close()
  },
)

test('[R10] the same file twice is one run; a file of another run under its id is refused and changes nothing', async () => {
  const copy = memoryStore()
  const lines = await linesOf(await seeded())
  await importRun(copy, lines)
  expect(await importRun(copy, lines)).toMatchObject({ imported: false, status: 'waiting' })
  const before = await linesOf(copy)
  await expect(importRun(copy, await linesOf(await seeded(6)))).rejects.toMatchObject({ code: 'RUN_ID_TAKEN' })
  const other = memoryStore()
  await other.create(newRun(run, { entries: [started(run, 'other')], startHash: 'other' }))
  await expect(importRun(copy, await linesOf(other))).rejects.toMatchObject({ code: 'RUN_ID_TAKEN' })
  expect(await linesOf(copy)).toEqual(before)
})

test('[R10] a file that was cut anywhere is refused, and nothing is left behind', async () => {
  const text = (await linesOf(await seeded())).join('')
  const copy = memoryStore()
  for (let length = 0; length < text.length - 1; length += 7) {
    const cut = importRun(copy, text.slice(0, length).split('\n'))
    await expect(cut, `cut at ${length}`).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      message: expect.stringMatching(/^(line \d+ of the file|the file is cut off)/),
    })
  }
  expect(await copy.list()).toEqual([])
})

test('[R10] a file with any byte flipped is refused, and nothing is left behind', async () => {
  const bytes = Buffer.from((await linesOf(await seeded())).join(''))
  const copy = memoryStore()
  for (let at = 0; at < bytes.length - 1; at += 3) {
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at)
    await expect(importRun(copy, flipped.toString().split('\n')), `byte ${at}`).rejects.toMatchObject({
      code: expect.stringMatching(/^JOURNAL_(CORRUPT|NEWER)$/),
    })
  }
  expect(await copy.list()).toEqual([])
})

test('[R10] a file of a newer format, or with an entry of a newer type, is refused as newer', async () => {
  const [header = '', ...rest] = await linesOf(await seeded())
  await expect(importRun(memoryStore(), [header.replace('"format":1', '"format":2'), ...rest])).rejects.toMatchObject({
    code: 'JOURNAL_NEWER',
    data: { format: 2, knows: 1 },
  })
  const newer = rest.map((line) => line.replace('run.patched', 'run.teleported'))
  await expect(importRun(memoryStore(), [header, ...newer])).rejects.toMatchObject({ code: 'JOURNAL_NEWER' })
})

test('[R10] what is exported of a run that goes on is one moment of it', async () => {
  const store = memoryStore()
  await store.create(newRun(run))
  const lines: string[] = []
  for await (const line of exportRun(store, run)) {
    lines.push(line)
    if (lines.length === 1) await store.append({ run, epoch: 1, entries: patches(2, 9) })
  }
  const copy = memoryStore()
  expect(await importRun(copy, lines)).toMatchObject({ status: 'running', entries: 1 })
  await expect(linesOf(memoryStore())).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
})

test('[R10] a process killed during an import leaves nothing of the run, or all of it', async () => {
  const lines = await linesOf(await seeded(20_000))
  const path = file('run.jsonl')
  writeFileSync(path, lines.join(''))
  const journal = join(path, '../journal.db')
  const left = new Set<number>()
  for (let afterMs = 0; afterMs <= 160; afterMs += 20) {
    const child = fork(fileURLToPath(new URL('./import-child.ts', import.meta.url)), [journal, path])
    const exited = once(child, 'exit')
    await once(child, 'message')
    setTimeout(() => child.kill('SIGKILL'), afterMs)
    await exited
    const store = sqliteStore(journal)
    const { length } = await readAll(store, run)
    await store.close()
    left.add(length)
    if (length > 0) break
  }
  for (const length of left) expect([0, 20_000]).toContain(length)
  const store = sqliteStore(journal)
  expect(await importRun(store, lines)).toMatchObject({ entries: 20_000 })
  expect(await linesOf(store)).toEqual(lines)
  await store.close()
})
