/** Begins a flow under a pump: its root scope, its `run`, its input as recorded, its output as it will be recorded. */
import { TuttiError } from '../errors/index.ts'
import { decode, encode, type Json, type RunId } from '../primitives/index.ts'
import type { AnyFlow, Run } from './definition.port.ts'
import type { Services } from './effect.port.ts'
import type { Activation } from './engine.port.ts'
import { executeFlow } from './execute.ts'
import type { Pump } from './pump.ts'
import { ScopedRun } from './run.ts'
import { RunScope, standing } from './scope.ts'

export interface BegunFlow {
  readonly run: RunId
  readonly flow: AnyFlow
  readonly activation: Activation
  readonly pump: Pump
  readonly services: Services
}

export function beginFlow({ run, flow, activation, pump, services }: BegunFlow): Promise<Json> {
  const { started } = activation
  const scope = new RunScope(undefined, flow.name, [], undefined, false)
  pump.openScope(scope)
  scope.deadline = started.deadline
  const face = new ScopedRun({ id: run, chance: chanceOf(run, activation), scope: started.scope, pump, services }, scope) as unknown as Run
  return standing.run(scope, async () => {
    const input = decode(await activation.load(started.input))
    scope.standFor(input)
    try {
      return encodeOutput(flow, await executeFlow(flow, input, face))
    } finally {
      pump.closeScope(scope)
    }
  })
}

/** @throws RUN_NOT_RECORDABLE with the flow that ended with it */
function encodeOutput(flow: AnyFlow, output: unknown): Json {
  try {
    return encode(output)
  } catch (error) {
    if (!TuttiError.is(error, 'RUN_NOT_RECORDABLE')) throw error
    throw new TuttiError('RUN_NOT_RECORDABLE', `the output of the flow '${flow.name}' is more than data: ${error.message}`, {
      cause: error,
      data: { ...(error.data as object), flow: flow.name },
      hint: 'Return JSON, Date, Map, Set, bigint, bytes or undefined from a flow.',
    })
  }
}

/** A fork draws what the run drew that it is of: what was asked with it is asked the same again. */
function chanceOf(run: RunId, { record: [, second] }: Activation): RunId {
  return second?.type === 'run.forked' ? (second.chance ?? run) : run
}
