/** Runs of calls which cost money, under one limit with other processes: what is asked of the provider, and what it gets, is said in a file. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { type Engine, flow, type Run, type RunHandle, TuttiError, tutti } from 'tutti'
import type { JournalStore } from 'tutti/store'

export interface StandingTask {
  readonly log: string
  readonly runs: readonly string[]
  readonly limitMicroUsd: number
  /** By whose clocks a month is a month. */
  readonly timeZone: string
}

const hashFraction = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32

/** What a call of a model is made of, without a model. */
interface Asks {
  readonly '~core': { ask(spec: object): Promise<string> }
}
type Say = (line: string) => void

function call(run: Run, number: number, say: Say): Promise<string> {
  const worst = 10 + Math.floor(hashFraction(`worst ${run.id} ${number}`) * 80)
  const amounts = (microUsd: number) => ({ microUsd, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, modelCalls: 1, toolCalls: 0 })
  return (run as unknown as Asks)['~core']
    .ask({
      name: `call ${number}`,
      kind: 'model',
      effect: 'idempotent',
      fingerprint: String(worst),
      plan: () => ({
        hold: amounts(worst),
        execute: async ({ idempotencyKey, attempt }: { idempotencyKey: string; attempt: number }) => {
          const name = `${idempotencyKey}@${attempt}`
          say(`begins ${name} ${worst} ${process.pid}`)
          await later(20 + hashFraction(`ms ${name}`) * 80)
          const cost = Math.floor(worst * (0.3 + 0.7 * hashFraction(`cost ${name}`)))
          say(`ends ${name} ${cost}`)
          return { value: 'x', settle: amounts(cost) }
        },
      }),
    })
    .catch((error) => {
      if (TuttiError.is(error, 'BUDGET_EXCEEDED')) return '.'
      throw error
    })
}

const spendFlow = (say: Say) =>
  flow('spend', async (_: null, run) => {
    let said = ''
    for (let round = 0; round < 4; round++) {
      const branch = (number: number) => flow('branch', (__: null, own) => call(own, number, say))
      said += (await run.all([0, 1].map((n) => run.call(branch(2 * round + n), null)))).join('')
    }
    return said
  })

/** Begins its runs, whoever begun them before, and ends when they have ended. */
export async function standingRuns(
  { log, runs, limitMicroUsd, timeZone }: StandingTask,
  at: { readonly store: JournalStore; readonly engine?: Engine },
): Promise<void> {
  const lines = openSync(log, 'a')
  const spend = spendFlow((line) => void writeSync(lines, `${line}\n`))
  const app = tutti({ flows: [spend], ...at, budgets: [{ per: 'tenant', every: 'month', timeZone, usd: limitMicroUsd / 1e6 }] })
  const left = async (id: string): Promise<void> => {
    const handle = await app.start(spend, null, { id, scope: { tenant: 'acme' } }).catch(() => app.get(id) as Promise<RunHandle<string> | undefined>)
    if (handle) await toItsEnd(handle)
  }
  const lane = async (which: number): Promise<void> => {
    for (const [i, id] of runs.entries()) if (i % 2 === which) await left(id)
  }
  await Promise.all([lane(0), lane(1)])
  await app.close()
  closeSync(lines)
}

/** Killed often enough before its first call has ended, a run counts as one that brings its process down: it is left to a person, who knows better here. */
async function toItsEnd(handle: RunHandle<string>): Promise<void> {
  const outcome = await handle.outcome()
  if (outcome.status !== 'failed' || !TuttiError.is(outcome.error, 'RUN_CRASH_LOOP')) return
  await handle.resume()
  await toItsEnd(handle)
}
