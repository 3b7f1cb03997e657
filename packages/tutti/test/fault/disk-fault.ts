/** Makes the library of `disk-fault.c`, which is preloaded into a process to let its disk fail. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('./disk-fault.c', import.meta.url))

/** False, and a word on stderr, where there is no C compiler or this is not Linux. */
export function canMakeDiskFault(library: string): boolean {
  try {
    if (process.platform !== 'linux') throw new Error('not Linux')
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'pipe' })
    return true
  } catch {
    process.stderr.write('the tests of a failing disk are NOT RUN: there is no C compiler here (cc), or this is not Linux\n')
    return false
  }
}
