/** Processes of one test, on one journal file and one log of what they say; none outlives the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Member {
  readonly child: ChildProcess
  /** Its exit code, or the signal that ended it. */
  readonly over: Promise<number | NodeJS.Signals | null>
}

/** @param program a file beside this one */
export function crew(program: string) {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-crew-'))
  const [file, log] = [join(folder, 'journal.db'), join(folder, 'log')]
  const path = fileURLToPath(new URL(program, import.meta.url))
  const children: ChildProcess[] = []
  onTestFinished(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const begin = (...args: readonly string[]): Member => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
    children.push(child)
    return { child, over: new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code))) }
  }
  const said = (): string[] => readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  const until = async (line: string): Promise<void> => {
    while (!said().includes(line)) await later(10)
  }
  return { file, log, begin, said, until }
}
