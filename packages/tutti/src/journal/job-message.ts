/**
 * Jobs on their way to the thread that commits. An object is copied with the names of its fields, which costs thirty times what it says; most jobs are plain
 * appends, and those go as the list of their values.
 */
import type { AppendJob, BlobPair, Job } from './job.ts'

type PlainAppend = readonly [
  run: AppendJob['run'],
  epoch: number,
  first: number,
  time: number,
  bodies: string | readonly string[],
  blobs?: readonly BlobPair[],
  uses?: readonly string[],
]
export type JobMessage = PlainAppend | Exclude<Job, AppendJob> | AppendJob

export function packed(jobs: readonly Job[]): readonly JobMessage[] {
  return jobs.map((job) => {
    if (job.op !== 'append' || job.head || job.release || job.standing || job.taken.length > 0) return job
    const { run, epoch, first, time, bodies, blobs, uses } = job
    const said = bodies.length === 1 ? (bodies[0] as string) : bodies
    return blobs.length === 0 && uses.length === 0 ? [run, epoch, first, time, said] : [run, epoch, first, time, said, blobs, uses]
  })
}

export const unpacked = (messages: readonly JobMessage[]): readonly Job[] => messages.map((message) => ('op' in message ? message : appendOf(message)))

function appendOf([run, epoch, first, time, said, blobs = none, uses = none]: PlainAppend): AppendJob {
  const bodies = typeof said === 'string' ? [said] : said
  return { op: 'append', run, epoch, first, bodies, blobs, uses, head: undefined, taken: none, release: false, time, standing: undefined }
}

const none: readonly never[] = []
