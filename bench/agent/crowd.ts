/**
 * A thousand agents at once in a process of their own: each asks its model six times, and its tool five times, which takes 50 ms. Run as a program with the name of whose they are, it prints
 * the milliseconds that all of them took.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { agent, sqlite, tool, tutti } from 'tutti'
import { z } from 'zod'
import { inFolder, median, stopwatch } from '../measure.ts'
import { callingModel } from './calling.ts'

const AGENTS = 1_000
const CALLS = 5
const WAITS_MS = 50
const WARM = 8
const MEASURED = 9

export type Whose = 'tutti' | 'ai'

/** In milliseconds. */
export function crowdOf(whose: Whose): number {
  const { stdout, status } = spawnSync(process.execPath, ['--conditions=tutti-source', import.meta.filename, whose], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`the crowd of ${whose} ended with ${status}`)
  return Number(stdout)
}

async function ofTutti(): Promise<number> {
  const slow = tool({
    name: 'tool_0',
    description: 'Finds an order by its number.',
    input: z.object({ id: z.string() }),
    effect: 'read',
    execute: async ({ id }) => {
      await pause(WAITS_MS)
      return `order ${id}`
    },
  })
  const desk = agent({ name: 'desk', model: callingModel(CALLS), tools: [slow], limits: { repeats: false } })
  return inFolder(async (folder) => {
    await using app = tutti({ flows: [desk], store: sqlite(join(folder, 'bench.db')), resume: false })
    return await wallMs(() => app.run(desk, 'Where is my order?'))
  })
}

async function ofAiSdk(): Promise<number> {
  const { agentOf } = (await import(join(import.meta.dirname, '../peers/ai-sdk.mjs'))) as {
    agentOf(model: () => unknown, tools: number, waitsMs: number): () => Promise<unknown>
  }
  return wallMs(agentOf(() => callingModel(CALLS), 1, WAITS_MS))
}

async function wallMs(once: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let round = 0; round < WARM + MEASURED; round++) {
    const watch = stopwatch()
    await Promise.all(Array.from({ length: AGENTS }, once))
    if (round >= WARM) taken.push(watch().wallMs)
  }
  return median(taken)
}

if (import.meta.main) process.stdout.write(String(await (process.argv[2] === 'ai' ? ofAiSdk() : ofTutti())))
