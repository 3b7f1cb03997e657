/**
 * Writes one group of jobs in one transaction.
 *
 * Owns: the transaction, and what each job is answered. Does not own: the statements (`append.ts`, `create.ts`, …).
 * Invariants: what is refused wrote nothing, and harms no other job (I2); a failure leaves nothing of the group (I6), unless the connection was lost, when it may all be
 * there: then the group is written again, and what is there already is answered as if it were new.
 * A group that is one statement is one round trip. One that is a round of several is sent at once, BEGIN to COMMIT.
 */
import type { PoolClient } from 'pg'
import {
  type AcquireJob,
  type Answer,
  type AppendJob,
  type CreateJob,
  type Job,
  type Lease,
  type PostJob,
  type RunId,
  refuseAppend,
  refuseUnknown,
} from 'tutti/store'
import { forgetAccounts } from './accounts.ts'
import { admitFromQueue } from './admit.ts'
import { appendOf, appendStatement, type RunAppend } from './append.ts'
import { createStatement } from './create.ts'
import { ask, type Database, type Statement } from './database.ts'
import { type HeadRow, headColumns, headOf } from './head.ts'
import { acquireStatement, letterStatement, renewStatement } from './leases.ts'
import { removeRuns } from './remover.ts'
import { type Placed, type Round, roundsOf, runsOf } from './rounds.ts'
import { dropSchedule, forgetTenant, keepSchedule } from './schedules.ts'
import { hasStanding, judgeRound } from './standing-round.ts'
import { answerBefore } from './written-before.ts'

type Answers = Answer[]

interface Turn {
  readonly client: PoolClient
  /** What these jobs asked for may be there already. */
  readonly again: boolean
  readonly answers: Answers
}

/** @throws JOURNAL_UNWRITABLE | JOURNAL_LOCKED | CONFIG_INVALID */
export function writeGroup(database: Database, jobs: readonly Job[]): Promise<readonly Answer[]> {
  const rounds = roundsOf(jobs)
  return database.write(async (client, again) => {
    const turn: Turn = { client, again, answers: new Array<Answer>(jobs.length).fill(undefined) }
    const [only] = rounds
    if (only && rounds.length === 1 && !only.alone) await (hasStanding(only) ? writeStandingRound(turn, only, jobs) : writeRoundAtOnce(turn, only))
    else await writeInTurn(turn, rounds, jobs)
    return turn.answers
  })
}

/** A statement, and what to make of its rows. The rest it answers are jobs to look into one by one. */
interface Part {
  readonly statement: Statement
  settle(rows: readonly object[], answers: Answers): Rest
}

interface Rest {
  readonly appends: readonly Placed<AppendJob>[]
  readonly creates: readonly Placed<CreateJob>[]
  readonly posts: readonly Placed<PostJob>[]
}

const nothing: Rest = { appends: [], creates: [], posts: [] }

async function writeRoundAtOnce(turn: Turn, round: Round): Promise<void> {
  const { parts, unfit } = partsOf(round)
  const [only] = parts
  const rest: Rest[] = [{ ...nothing, appends: unfit }]
  if (only && parts.length === 1) rest.push(only.settle((await ask(turn.client, only.statement)).rows, turn.answers))
  else if (parts.length > 1) {
    const [, ...results] = await allOf([begin, ...parts.map(({ statement }) => statement), commit], turn.client)
    for (const [i, part] of parts.entries()) rest.push(part.settle(results[i]?.rows ?? [], turn.answers))
  }
  if (rest.some((each) => hasRest(each, turn))) await inTransaction(turn.client, () => lookIntoAll(turn, rest))
}

/** What it asks of accounts is locked and judged in one breath, and all that is written is sent in another. */
async function writeStandingRound(turn: Turn, round: Round, jobs: readonly Job[]): Promise<void> {
  const { client } = turn
  let rest: Rest[]
  try {
    const [, , judged] = await Promise.all([ask(client, begin), ask(client, lockOf(jobs)), judgeRound(turn, round)])
    const { parts, unfit } = partsOf(judged.round)
    const results = await allOf([...parts.map(({ statement }) => statement), ...judged.writes, commit], client)
    rest = [...parts.map((part, i) => part.settle(results[i]?.rows ?? [], turn.answers)), { ...nothing, appends: unfit }]
  } catch (error) {
    await ask(client, { text: 'ROLLBACK' }).catch(() => {})
    throw error
  }
  if (rest.some((each) => hasRest(each, turn))) await inTransaction(client, () => lookIntoAll(turn, rest))
}

