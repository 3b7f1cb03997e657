/** One process after the other on one file: started, killed, looked at. */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sqliteStore } from '../../src/journal/index.ts'
import type { KillAt } from '../../src/testing/kill-at.ts'
import { type Campaign, type Look, lookAt } from '../../src/testing/verdict.ts'
import type { WorkerTask } from './crash-worker.ts'

const worker = fileURLToPath(new URL('crash-worker.ts', import.meta.url))
const preload = new URL('kill-at.ts', import.meta.url).href

/** How a process ends: `afterMs` it is ready, or has said so many lines; at a failpoint; or by itself. */
export interface Fate {
  readonly afterMs?: number | undefined
  /** Default 1: that it is ready. */
  readonly afterLines?: number | undefined
  readonly at?: KillAt | undefined
  /** A file that gets a line for every failpoint that is passed. */
  readonly trace?: string | undefined
}

/** @param program what runs: it says something when it is ready. Default: the worker of these campaigns. */
export function life<T extends { readonly file: string } = WorkerTask>(
  task: T,
  { afterMs, afterLines = 1, at, trace }: Fate = {},
  program = worker,
): Promise<'killed' | 'done'> {
  const flags = ['--conditions=tutti-source', '--disable-warning=ExperimentalWarning', ...(at || trace ? [`--import=${preload}`] : [])]
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE: join(dirname(task.file), 'compiled'),
    NODE_OPTIONS: flags.join(' '),
    CRASH_AT: at ? JSON.stringify(at) : '',
    CRASH_TRACE: trace ?? '',
  }
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'], env })
    let complaint = ''
    child.stderr.on('data', (text) => (complaint += text))
    let lines = 0
    child.stdout.setEncoding('utf8').on('data', (said: string) => {
      const before = lines
      lines += said.split('\n').length - 1
      if (afterMs !== undefined && before < afterLines && lines >= afterLines) setTimeout(() => child.kill('SIGKILL'), afterMs)
    })
    child.once('exit', (code, signal) =>
      signal === 'SIGKILL' ? resolve('killed') : code === 0 ? resolve('done') : reject(new Error(`the process ended with ${code ?? signal}: ${complaint}`)),
    )
  })
}

/** Compiles what every process in this folder loads: most of what a short life costs. */
export async function warmUp(folder: string): Promise<void> {
  await life({ file: join(folder, 'none.db'), log: join(folder, 'none.log'), runs: [], alone: true })
}

export const campaignOf = ({ file, log, runs }: Pick<WorkerTask, 'file' | 'log' | 'runs'>): Campaign => ({ log, runs, open: () => sqliteStore(file) })

export const look = (task: Pick<WorkerTask, 'file' | 'log' | 'runs'>): Promise<Look> => lookAt(campaignOf(task))
