/** CPU that servers used so far, of Linux's account of each process. */
import { readdirSync, readFileSync } from 'node:fs'

/** Of one tick of the account: 1/100 s on every Linux that runs Node. */
const TICK_MS = 10

/** Of these processes and all that they began (ms); not a number where the system keeps no such account. */
export function cpuMsOf(pids: readonly number[]): number {
  let lines: readonly (readonly number[])[]
  try {
    lines = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => accountOf(name))
  } catch {
    return Number.NaN
  }
  const family = new Set(pids)
  for (let before = 0; before < family.size; ) {
    before = family.size
    for (const [pid = 0, parent = 0] of lines) if (family.has(parent)) family.add(pid)
  }
  return lines.reduce((sum, [pid = 0, , ticks = 0]) => sum + (family.has(pid) ? ticks * TICK_MS : 0), 0)
}

/** A process, its parent, and its ticks with those of children that have ended; none of one that ended meanwhile. */
function accountOf(name: string): readonly number[][] {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'utf8')
    // Its name, in parentheses, may hold anything. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    const [, parent = 0] = fields
    const ticks = fields.slice(11, 15).reduce((sum, each) => sum + each, 0)
    return [[Number(name), parent, ticks]]
  } catch {
    return []
  }
}
