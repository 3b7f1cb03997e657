/** The appends of a round that ask something of accounts: judged before the statement that writes them, under the lock on their runs. */
import type { PoolClient } from 'pg'
import { type Answer, type AppendJob, type ErrorRecord, type RunId, recordError, refuseAppend, refuseUnknown, TuttiError, withInstead } from 'tutti/store'
import { Accounts } from './accounts.ts'
import { ask, type Statement } from './database.ts'
import type { Placed, Round } from './rounds.ts'
import { answerBefore } from './written-before.ts'

interface HeldRun {
  readonly run: RunId
  readonly id: number
  readonly epoch: number
  last: number
}

export interface Judged {
  /** With the lines that are written instead, and without what is refused. */
  readonly round: Round
  readonly writes: readonly Statement[]
}

interface Turn {
  readonly client: PoolClient
  readonly again: boolean
  readonly answers: Answer[]
}

export const hasStanding = ({ appends }: Round): boolean => [...appends.values()].some((placed) => placed.some(({ job }) => job.standing))

export async function judgeRound(turn: Turn, round: Round): Promise<Judged> {
  const chains = [...round.appends].filter(([, placed]) => placed.some(({ job }) => job.standing))
  const asking = chains.flatMap(([, placed]) => placed.flatMap(({ job: { run, standing } }) => (standing ? [{ run, standing }] : [])))
  const [held, accounts] = await Promise.all([
    ask<HeldRun>(turn.client, {
      name: 'held',
      text: 'SELECT run, id, epoch, last_seq AS last FROM runs WHERE run = ANY ($1) ORDER BY id FOR NO KEY UPDATE',
      values: [chains.map(([run]) => run)],
    }),
    Accounts.lock(turn.client, asking),
  ])
  const runs = new Map(held.rows.map((row) => [row.run, row]))
  const appends = new Map(round.appends)
  for (const [run] of chains) appends.delete(run)
  // In the order in which they were asked for, whichever run they are of.
  for (const placed of chains.flatMap(([, each]) => each).sort((a, b) => a.at - b.at)) {
    const written = await judgeOne(turn, accounts, runs.get(placed.job.run), placed)
    if (written) appends.set(written.job.run, [...(appends.get(written.job.run) ?? []), written])
  }
  return { round: { ...round, appends }, writes: accounts.writes() }
}

/** As it is to be written, unless it is answered why not. */
async function judgeOne(turn: Turn, accounts: Accounts, held: HeldRun | undefined, { job, at }: Placed<AppendJob>): Promise<Placed<AppendJob> | undefined> {
  const refusal = held ? refuseAppend(job, { epoch: held.epoch, lastSeq: held.last }) : refuseUnknown(job.run)
  if (!held || refusal) {
    const before = held && turn.again ? await answerBefore(turn.client, held.id, job) : undefined
    turn.answers[at] = before ? before.instead : refusal
    return undefined
  }
  const instead = changed(accounts, job)
  turn.answers[at] = instead
  if (typeof instead === 'object') return undefined
  held.last += job.bodies.length
  return { job: instead === undefined ? job : { ...job, bodies: withInstead(job.bodies, instead) }, at }
}

/** An account that is damaged harms whoever needs it, and no others of the group. */
function changed(accounts: Accounts, { run, standing }: AppendJob): string | undefined | { readonly refused: ErrorRecord } {
  if (!standing) return undefined
  try {
    return accounts.change({ run, standing })
  } catch (error) {
    if (TuttiError.is(error, 'JOURNAL_CORRUPT')) return { refused: recordError(error) }
    throw error
  }
}
