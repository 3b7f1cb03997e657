/**
 * Jobs on their way to the thread that commits. An object is copied with the names of its fields, which costs thirty times what it says; most jobs are appends of one
 * entry, and those go as so many values of one list for all.
 */
import type { AppendJob, BlobPair, Job } from './job.ts'

type PackedAppend = readonly [
  run: AppendJob['run'],
  epoch: number,
  first: number,
  time: number,
  bodies: readonly string[],
  blobs?: readonly BlobPair[],
  uses?: readonly string[],
  head?: AppendJob['head'],
  taken?: readonly string[],
  release?: boolean,
  standing?: AppendJob['standing'],
]
/** The values of an append of one entry, one after another, or one value for any other job. */
export type JobMessage = string | number | PackedAppend | Exclude<Job, AppendJob>

export function packed(jobs: readonly Job[]): readonly JobMessage[] {
  const messages: JobMessage[] = []
  for (const job of jobs) {
    if (job.op !== 'append') messages.push(job)
    else if (isPlain(job)) messages.push(job.run, job.epoch, job.first, job.time, job.bodies[0] as string)
    else messages.push(packedAppend(job))
  }
  return messages
}

/** How many values it is. */
const PLAIN = 5

const isPlain = ({ bodies, blobs, uses, head, taken, release, standing }: AppendJob): boolean =>
  bodies.length === 1 && blobs.length === 0 && uses.length === 0 && taken.length === 0 && !head && !release && !standing

function packedAppend({ run, epoch, first, time, bodies, blobs, uses, head, taken, release, standing }: AppendJob): PackedAppend {
  return [run, epoch, first, time, bodies, blobs, uses, head, taken, release, standing]
}

export function unpacked(messages: readonly JobMessage[]): readonly Job[] {
  const jobs: Job[] = []
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as JobMessage
    if (typeof message === 'object') {
      jobs.push('op' in message ? message : appendOf(message))
      continue
    }
    const [run, epoch, first, time, body] = messages.slice(i, i + PLAIN) as [AppendJob['run'], number, number, number, string]
    jobs.push(appendOf([run, epoch, first, time, [body]]))
    i += PLAIN - 1
  }
  return jobs
}

function appendOf([run, epoch, first, time, bodies, blobs = none, uses = none, head, taken = none, release = false, standing]: PackedAppend): AppendJob {
  return { op: 'append', run, epoch, first, bodies, blobs, uses, head, taken, release, time, standing }
}

const none: readonly never[] = []
