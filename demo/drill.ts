/** The crash drill: a child process is killed with SIGKILL in the middle of a run, another one resumes it, and the journal says what happened. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Entry, sqliteStore } from 'tutti/journal'
import { configuredStore } from 'tutti/store'

export interface CrashDrill {
  readonly killedPid: number
  readonly resumedPid: number
  readonly steps: number
  /** Steps whose outcome was recorded when the process died. */
  readonly reused: readonly string[]
  readonly ran: readonly string[]
  /** Steps that were under way when it died: begun, no outcome, so begun again. */
  readonly lost: readonly string[]
  /** Recorded steps that were recorded again: must be none. */
  readonly repeated: readonly string[]
  readonly status: string
}

const child = fileURLToPath(new URL('./drill-child.ts', import.meta.url))

/** @param after how many steps must be recorded before the kill */
export async function crashDrill(o: { home: string; run: string; questions: readonly string[]; after: number }): Promise<CrashDrill> {
  const first = begin('start', o)
  await recorded(first, o.after)
  first.kill('SIGKILL')
  await once(first, 'exit')
  const before = await read(o)
  const second = begin('resume', o)
  await once(second, 'exit')
  const after = await read(o)
  const reused = outcomes(before)
  const ran = outcomes(after.slice(before.length))
  return {
    killedPid: first.pid ?? 0,
    resumedPid: second.pid ?? 0,
    steps: outcomes(after).length,
    reused,
    ran,
    lost: after.flatMap((entry) => (entry.type === 'step.failed' && entry.error.code === 'ATTEMPT_LOST' ? [entry.key] : [])),
    repeated: ran.filter((key) => reused.includes(key)),
    status: after.at(-1)?.type ?? 'nothing',
  }
}

function begin(how: 'start' | 'resume', o: { home: string; run: string; questions: readonly string[] }): ReturnType<typeof spawn> {
  const env = { ...process.env, TUTTI_HOME: o.home }
  return spawn(process.execPath, ['--conditions=tutti-source', child, how, o.run, JSON.stringify(o.questions)], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

/** The child tells each outcome once it is durable; after so many, the next step that has begun is under way. */
async function recorded(process: ReturnType<typeof spawn>, count: number): Promise<void> {
  let seen = 0
  const ended = once(process, 'exit').then(() => {
    throw new Error('the child ended before it could be killed')
  })
  const enough = new Promise<void>((resolve) =>
    process.on('message', (type) => {
      if (type === 'step.completed') seen++
      else if (seen >= count) resolve()
    }),
  )
  await Promise.race([enough, ended])
  ended.catch(() => {})
}

async function read(o: { home: string; run: string }): Promise<readonly Entry[]> {
  const store = configuredStore({ env: process.env, cwd: process.cwd() }) ?? sqliteStore(`${o.home}/tutti.db`)
  const entries: Entry[] = []
  for await (const entry of store.read(o.run as Parameters<typeof store.read>[0])) entries.push(entry)
  await store.close()
  return entries
}

const outcomes = (entries: readonly Entry[]): readonly string[] => entries.flatMap((entry) => (entry.type === 'step.completed' ? [entry.key] : []))
