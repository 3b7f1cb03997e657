/**
 * Jobs on their way to the thread that commits. An object is copied with the names of its fields, which costs thirty times what it says; most jobs are appends, and
 * those go as the list of their values.
 */
import type { AppendJob, BlobPair, Job } from './job.ts'

type PackedAppend = readonly [
  run: AppendJob['run'],
  epoch: number,
  first: number,
  time: number,
  bodies: string | readonly string[],
  blobs?: readonly BlobPair[],
  uses?: readonly string[],
  head?: AppendJob['head'],
  taken?: readonly string[],
  release?: boolean,
  standing?: AppendJob['standing'],
]
export type JobMessage = PackedAppend | Exclude<Job, AppendJob>

export const packed = (jobs: readonly Job[]): readonly JobMessage[] => jobs.map((job) => (job.op === 'append' ? packedAppend(job) : job))

function packedAppend({ run, epoch, first, time, bodies, blobs, uses, head, taken, release, standing }: AppendJob): PackedAppend {
  const said = bodies.length === 1 ? (bodies[0] as string) : bodies
  if (head || release || standing || taken.length > 0) return [run, epoch, first, time, said, blobs, uses, head, taken, release, standing]
  return blobs.length === 0 && uses.length === 0 ? [run, epoch, first, time, said] : [run, epoch, first, time, said, blobs, uses]
}

export const unpacked = (messages: readonly JobMessage[]): readonly Job[] => messages.map((message) => ('op' in message ? message : appendOf(message)))

function appendOf([run, epoch, first, time, said, blobs = none, uses = none, head, taken = none, release = false, standing]: PackedAppend): AppendJob {
  const bodies = typeof said === 'string' ? [said] : said
  return { op: 'append', run, epoch, first, bodies, blobs, uses, head, taken, release, time, standing }
}

const none: readonly never[] = []
