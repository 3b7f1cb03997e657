/** What a journal tells of the effects that were begun and have no outcome yet. */
import type { ErrorRecord } from '../../errors/index.ts'
import type { Entry } from '../../journal/index.ts'
import { SparseMap } from '../../primitives/index.ts'
import type { PriorAttempts } from './ground.port.ts'

const untried: PriorAttempts = { attempt: 0, open: [], doubted: false, retryAt: undefined, last: undefined }

export function priorAttempts(record: readonly Entry[]): SparseMap<string, PriorAttempts> {
  const priors = new SparseMap<string, PriorAttempts>()
  for (const entry of record) {
    if (!('key' in entry) || entry.key === undefined) continue
    const prior = priors.get(entry.key) ?? untried
    const next = after(prior, entry)
    if (next !== prior) priors.set(entry.key, next)
  }
  return priors
}

function after(prior: PriorAttempts, entry: Entry): PriorAttempts {
  switch (entry.type) {
    case 'step.started': {
      const { attempt, effect } = entry
      // One that begins while another is open is beside it: the effect is hedged.
      return { ...prior, attempt: Math.max(prior.attempt, attempt), open: [...prior.open, attempt], retryAt: undefined, once: effect === 'once' || prior.once }
    }
    case 'step.failed':
      if (entry.final) return prior
      return { ...closed(prior, entry.attempt), doubted: false, retryAt: entry.retryAt, last: entry.error, once: undefined }
    case 'budget.settled':
      return prior.open.includes(entry.attempt) ? closed(prior, entry.attempt) : prior
    case 'step.doubted':
      return { ...prior, attempt: entry.attempt, doubted: true, open: [entry.attempt], last: entry.why }
    case 'step.resolved':
      return entry.verdict === 'done' ? prior : { ...untried, attempt: entry.attempt }
    default:
      return prior
  }
}

/** What became of an attempt that has no outcome. */
export const lostAttempt = (key: string, attempt: number): ErrorRecord => ({
  code: 'ATTEMPT_LOST',
  message: `the process ended while attempt ${attempt} of '${key}' was under way`,
})

const closed = (prior: PriorAttempts, attempt: number): PriorAttempts => ({
  ...prior,
  attempt: Math.max(prior.attempt, attempt),
  open: prior.open.filter((each) => each !== attempt),
})
