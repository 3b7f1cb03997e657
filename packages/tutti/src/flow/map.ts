import { checkMapOptions, defineFlow, type Flow, type MapOptions, type Settled, type Step } from '../run/index.ts'
import { asFlow, checkStep, drawn } from './step.ts'

/**
 * One step over many items; each item is recorded by itself. With `onError: 'collect'` a failed item is part of the output, not the end of the map.
 */
export function map<I, O, E extends 'fail' | 'collect' = 'fail'>(
  name: string,
  each: Step<I, O>,
  o?: MapOptions & { onError?: E },
): Flow<Iterable<I>, E extends 'collect' ? Settled<I, O>[] : O[]>
export function map(name: string, each: Step<never, unknown>, o: MapOptions & { onError?: 'fail' | 'collect' } = {}): Flow<Iterable<unknown>, unknown[]> {
  checkMapOptions(name, o)
  checkStep(`what is to be done with each item of the map '${name}'`, each)
  const item = asFlow(each, 'item')
  return defineFlow({
    kind: 'map',
    name,
    options: {},
    inputSchema: undefined,
    outputSchema: undefined,
    parts: [item],
    shape: { nodes: [drawn('each item', each)], edges: [{ to: 'each item' }, { from: 'each item' }] },
    execute: (items, run) => run.map('item', items as Iterable<unknown>, item as Flow<unknown, unknown>, o as MapOptions),
  })
}
