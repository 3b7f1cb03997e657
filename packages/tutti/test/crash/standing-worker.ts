/** A process that drives runs of calls which cost money, under one limit with others: what it asks of the provider, and what it gets, it says. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { nothing, StandingBudgets } from '../../src/budget/index.ts'
import { TuttiError } from '../../src/errors/index.ts'
import { sqliteStore } from '../../src/journal/index.ts'
import { hashFraction } from '../../src/primitives/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow, type Run } from '../../src/run/index.ts'

export interface StandingTask {
  readonly file: string
  readonly log: string
  readonly runs: readonly string[]
  readonly limitMicroUsd: number
  /** By whose clocks a month is a month. */
  readonly timeZone: string
}

const { file, log, runs, limitMicroUsd, timeZone } = JSON.parse(process.argv[2] ?? '') as StandingTask
const lines = openSync(log, 'a')
const say = (line: string): void => void writeSync(lines, `${line}\n`)
const store = sqliteStore(file)

function call(run: Run, number: number): Promise<string> {
  const worst = 10 + Math.floor(hashFraction(`worst ${run.id} ${number}`) * 80)
  const amounts = (microUsd: number) => ({ ...nothing, microUsd, modelCalls: 1 })
  return run['~core']
    .ask<string>({
      name: `call ${number}`,
      kind: 'model',
      effect: 'idempotent',
      fingerprint: String(worst),
      plan: () => ({
        hold: amounts(worst),
        execute: async ({ idempotencyKey, attempt }) => {
          const name = `${idempotencyKey}@${attempt}`
          say(`begins ${name} ${worst}`)
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

const spend = flow('spend', async (_: null, run) => {
  let said = ''
  for (let round = 0; round < 4; round++) {
    const branch = (number: number) => flow('branch', (__: null, own) => call(own, number))
    said += (await run.all([0, 1].map((n) => run.call(branch(2 * round + n), null)))).join('')
  }
  return said
})

const budgets = new StandingBudgets([{ per: 'tenant', every: 'month', timeZone, usd: limitMicroUsd / 1e6 }])
const engine = new EmbeddedEngine({ store, flows: [spend], budgets, leaseMs: 700 })
await engine.open()
const left = async (id: string): Promise<void> => {
  const run = await engine.start(spend, null, { id, scope: { tenant: 'acme' } }).catch(() => undefined)
  if (run) await toItsEnd(new EmbeddedHandle(engine, run))
}
/** Killed often enough before its first call has ended, a run counts as one that brings its process down: it is left to a person, who knows better here. */
async function toItsEnd(handle: EmbeddedHandle<unknown>): Promise<void> {
  const outcome = await handle.outcome()
  if (outcome.status !== 'failed' || !TuttiError.is(outcome.error, 'RUN_CRASH_LOOP')) return
  await handle.resume()
  await toItsEnd(handle)
}
const lane = async (which: number): Promise<void> => {
  for (const [i, id] of runs.entries()) if (i % 2 === which) await left(id)
}
await Promise.all([lane(0), lane(1)])
await engine.close()
closeSync(lines)
