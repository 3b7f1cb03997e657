import fc from 'fast-check'
import { expect, it } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { seedJournal } from '../testing/failpoint-store.ts'
import { amounts } from '../testing/priced-flow.ts'
import { flow, type Run } from './index.ts'

/** Eight delegates of a flow, three calls each, under nine calls in all: elsewhere sixteen went out. */
function delegation(turn: () => Promise<unknown>, out: Set<string>) {
  const call = (run: Run): Promise<string> =>
    run['~core'].ask<string>({
      name: 'call',
      kind: 'model',
      effect: 'idempotent',
      fingerprint: 'f',
      plan: () => ({
        hold: amounts(100),
        execute: async (ctx) => {
          out.add(`${ctx.idempotencyKey} ${ctx.attempt}`)
          await turn()
          return { value: 'x', settle: amounts(100) }
        },
      }),
    })
  const delegate = flow('delegate', async (_: number, run) => `${await call(run)}${await call(run)}${await call(run)}`)
  return flow('lead', { budget: { modelCalls: 9 } }, async (_: null, run) => {
    const done = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((n) => run.call(delegate, n)))
    return done.filter(({ status }) => status === 'fulfilled').length
  })
}

it('[B1] eight delegations beside one another make no call over a limit of nine, in whatever order their calls end', () =>
  fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const out = new Set<string>()
      const driven = startRun(
        memoryStore(),
        delegation(() => scheduler.schedule(Promise.resolve()), out),
        null,
      )
      const { outcome } = await scheduler.waitFor(driven)
      expect(outcome).toMatchObject({ status: 'completed', usage: { modelCalls: 9 } })
      expect(out.size).toBe(9)
    }),
    { numRuns: 60 },
  ))

it('[B1][B2] nor in all processes together, wherever the first one ends', async () => {
  const first = new Set<string>()
  const { journal } = await startRun(
    memoryStore(),
    delegation(() => Promise.resolve(), first),
    null,
  )
  for (let length = 1; length < journal.entries.length; length++) {
    const out = new Set<string>()
    const { journal: whole } = await resumeRun(
      await seedJournal(journal, length),
      delegation(() => Promise.resolve(), out),
      journal.run,
    )
    expect(whole.entries.filter(({ type }) => type === 'step.started').length).toBeLessThanOrEqual(9)
  }
})
