/**
 * What a journal store costs: CPU an entry beside a bare loop that inserts and commits the same rows in the same process, and the bytes it keeps.
 * `npm run bench -- store [--json]`
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Entry, entryText, type SqliteStore, sqliteStore } from '../packages/tutti/src/journal/index.ts'
import type { RunId } from '../packages/tutti/src/primitives/index.ts'
import { reporter, type Target } from './figure.ts'
import { inFolder, medians, stopwatch } from './measure.ts'

const FINGERPRINT = 'Zk3vQ0b1nYx8hTgR5uWm2A'
const NOW = Date.UTC(2026, 0, 1)
const ROUNDS = 5

/** `runs` runs append `perRun` entries each in one turn of the event loop, `turns` times. */
interface Shape {
  readonly runs: number
  readonly perRun: number
  readonly turns: number
}

const message = (bytes: number): string => 'All models are wrong, but some are useful. '.repeat(Math.ceil(bytes / 43)).slice(0, bytes)
const text = message(200)
const runId = (run: number): RunId => `run_${run}` as RunId
const completed = (seq: number): Entry => ({
  ...{ seq, time: NOW + seq, type: 'step.completed', key: `chat/turn:${seq}/model`, at: [0, seq] },
  ...{ fingerprint: FINGERPRINT, kind: 'model', value: text, ms: 812 },
})

async function storeWith(path: string, runs: number): Promise<SqliteStore> {
  const store = sqliteStore(path, { durability: 'relaxed', commit: 'main' })
  const start = { flow: 'bench', version: '1', scope: { tenant: 't' }, createdAt: NOW, startHash: FINGERPRINT, labels: {}, entries: [] }
  for (let run = 0; run < runs; run++) await store.create({ run: runId(run), ...start, lease: { owner: 'bench', until: NOW } })
  return store
}

async function throughStore(path: string, { runs, perRun, turns }: Shape): Promise<number> {
  const store = await storeWith(path, runs)
  const read = stopwatch()
  for (let turn = 0; turn < turns; turn++) {
    const appended: Promise<unknown>[] = []
    for (let run = 0; run < runs; run++)
      for (let i = 1; i <= perRun; i++) appended.push(store.append({ run: runId(run), epoch: 1, entries: [completed(turn * perRun + i)] }))
    await Promise.all(appended)
  }
  const { cpuMs } = read()
  await store.close()
  return (cpuMs * 1_000) / (runs * perRun * turns)
}

/** The same rows in the same groups, with nothing around them. */
function throughBareLoop(path: string, { runs, perRun, turns }: Shape): number {
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE entries (run INT, seq INT, body TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID')
  const [begin, insert, commit] = ['BEGIN IMMEDIATE', 'INSERT INTO entries VALUES (?, ?, ?)', 'COMMIT'].map((sql) => db.prepare(sql))
  const read = stopwatch()
  for (let turn = 0; turn < turns; turn++) {
    begin?.run()
    for (let run = 0; run < runs; run++) for (let i = 1; i <= perRun; i++) insert?.run(run, turn * perRun + i, entryText(completed(turn * perRun + i)))
    commit?.run()
  }
  const { cpuMs } = read()
  db.close()
  return (cpuMs * 1_000) / (runs * perRun * turns)
}

const appendCost = (shape: Shape): Promise<Record<'us' | 'bareUs', number>> =>
  medians(ROUNDS, () =>
    inFolder(async (folder) => ({ bareUs: throughBareLoop(join(folder, 'bare.db'), shape), us: await throughStore(join(folder, 'journal.db'), shape) })),
  )

/** 1,000 messages, each a step that is started and completed: the bytes of the file after its log is brought together, for each byte of the messages. */
const keptTimes = (messageBytes: number): Promise<number> =>
  inFolder(async (folder) => {
    const path = join(folder, 'journal.db')
    const store = await storeWith(path, 1)
    const messages = 1_000
    const hold = { microUsd: 1_200, inputTokens: 800, outputTokens: 400, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 }
    for (let turn = 0; turn < messages; turn++) {
      const [seq, key] = [turn * 2 + 1, `chat/turn:${turn}/model`]
      const asked = { key, at: [0, turn], fingerprint: FINGERPRINT, kind: 'model', effect: 'idempotent' } as const
      await store.append({ run: runId(0), epoch: 1, entries: [{ seq, time: NOW + seq, type: 'step.started', ...asked, attempt: 1, hold }] })
      await store.append({
        run: runId(0),
        epoch: 1,
        entries: [{ seq: seq + 1, time: NOW + seq, type: 'step.completed', key, value: message(messageBytes), settle: hold, ms: 812 }],
      })
    }
    await store.close()
    return statSync(path).size / (messages * messageBytes)
  })

const readCost = (entries: number): Promise<number> =>
  inFolder(async (folder) => {
    const store = await storeWith(join(folder, 'journal.db'), 1)
    await store.append({ run: runId(0), epoch: 1, entries: Array.from({ length: entries }, (_, i) => completed(i + 1)) })
    const used = stopwatch()
    let last = 0
    for await (const { seq } of store.read(runId(0))) last = seq
    const { cpuMs } = used()
    await store.close()
    return (cpuMs * 1_000) / last
  })

const report = reporter()
const shapes: readonly [name: string, shape: Shape, target?: Target][] = [
  ['store.append, one at a time', { runs: 1, perRun: 1, turns: 10_000 }, { atMost: 13 }],
  ['store.append, 64 of one run at once', { runs: 1, perRun: 64, turns: 1_000 }, { atMost: 3 }],
  ['store.append, 64 runs at once', { runs: 64, perRun: 1, turns: 500 }],
]
for (const [name, shape, target] of shapes) {
  const { us, bareUs } = await appendCost(shape)
  report({ name, value: us, unit: 'µs CPU/entry', limit: bareUs, target, peer: 'bare node:sqlite', peerValue: bareUs })
}
report({ name: 'store.read', value: await readCost(50_000), unit: 'µs CPU/entry' })
for (const bytes of [200, 1_000])
  report({ name: `store.kept, messages of ${bytes} B`, value: await keptTimes(bytes), unit: '× payload', target: { atMost: 3 } })
