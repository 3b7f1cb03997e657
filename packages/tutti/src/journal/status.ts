/** Where a run can stand for good. */
import type { RunStatus } from './store.port.ts'

export const endedStatuses = ['completed', 'failed', 'cancelled'] as const satisfies readonly RunStatus[]

/** It takes no more of anything, and never goes on. */
export const hasEnded = (status: RunStatus): boolean => (endedStatuses as readonly RunStatus[]).includes(status)
