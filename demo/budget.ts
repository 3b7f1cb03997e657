/** The budget drill: eight delegations at once against one limit. */
import { agent, flow, inMemory, tool, tutti } from 'tutti'
import { scripted } from 'tutti/testing'
import { z } from 'zod'

export interface BudgetDrill {
  readonly limit: number
  readonly delegations: number
  /** Counted by the model itself. */
  readonly calls: number
  readonly wanted: number
  readonly finished: number
  readonly refused: readonly string[]
}

/** Each delegate needs two model calls: one that looks something up, one that answers. */
export async function budgetDrill(limit = 9, delegations = 8): Promise<BudgetDrill> {
  const look = tool({
    name: 'look',
    description: 'Looks something up.',
    input: z.object({ what: z.string() }),
    effect: 'read',
    execute: ({ what }) => `${what}: found`,
  })
  const model = scripted(
    Array.from({ length: delegations * 2 }, (_, call) => (call < delegations ? { call: 'look', input: { what: `part ${call}` } } : 'done')),
  )
  const delegate = agent({ name: 'delegate', model, tools: [look] })
  const lead = flow('lead', async (parts: string[], run) => run.map('delegate', parts, delegate, { onError: 'collect' }))
  await using app = tutti({ flows: [lead], store: inMemory() })
  const parts = Array.from({ length: delegations }, (_, part) => `part ${part}`)
  const { output } = await app.run(lead, parts, { budget: { modelCalls: limit } })
  return {
    limit,
    delegations,
    calls: model.calls.length,
    wanted: delegations * 2,
    finished: output.filter((item) => item.ok).length,
    refused: output.flatMap((item) => (item.ok ? [] : [item.error.code])),
  }
}
