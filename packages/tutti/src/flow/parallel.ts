import { checkOptions, is } from '../primitives/index.ts'
import { type AnyFlow, defineFlow, type Flow, type OutputOf } from '../run/index.ts'
import { checkBranches, drawn, type InputOfEvery } from './step.ts'

type Simplify<T> = { [K in keyof T]: T[K] } & {}

/**
 * Branches beside one another on the same input; the output has one field for each.
 * `onError`: `'cancel'` (default) cancels the others when one fails; `'fail'` lets them finish, so that what they cost is not lost, then fails.
 */
export function parallel<B extends { readonly [k: string]: AnyFlow }>(
  name: string,
  branches: B,
  o: { onError?: 'fail' | 'cancel' } = {},
): Flow<Simplify<InputOfEvery<B>>, { [P in keyof B]: OutputOf<B[P]> }> {
  checkOptions(`the parallel '${name}'`, o, { onError: is.oneOf('fail', 'cancel') })
  checkBranches(`the parallel '${name}'`, branches)
  return defineFlow({
    kind: 'parallel',
    name,
    options: {},
    inputSchema: undefined,
    outputSchema: undefined,
    parts: Object.values(branches),
    shape: {
      nodes: Object.entries(branches).map(([branch, part]) => drawn(branch, part)),
      edges: Object.keys(branches).flatMap((branch) => [{ to: branch }, { from: branch }]),
    },
    execute: (input, run) => {
      const begun = Object.fromEntries(
        Object.entries(branches).map(([branch, part]) => [branch, run.call(part as Flow<unknown, unknown>, input, { name: branch })]),
      )
      return o.onError === 'fail' ? allToTheEnd(begun) : run.all(begun)
    },
  })
}

async function allToTheEnd(begun: Readonly<Record<string, Promise<unknown>>>): Promise<Record<string, unknown>> {
  const settled = await Promise.allSettled(Object.values(begun))
  const failed = settled.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
  return Object.fromEntries(Object.keys(begun).map((branch, i) => [branch, (settled[i] as PromiseFulfilledResult<unknown>).value]))
}
