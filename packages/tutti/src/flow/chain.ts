import { TuttiError } from '../errors/index.ts'
import { defineFlow, type Flow, type FlowShape, type Step } from '../run/index.ts'
import { checkStep, drawn, flowsAmong, inputSchemaOf, stepName, takeStep } from './step.ts'

/**
 * Steps one after another, each given what the one before it made. Steps are arguments, not an array, so that each types by its neighbour.
 * @example
 * const shout = chain('shout', (name: string) => `hello ${name}`, (text) => text.toUpperCase())
 */
export function chain<A, B>(name: string, s1: Step<A, B>): Flow<A, B>
export function chain<A, B, C>(name: string, s1: Step<A, B>, s2: Step<B, C>): Flow<A, C>
export function chain<A, B, C, D>(name: string, s1: Step<A, B>, s2: Step<B, C>, s3: Step<C, D>): Flow<A, D>
export function chain<A, B, C, D, E>(name: string, s1: Step<A, B>, s2: Step<B, C>, s3: Step<C, D>, s4: Step<D, E>): Flow<A, E>
export function chain<A, B, C, D, E, F>(name: string, s1: Step<A, B>, s2: Step<B, C>, s3: Step<C, D>, s4: Step<D, E>, s5: Step<E, F>): Flow<A, F>
export function chain<A, B, C, D, E, F, G>(
  name: string,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
  s5: Step<E, F>,
  s6: Step<F, G>,
): Flow<A, G>
export function chain<A, B, C, D, E, F, G, H>(
  name: string,
  s1: Step<A, B>,
  s2: Step<B, C>,
  s3: Step<C, D>,
  s4: Step<D, E>,
  s5: Step<E, F>,
  s6: Step<F, G>,
  s7: Step<G, H>,
): Flow<A, H>
export function chain(name: string, ...steps: Step<never, unknown>[]): Flow<unknown, unknown> {
  if (steps.length === 0) throw new TuttiError('CONFIG_INVALID', `the chain '${String(name)}' has no steps`, { hint: 'chain(name, first, second, …)' })
  for (const [i, step] of steps.entries()) checkStep(`step ${i + 1} of the chain '${String(name)}'`, step)
  return defineFlow({
    kind: 'chain',
    name,
    options: {},
    inputSchema: inputSchemaOf(steps[0]),
    outputSchema: undefined,
    parts: flowsAmong(steps),
    shape: shapeOf(steps),
    execute: async (input, run) => {
      let value = input
      for (const [i, step] of steps.entries()) value = await takeStep(step, stepName(step, `step:${i + 1}`), value, run)
      return value
    },
  })
}

/** A step that stands there twice is two boxes. */
function shapeOf(steps: readonly Step<never, unknown>[]): FlowShape {
  const nodes = steps.map((step, i) => {
    const name = stepName(step, `step:${i + 1}`)
    const before = steps.slice(0, i).filter((other, j) => stepName(other, `step:${j + 1}`) === name).length
    return drawn(before === 0 ? name : `${name}#${before + 1}`, step)
  })
  const edges = nodes.slice(1).map(({ name }, i) => ({ from: nodes[i]?.name, to: name }))
  return { nodes, edges: [{ to: nodes[0]?.name }, ...edges, { from: nodes.at(-1)?.name }] }
}
