/** Who holds a lease: `host:pid:nonce`, so that a process of this machine can be seen to be gone. */
import { hostname } from 'node:os'
import { newId, systemClock } from '../../primitives/index.ts'

export const newOwner = (): string => `${hostname()}:${process.pid}:${newId('e', systemClock.now()).slice(-6)}`

/** What a run is leased to that an engine elsewhere hosts. */
export const hostedOwner = (run: string): string => `hosted/${run}`
export const isHosted = (owner: string | undefined): boolean => owner?.startsWith('hosted/') === true

/** True when the owner of a lease is a process of this machine that is not there any more. */
export function isGone(owner: string | undefined): boolean {
  const [host, pid] = owner?.split(':') ?? []
  if (host !== hostname() || !pid || Number(pid) === process.pid) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
