/** What is outside of every journal: which effects were carried out, on disk before they begin, and which payments happened. */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'

/** `paid` is a payment that happened; the others are executions that began. */
export type Sort = 'plain' | 'priced' | 'model' | 'paid'

export interface Execution {
  readonly run: string
  readonly key: string
  readonly attempt: number
  readonly sort: Sort
  /** The process. */
  readonly pid: number
  /** When it began (epoch ms). */
  readonly time: number
}

export interface World {
  executed(execution: Omit<Execution, 'pid' | 'time'>): void
  isPaid(key: string): boolean
  close(): void
}

/** One line for each: `run key attempt sort pid time`. */
export function worldAt(path: string): World {
  const file = openSync(path, 'a')
  return {
    executed: ({ run, key, attempt, sort }) => {
      writeSync(file, `${run} ${key} ${attempt} ${sort} ${process.pid} ${Date.now()}\n`)
      fsyncSync(file)
    },
    isPaid: (key) => executionsIn(path).some((execution) => execution.sort === 'paid' && execution.key === key),
    close: () => closeSync(file),
  }
}

/** A world in which nothing is lost, for a run that nobody kills. */
export function dreamWorld(): World {
  const paid = new Set<string>()
  return {
    executed: ({ key, sort }) => {
      if (sort === 'paid') paid.add(key)
    },
    isPaid: (key) => paid.has(key),
    close: () => {},
  }
}

/** A line that a killed process left unfinished is not there. */
export function executionsIn(path: string): readonly Execution[] {
  const lines = readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1)
  return lines.map((line) => {
    const [run = '', key = '', attempt, sort, pid, time] = line.split(' ')
    return { run, key, attempt: Number(attempt), sort: sort as Sort, pid: Number(pid), time: Number(time) }
  })
}
