import { TuttiError } from '../errors/index.ts'
import { checkOptions } from '../primitives/index.ts'
import { type AnyFlow, defineFlow, type Flow, type Step } from '../run/index.ts'
import { asFlow, checkStep, drawn, inputSchemaOf } from './step.ts'

/**
 * A body again and again, each turn given what the last one made, until `until` holds: an evaluator and an optimiser, a refinement.
 * @param o.until asked after each turn, with its number from 1; a pure function
 * @throws FLOW_LOOP_LIMIT when it does not hold after `max` turns
 */
export function loop<S>(name: string, o: { body: Step<S, S>; until: (state: S, turn: number) => boolean; max: number }): Flow<S, S> {
  checkOptions(`the loop '${name}'`, o, { body: true, until: true, max: true })
  if (!(Number.isInteger(o.max) && o.max >= 1))
    throw new TuttiError('CONFIG_INVALID', `the loop '${name}' has a max of ${String(o.max)}`, { hint: 'It is a whole number from 1: how many turns at most.' })
  if (typeof o.until !== 'function') throw new TuttiError('CONFIG_INVALID', `the loop '${name}' has no 'until'`, { hint: 'until: (state) => state.done' })
  checkStep(`the body of the loop '${name}'`, o.body)
  const body: AnyFlow = asFlow(o.body, 'turn')
  return defineFlow<S, S>({
    kind: 'loop',
    name,
    options: {},
    inputSchema: inputSchemaOf(o.body),
    outputSchema: undefined,
    parts: [body],
    shape: { nodes: [drawn('turn', o.body)], edges: [{ to: 'turn' }, { from: 'turn', to: 'turn', says: 'again' }, { from: 'turn' }] },
    execute: async (input, run) => {
      let state = input as S
      for (let turn = 1; turn <= o.max; turn++) {
        state = await run.call(body as Flow<S, S>, state as never, { name: `turn:${turn}` })
        if (o.until(state, turn)) return state
      }
      throw new TuttiError('FLOW_LOOP_LIMIT', `'${name}' went through its ${o.max} turns and 'until' does not hold`, { data: { loop: name, max: o.max } })
    },
  })
}
