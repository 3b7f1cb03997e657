/** What a record costs to keep and to read again: bytes on disk, resuming a long run. */
import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { type EffectSpec, EmbeddedEngine, EmbeddedHandle, flow, signal } from '../../packages/tutti/src/run/index.ts'
import type { Report } from '../figure.ts'
import { medians, stopwatch } from '../measure.ts'
import { openFile } from './steady.ts'

export async function recordFigures(folder: string, report: Report): Promise<void> {
  const bytes = await conversation(join(folder, 'conversation.db'), 1_000, 200)
  report({
    name: 'a conversation of 1,000 × 200 B on disk',
    value: bytes / 200_000,
    unit: '× payload',
    limit: 1,
    target: { atMost: 3 },
    peer: 'LangGraph.js',
    peerValue: 1_009,
  })
  const short = await resumed(folder, 2_500)
  const long = await resumed(folder, 10_000)
  report(
    { name: 'resume of a run of 10,000 steps', value: long.ms, unit: 'ms', limit: long.bareMs },
    { name: 'a step of it, against one of a run of 2,500', value: long.ms / short.ms / 4, unit: '×', limit: 1, target: { atMost: 1.25 } },
    { name: 'replay of entries of 500 bytes', value: 1e7 / long.ms, unit: 'entries/s', limit: 1e7 / long.bareMs, target: { atLeast: 100_000 } },
  )
}

/** What a person says is a signal, what is answered an effect with a hold: the dearest way to record either. Answers the bytes of the file. */
async function conversation(path: string, messages: number, length: number): Promise<number> {
  const store = openFile(path, 'relaxed')
  const engine = new EmbeddedEngine({ store, flows: [], resume: false })
  const said = signal('said', z.string())
  const talk = flow('talk', async (turns: number, run) => {
    for (let i = 0; i < turns; i++) {
      await run.wait(said)
      await run['~core'].ask(reply(`turn:${i}`, sentence(i, length)))
    }
  })
  const handle = new EmbeddedHandle(engine, await engine.start(talk, messages / 2))
  for await (const event of handle.events()) if (event.type === 'signal.awaited') await handle.send(said, sentence(event.seq, length))
  await engine.close()
  return statSync(path).size
}

function reply(name: string, text: string): EffectSpec<string> {
  const used = { microUsd: 120, inputTokens: 900, outputTokens: 50, cacheReadTokens: 800, modelCalls: 1, toolCalls: 0 }
  return {
    name,
    kind: 'model',
    effect: 'idempotent',
    fingerprint: 'x'.repeat(22),
    plan: () => ({ hold: used, execute: () => ({ value: text, settle: used }) }),
  }
}

const sentence = (i: number, length: number): string => `message ${i} `.padEnd(length, 'tutti ')

/** A run that was killed before its last step, taken up again by another engine; beside it, reading and parsing the same rows. */
async function resumed(folder: string, steps: number): Promise<{ ms: number; bareMs: number }> {
  const killed = join(folder, `killed-${steps}.db`)
  const id = await leaveUnfinished(killed, steps)
  let copies = 0
  return medians(7, async () => {
    const path = join(folder, `taken-up-${steps}-${++copies}.db`)
    copyFileSync(killed, path)
    const engine = new EmbeddedEngine({ store: openFile(path, 'sync'), flows: [long(steps, () => 'done')], resume: false })
    await engine.open()
    const read = stopwatch()
    await engine.activate(id)
    await new EmbeddedHandle(engine, id).outcome()
    const { wallMs: ms } = read()
    await engine.close()
    return { ms, bareMs: readBare(killed) }
  })
}

const long = (steps: number, last: () => unknown) =>
  flow('long', async (_: null, run) => {
    for (let i = 0; i < steps; i++) await run.step('read', { page: i }, ({ page }) => sentence(page, 360))
    await run.step('last', last)
  })

async function leaveUnfinished(path: string, steps: number): Promise<Awaited<ReturnType<EmbeddedEngine['start']>>> {
  const engine = new EmbeddedEngine({ store: openFile(path, 'relaxed'), flows: [], resume: false })
  const reached = Promise.withResolvers<void>()
  const never = new Promise(() => {})
  const id = await engine.start(
    long(steps, () => {
      reached.resolve()
      return never
    }),
    null,
  )
  await reached.promise
  await engine.close({ graceMs: 0 })
  return id
}

function readBare(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true })
  const read = stopwatch()
  for (const { body } of db.prepare('SELECT body FROM entries ORDER BY n').all() as unknown as { body: string }[]) JSON.parse(body)
  const { wallMs } = read()
  db.close()
  return wallMs
}
