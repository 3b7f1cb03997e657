/** Runs the body of a flow in a scope: its input is checked before, its output after. */
import { TuttiError } from '../errors/index.ts'
import { validate } from '../primitives/index.ts'
import type { AnyFlow, Run } from './definition.port.ts'
import type { Awaitable } from './effect.port.ts'
import { retryAfter } from './step.ts'

/** @throws RUN_INPUT_INVALID | RUN_OUTPUT_INVALID, and whatever the flow throws */
export function executeFlow(flow: AnyFlow, input: unknown, run: Run): Awaitable<unknown> {
  const { inputSchema, outputSchema, execute, options } = flow['~flow']
  // Where nothing is checked and nothing tried again, nothing stands between the caller and the body: an agent has it on its stack all its life.
  return inputSchema || outputSchema || options.retry ? executeChecked(flow, input, run) : execute(input, run)
}

async function executeChecked(flow: AnyFlow, input: unknown, run: Run): Promise<unknown> {
  const { inputSchema, outputSchema, execute, options } = flow['~flow']
  const taken = inputSchema ? await validate(inputSchema, input, 'RUN_INPUT_INVALID', `the input of '${flow.name}'`) : input
  const once = async (on: Run): Promise<unknown> => {
    const made = await execute(taken, on)
    return outputSchema ? validate(outputSchema, made, 'RUN_OUTPUT_INVALID', `the output of '${flow.name}'`) : made
  }
  if (!options.retry) return await once(run)
  for (let attempt = 1; ; attempt++) {
    try {
      return await run['~core'].open(`attempt:${attempt}`, taken, once)
    } catch (error) {
      if (!TuttiError.is(error)) throw error
      const again = retryAfter(options.retry, error, attempt, run.key)
      if (!again) throw error
      await run.sleep(`before attempt:${attempt + 1}`, again.afterMs)
    }
  }
}
