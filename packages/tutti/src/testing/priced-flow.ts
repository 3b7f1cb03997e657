/** Random flows of priced calls: branches, sequences, retries, hedges, scopes with budgets of their own; and what each call really cost. */
import { type Amounts, type Budget, nothing } from '../budget/index.ts'
import { hashFraction } from '../primitives/index.ts'
import { type AttemptPlan, type Flow, flow, type Run, type StepContext } from '../run/index.ts'
import { seeded } from './random-program.ts'

export type PricedNode =
  | { readonly t: 'call'; readonly worst: number }
  | { readonly t: 'seq' | 'par'; readonly parts: readonly PricedNode[] }
  | { readonly t: 'scope'; readonly limit: number; readonly body: PricedNode }

/** A tree of calls whose worst cases come to a few times what its limits allow. */
export function pricedProgram(seed: number): PricedNode {
  const random = seeded(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const node = (depth: number): PricedNode => {
    const kind = depth === 0 ? 0 : below(5)
    if (kind <= 1) return { t: 'call', worst: 10 + below(90) }
    if (kind === 2) return { t: 'scope', limit: 50 + below(300), body: node(depth - 1) }
    return { t: kind === 3 ? 'seq' : 'par', parts: Array.from({ length: 2 + below(4) }, () => node(depth - 1)) }
  }
  return { t: 'par', parts: [node(3), node(3), node(2)] }
}

/** What the provider would put on the bill, by idempotency key and attempt. */
export type Bill = Map<string, number>
export const billed = ({ idempotencyKey, attempt }: Pick<StepContext, 'idempotencyKey' | 'attempt'>): string => `${idempotencyKey} ${attempt}`

/** The flow `priced`: a call that does not fit is caught, and the flow goes on. Of the calls, a third fail at their first attempt, half of those metered. */
export function pricedFlow(program: PricedNode, budget: Budget, bill: Bill): Flow<null, string> {
  return flow('priced', { budget }, async (_: null, run) => play(run, program, bill))
}

async function play(run: Run, node: PricedNode, bill: Bill): Promise<string> {
  switch (node.t) {
    case 'call':
      return call(run, node.worst, bill).catch((error: { code: string }) => (error.code === 'BUDGET_EXCEEDED' ? '.' : `[${error.code}]`))
    case 'scope':
      return `(${await run.call(
        flow('scope', async (_: null, own) => play(own, node.body, bill)),
        null,
        { budget: { usd: node.limit / 1e6 } },
      )})`
    case 'seq': {
      let output = ''
      for (const part of node.parts) output += await play(run, part, bill)
      return output
    }
    case 'par':
      return (
        await run.all(
          node.parts.map((part) =>
            run.call(
              flow('branch', async (_: null, own) => play(own, part, bill)),
              null,
            ),
          ),
        )
      ).join('|')
  }
}

export const amounts = (microUsd: number): Amounts => ({ ...nothing, microUsd, modelCalls: 1 })

function call(run: Run, worst: number, bill: Bill): Promise<string> {
  return run['~core'].ask<string>({
    name: 'call',
    kind: 'model',
    effect: 'idempotent',
    fingerprint: String(worst),
    retry: (_, attempt) => (attempt < 3 ? { afterMs: 1 } : undefined),
    // Two calls in five are hedged: up to two more attempts beside the first, each begun a millisecond after the one before.
    plan: () => attempt(worst, bill, worst % 5 < 2 ? 2 : 0),
  })
}

function attempt(worst: number, bill: Bill, hedges: number): AttemptPlan<string> {
  return {
    hold: amounts(worst),
    ...(hedges > 0 ? { hedge: { afterMs: 1, plan: () => attempt(worst, bill, hedges - 1) } } : {}),
    execute: async (ctx) => {
      const chance = (what: string): number => hashFraction(`${what} ${billed(ctx)}`)
      const cost = Math.floor(worst * (0.8 + 0.2 * chance('cost')))
      bill.set(billed(ctx), cost)
      for (let turns = Math.floor(chance('latency') * 5); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      if (hedges > 0) await new Promise((resolve) => setTimeout(resolve, chance('slow') * 4))
      if (chance('fails') > 1 / 3) return { value: 'x', ...(chance('unknown') < 0.2 ? {} : { settle: amounts(cost) }) }
      const error = new Error('no answer')
      throw chance('metered') < 0.5 ? Object.assign(new Error('metered'), { '~metered': true, error, settle: amounts(cost) }) : error
    },
  }
}