async function writeInTurn(turn: Turn, rounds: readonly Round[], jobs: readonly Job[]): Promise<void> {
  await inTransaction(turn.client, async () => {
    await ask(turn.client, lockOf(jobs))
    for (const round of rounds) {
      if (round.alone) turn.answers[round.alone.at] = await alone(turn.client, round.alone.job)
      const judged = hasStanding(round) ? await judgeRound(turn, round) : { round, writes: [] }
      const { parts, unfit } = partsOf(judged.round)
      const results = await allOf([...parts.map(({ statement }) => statement), ...judged.writes], turn.client)
      await lookIntoAll(turn, [...parts.map((part, i) => part.settle(results[i]?.rows ?? [], turn.answers)), { ...nothing, appends: unfit }])
    }
  })
}

/** Always in the same order, so that two processes do not wait for each other. */
const lockRuns: Statement = { name: 'lock', text: 'SELECT FROM runs WHERE run = ANY ($1) ORDER BY id FOR NO KEY UPDATE' }
const lockOf = (jobs: readonly Job[]): Statement => ({ ...lockRuns, values: [[...new Set(jobs.flatMap(runsOf))]] })
const begin: Statement = { text: 'BEGIN' }
const commit: Statement = { text: 'COMMIT' }

/** All are sent at once; the first that fails is the one that tells why. */
async function allOf(statements: readonly Statement[], client: PoolClient) {
  const results = await Promise.allSettled(statements.map((statement) => ask<object>(client, statement)))
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

async function inTransaction(client: PoolClient, work: () => Promise<void>): Promise<void> {
  await ask(client, begin)
  try {
    await work()
    await ask(client, commit)
  } catch (error) {
    await ask(client, { text: 'ROLLBACK' }).catch(() => {})
    throw error
  }
}

function partsOf({ creates, acquires, appends, posts }: Round): { readonly parts: readonly Part[]; readonly unfit: readonly Placed<AppendJob>[] } {
  const unfit: Placed<AppendJob>[] = []
  const chains: (RunAppend & { readonly placed: readonly Placed<AppendJob>[] })[] = []
  for (const placed of appends.values()) {
    const append = appendOf(placed.map(({ job }) => job))
    if (append) chains.push({ ...append, placed })
    else unfit.push(...placed)
  }
  const parts: Part[] = []
  if (creates.length > 0)
    parts.push({ statement: createStatement(creates.map(({ job }) => job)), settle: (rows, answers) => settleCreates(creates, rows, answers) })
  if (acquires.length > 0)
    parts.push({ statement: acquireStatement(acquires.map(({ job }) => job)), settle: (rows, answers) => settleAcquires(acquires, rows, answers) })
  if (chains.length > 0)
    parts.push({
      statement: appendStatement(chains),
      settle: (rows) => {
        const written = new Set((rows as readonly { i: number }[]).map(({ i }) => i))
        return { ...nothing, appends: chains.flatMap(({ placed }, i) => (written.has(i + 1) ? [] : placed)) }
      },
    })
  if (posts.length > 0) parts.push({ statement: letterStatement(posts.map(({ job }) => job)), settle: (rows, answers) => settlePosts(posts, rows, answers) })
  return { parts, unfit }
}

function settleCreates(creates: readonly Placed<CreateJob>[], rows: readonly object[], answers: Answers): Rest {
  const made = new Set((rows as readonly { run: RunId }[]).map(({ run }) => run))
  for (const { job, at } of creates) if (made.has(job.run)) answers[at] = { created: true, head: job.head }
  return { ...nothing, creates: creates.filter(({ job }) => !made.has(job.run)) }
}

function settleAcquires(acquires: readonly Placed<AcquireJob>[], rows: readonly object[], answers: Answers): Rest {
  const leases = new Map((rows as readonly Lease[]).map((lease) => [lease.run, lease]))
  for (const { job, at } of acquires) answers[at] = leases.get(job.run)
  return nothing
}

function settlePosts(posts: readonly Placed<PostJob>[], rows: readonly object[], answers: Answers): Rest {
  const posted = new Map((rows as readonly { run: RunId; ids: readonly string[] | null }[]).map(({ run, ids }) => [run, new Set(ids ?? [])]))
  const duplicates: Placed<PostJob>[] = []
  for (const placed of posts) {
    const { job, at } = placed
    const ids = posted.get(job.run)
    if (!ids) answers[at] = refuseUnknown(job.run)
    else if (ids.delete(job.id)) answers[at] = 'posted'
    else {
      answers[at] = 'duplicate'
      duplicates.push(placed)
    }
  }
  return { ...nothing, posts: duplicates }
}

const hasRest = ({ appends, creates, posts }: Rest, { again }: Turn): boolean => appends.length + creates.length + (again ? posts.length : 0) > 0

async function lookIntoAll(turn: Turn, rest: readonly Rest[]): Promise<void> {
  for (const { appends, creates, posts } of rest) {
    for (const { job, at } of creates) turn.answers[at] = await lookIntoCreate(turn, job)
    for (const { job, at } of appends) turn.answers[at] = await lookIntoAppend(turn, job)
    if (turn.again) for (const { job, at } of posts) turn.answers[at] = await lookIntoPost(turn, job)
  }
}

async function lookIntoCreate({ client, again }: Turn, job: CreateJob): Promise<Answer> {
  const { rows } = await ask<HeadRow>(client, { name: 'head', text: `SELECT ${headColumns} FROM runs r WHERE run = $1`, values: [job.run] })
  const [row] = rows
  if (!row) return refuseUnknown(job.source ?? job.run)
  const head = headOf(row)
  const isOurs =
    again && head.owner === job.head.owner && head.epoch === job.head.epoch && head.startHash === job.head.startHash && head.lastSeq === job.head.lastSeq
  return { created: isOurs, head }
}

/** One by one, each after those before it. */
async function lookIntoAppend(turn: Turn, job: AppendJob): Promise<Answer> {
  const { client, again } = turn
  const { rows } = await ask<{ id: number; epoch: number; last: number }>(client, {
    text: 'SELECT id, epoch, last_seq AS last FROM runs WHERE run = $1 FOR NO KEY UPDATE',
    values: [job.run],
  })
  const [held] = rows
  if (!held) return refuseUnknown(job.run)
  const refusal = refuseAppend(job, { epoch: held.epoch, lastSeq: held.last })
  if (refusal) {
    const before = again ? await answerBefore(client, held.id, job) : undefined
    return before ? before.instead : refusal
  }
  await ask(client, appendStatement([appendOf([job]) as RunAppend]))
  return undefined
}

async function lookIntoPost({ client }: Turn, job: PostJob): Promise<Answer> {
  const { rows } = await ask<{ body: string | null }>(client, {
    text: 'SELECT m.body FROM inbox m JOIN runs r ON r.id = m.run WHERE r.run = $1 AND m.id = $2',
    values: [job.run, job.id],
  })
  return rows[0]?.body === job.body ? 'posted' : 'duplicate'
}

/** A job that is a round of its own. */
async function alone(client: PoolClient, job: Job): Promise<Answer> {
  switch (job.op) {
    case 'admit':
      return admitFromQueue(client, job)
    case 'renew': {
      const { rows } = await ask<{ run: RunId }>(client, renewStatement(job))
      const held = new Set(rows.map(({ run }) => run))
      return job.leases.filter(({ run }) => !held.has(run)).map(({ run }) => run)
    }
    case 'remove':
      return removeRuns(client, job)
    case 'shred':
      if (job.step === 'end' && job.subject.user === undefined) await forgetTenant(client, job.subject.tenant)
      if (job.step === 'end') await forgetAccounts(client, job.subject)
      return 0
    case 'keep-schedule':
      return keepSchedule(client, job)
    case 'drop-schedule':
      return dropSchedule(client, job.name)
    default:
      throw new Error(`'${job.op}' is done with others`)
  }
}
