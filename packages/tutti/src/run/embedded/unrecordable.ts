/** Names who gave a value that no journal holds: its class alone would send whoever reads of it looking through every tool. */
import { TuttiError } from '../../errors/index.ts'
import type { EffectOp } from '../engine.port.ts'

/** Any other error as it is. */
export function unrecordable(error: unknown, { key, spec }: Pick<EffectOp, 'key' | 'spec'>): unknown {
  if (!TuttiError.is(error, 'RUN_NOT_RECORDABLE')) return error
  const tool = spec.kind === 'tool' ? (spec.label as { readonly tool?: string } | undefined)?.tool : undefined
  const gave = tool === undefined ? `the step '${key}'` : `the tool '${tool}' (step '${key}')`
  return new TuttiError('RUN_NOT_RECORDABLE', `${gave} was done, and gave more than data: ${error.message}`, {
    cause: error,
    data: { ...(error.data as object), key, ...(tool === undefined ? {} : { tool }) },
    hint: tool === undefined ? undefined : 'Return JSON, Date, Map, Set, bigint, bytes or undefined from a tool: of an instance, its fields.',
  })
}
