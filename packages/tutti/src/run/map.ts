/**
 * `run.map`: each item is recorded by itself, at its own number, so a killed map goes on at the first unrecorded item.
 * An item that is a function is one step; an item that is a flow is a scope.
 */
import { TuttiError } from '../errors/index.ts'
import { canonical, hash128 } from '../primitives/index.ts'
import { cancelBranches } from './branches.ts'
import type { Awaitable, Flow, Leaf, MapOptions, Run, Settled, StepContext } from './definition.port.ts'
import { executeFlow } from './execute.ts'
import { isFlow } from './flow.ts'
import type { EffectSpec, ScopeOptions } from './core.port.ts'
import type { Pump } from './pump.ts'
import { codeStep } from './step.ts'

/** What a map needs of the run it stands in. */
export interface MapGround {
  readonly pump: Pump
  readonly draws: readonly string[]
  readonly signalAborted: boolean
  place(name: string): Place
  ask<T>(spec: EffectSpec<T>): Promise<T>
  askAt<T>(place: Place, spec: EffectSpec<T>, draws: readonly string[]): Promise<T>
  openAt<T>(place: Place, input: unknown, body: (run: Run) => Awaitable<T>, o?: ScopeOptions): Promise<T>
}
interface Place {
  readonly key: string
  readonly at: readonly number[]
}
type Options = MapOptions & { onError?: 'fail' | 'collect' | undefined }

export async function mapItems(run: MapGround, name: string, items: Iterable<unknown> | AsyncIterable<unknown>, each: Leaf<unknown, unknown>, o: Options): Promise<unknown[]> {
  const list = Symbol.asyncIterator in items ? await collect(run, name, items) : [...items]
  const concurrency = o.concurrency ?? Number.POSITIVE_INFINITY
  if (!(concurrency >= 1)) throw new TuttiError('CONFIG_INVALID', `a map cannot run ${String(o.concurrency)} items at once`, { hint: 'concurrency is 1 or more.' })
  const begin = itemStarter(run, name, each, o)
  return new Promise((resolve, reject) => {
    const results: unknown[] = new Array(list.length)
    const under = new Map<number, Promise<unknown>>()
    let next = 0
    let done = 0
    let failed = false
    const settle = (index: number, result: unknown): void => {
      results[index] = result
      under.delete(index)
      done++
      if (failed) return
      if (done === list.length) resolve(results)
      else fill()
    }
    const fail = (index: number, error: unknown): void => {
      if (failed) return
      if (o.onError === 'collect' && TuttiError.is(error) && !isOver(run, error)) return settle(index, { ok: false, index, input: list[index], error } satisfies Settled<unknown, unknown>)
      failed = true
      under.delete(index)
      cancelBranches(under.values(), run.pump, `item ${index} of '${name}' failed, so the others are not needed`)
      reject(error)
    }
    const fill = (): void => {
      while (!failed && next < list.length && under.size < concurrency) {
        const index = next++
        const work = begin(list[index], index)
        under.set(index, work)
        work.then(
          (output) => settle(index, o.onError === 'collect' ? { ok: true, index, output } : output),
          (error) => fail(index, error),
        )
      }
    }
    if (list.length === 0) resolve(results)
    else fill()
  })
}

/** A cancelled run, or one whose deadline passed, is not a failure of an item. */
const isOver = (run: MapGround, error: TuttiError): boolean => (error.code === 'RUN_CANCELLED' || error.code === 'RUN_DEADLINE_EXCEEDED') && run.signalAborted

function itemStarter(run: MapGround, name: string, each: Leaf<unknown, unknown>, o: Options): (item: unknown, index: number) => Promise<unknown> {
  const place = run.place(name)
  const placeOf = (index: number): Place => ({ key: `${place.key}:${index}`, at: [...place.at, index] })
  if (isFlow(each)) {
    const flow = each as Flow<unknown, unknown>
    return (item, index) => run.openAt(placeOf(index), item, (inner) => executeFlow(flow, item, inner), { budget: o.budgetPerItem })
  }
  const fn = each as (item: unknown, ctx: StepContext) => unknown
  return (item, index) => run.askAt(placeOf(index), codeStep(`${name}:${index}`, item, hash128(canonical(item)), fn), run.draws)
}

/** Reading an asynchronous source is an effect: what it gave is recorded, and so is the same on replay. */
function collect(run: MapGround, name: string, items: AsyncIterable<unknown>): Promise<unknown[]> {
  const read = async (): Promise<unknown[]> => {
    const list: unknown[] = []
    for await (const item of items) list.push(item)
    return list
  }
  return run.ask(codeStep(`${name}:items`, null, 'items', read))
}
