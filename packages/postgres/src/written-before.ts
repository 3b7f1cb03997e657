/** Whether an append that is asked for again, because its connection was lost, was written the first time. */
import type { PoolClient } from 'pg'
import { type AppendJob, isRefusedText } from 'tutti/store'
import { ask } from './database.ts'

/** @param run its number @returns what it was answered then; `undefined`: it was not written */
export async function answerBefore(
  client: PoolClient,
  run: number,
  { first, bodies, standing }: AppendJob,
): Promise<{ readonly instead: string | undefined } | undefined> {
  if (bodies.length === 0) return undefined
  const { rows } = await ask<{ body: string }>(client, {
    text: 'SELECT body FROM entries WHERE run = $1 AND seq >= $2 AND seq < $2 + $3 ORDER BY seq',
    values: [run, first, bodies.length],
  })
  const written = rows.map(({ body }) => body)
  if (written.length !== bodies.length || written.slice(1).some((body, i) => body !== bodies[i + 1])) return undefined
  const [line = ''] = written
  if (line === bodies[0]) return { instead: undefined }
  return standing?.hold && isRefusedText(standing.hold, line) ? { instead: line } : undefined
}
