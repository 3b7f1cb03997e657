/**
 * The order in which the jobs of a group are done: those of one run in the order they were asked for, those of different runs together.
 *
 * A round holds, of each run, what comes next and can be done in one statement with the others. A job that touches more than one run, or none, is a round of its own.
 */
import type { AcquireJob, AppendJob, CreateJob, Job, Lease, PostJob, RunId } from 'tutti/store'

/** A job and its place in the group. */
export interface Placed<J> {
  readonly job: J
  readonly at: number
}

export interface Round {
  readonly creates: Placed<CreateJob>[]
  readonly acquires: Placed<AcquireJob>[]
  /** By run: what follows each other. */
  readonly appends: Map<RunId, Placed<AppendJob>[]>
  readonly posts: Placed<PostJob>[]
  /** Stands alone. */
  readonly alone?: Placed<Job> | undefined
}

type OfOneRun = CreateJob | AcquireJob | AppendJob | PostJob

export function roundsOf(jobs: readonly Job[]): readonly Round[] {
  const rounds: Round[] = []
  /** The first round that those to come may be in. */
  let open = 0
  let last = new Map<RunId, { round: number; op: Job['op'] }>()
  for (const [at, job] of jobs.entries()) {
    if (!isOfOneRun(job)) {
      rounds.push({ ...emptyRound(), alone: { job, at } })
      open = rounds.length
      last = new Map()
      continue
    }
    const before = last.get(job.run)
    const together = before?.op === job.op && (job.op === 'append' || job.op === 'post')
    const round = before === undefined ? open : together ? before.round : before.round + 1
    while (rounds.length <= round) rounds.push(emptyRound())
    add(rounds[round] as Round, job, at)
    last.set(job.run, { round, op: job.op })
  }
  return rounds
}

const isOfOneRun = (job: Job): job is OfOneRun => job.op === 'append' || job.op === 'create' || job.op === 'acquire' || job.op === 'post'

const emptyRound = (): Round => ({ creates: [], acquires: [], appends: new Map(), posts: [] })

function add(round: Round, job: OfOneRun, at: number): void {
  if (job.op === 'create') round.creates.push({ job, at })
  else if (job.op === 'acquire') round.acquires.push({ job, at })
  else if (job.op === 'post') round.posts.push({ job, at })
  else {
    const chain = round.appends.get(job.run)
    if (chain) chain.push({ job, at })
    else round.appends.set(job.run, [{ job, at }])
  }
}

/** Every run that a job names. */
export function runsOf(job: Job): readonly RunId[] {
  if ('run' in job) return [job.run]
  if (job.op === 'renew') return job.leases.map(({ run }: Lease) => run)
  return job.op === 'remove' ? job.runs : []
}
