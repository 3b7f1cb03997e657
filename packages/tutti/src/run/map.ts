/**
 * `run.map`: each item is recorded by itself, at its own number, so a killed map goes on at the first unrecorded item.
 * An item that is a function is one step; an item that is a flow is a scope.
 */
import { declaredLimits, tighter } from '../budget/index.ts'
import { rebuildError, recordError, TuttiError } from '../errors/index.ts'
import { canonical, checkOptions, type Declared as DeclaredOptions, hash128, is, sayGiven } from '../primitives/index.ts'
import { type Branches, cancelBranches, rememberSafely } from './branches.ts'
import type { Flow, Leaf, MapOptions, Run, Settled } from './definition.port.ts'
import type { Awaitable, EffectSpec, ScopeOptions, StepContext } from './effect.port.ts'
import { executeFlow } from './execute.ts'
import { isFlow } from './flow.ts'
import type { Pump } from './pump.ts'
import { recordable } from './recordable.ts'
import { codeStep } from './step.ts'

/** What a map needs of the run it stands in. */
export interface MapGround {
  readonly pump: Pump
  readonly draws: readonly string[]
  readonly signalAborted: boolean
  place(name: string): Place
  item(place: Place, index: number): Place
  ask<T>(spec: EffectSpec<T>): Promise<T>
  askAt<T>(place: Place, spec: EffectSpec<T>, draws: readonly string[]): Promise<T>
  openAt<T>(place: Place, input: unknown, body: (run: Run) => Awaitable<T>, o?: ScopeOptions): Promise<T>
}
interface Place {
  readonly key: string
  readonly at: readonly number[]
}
type Options = MapOptions & { onError?: 'fail' | 'collect' | undefined }
type Items = Iterable<unknown> | AsyncIterable<unknown>

export function mapItems(run: MapGround, name: string, items: Items, each: Leaf<unknown, unknown>, o: Options): Promise<unknown[]> {
  const mapping = new Mapping(run, name, each, o)
  return rememberSafely(mapping.over(items), mapping)
}

const OPTIONS: DeclaredOptions<Options> = { concurrency: is.count, budgetPerItem: true, onError: is.oneOf('fail', 'collect') }

/** @throws CONFIG_INVALID | BUDGET_INVALID */
export function checkMapOptions(name: string, o: Options): void {
  checkOptions(`the map '${name}'`, o, OPTIONS)
  if (o.budgetPerItem !== undefined) declaredLimits(o.budgetPerItem, `the budget of an item of the map '${name}'`)
}

/** @throws CONFIG_INVALID */
function checkMapped(name: string, items: unknown, each: unknown): void {
  const wrong = (what: string, given: unknown, hint: string): TuttiError =>
    new TuttiError('CONFIG_INVALID', `${what} the map '${name}' is ${sayGiven(given)}`, { hint })
  const many = typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items)
  if (!many) throw wrong('what is given to', items, 'It is a list, or something else that is iterable.')
  if (typeof each !== 'function' && !isFlow(each)) throw wrong('what is to be done with each item of', each, 'It is a flow, or a function of one item.')
}

/** One map under way: which items have begun, which are done, whether anybody still wants them. */
class Mapping implements Branches {
  readonly #run: MapGround
  readonly #name: string
  readonly #each: Leaf<unknown, unknown>
  readonly #o: Options
  readonly #under = new Map<number, Promise<unknown>>()
  #list: readonly unknown[] = []
  #results: unknown[] = []
  #next = 0
  #done = 0
  #over = false
  #reading: Promise<unknown[]> | undefined
  #begin!: (item: unknown, index: number) => Promise<unknown>
  #resolve!: (results: unknown[]) => void
  #reject!: (error: unknown) => void

  constructor(run: MapGround, name: string, each: Leaf<unknown, unknown>, o: Options) {
    this.#run = run
    this.#name = name
    this.#each = each
    this.#o = o
  }

  async over(items: Items): Promise<unknown[]> {
    checkMapped(this.#name, items, this.#each)
    checkMapOptions(this.#name, this.#o)
    this.#list = Symbol.asyncIterator in items ? await this.#read(items) : [...items]
    const { concurrency = Number.POSITIVE_INFINITY } = this.#o
    this.#results = new Array(this.#list.length)
    this.#begin = itemStarter(this.#run, this.#name, this.#each, this.#o)
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      if (this.#list.length === 0) resolve([])
      else this.#fill(concurrency)
    })
  }

  cancel(why: string): void {
    this.#over = true
    cancelBranches([...this.#under.values()], this.#run.pump, why)
    if (this.#reading) cancelBranches([this.#reading], this.#run.pump, why)
    this.#reject?.(new TuttiError('RUN_CANCELLED', why))
  }

  #fill(concurrency: number): void {
    while (!this.#over && this.#next < this.#list.length && this.#under.size < concurrency) {
      const index = this.#next++
      const work = this.#beginSafely(index)
      this.#under.set(index, work)
      work.then(
        (output) => this.#settle(index, this.#o.onError === 'collect' ? { ok: true, index, output } : output, concurrency),
        (error) => this.#fail(index, error, concurrency),
      )
    }
  }

  /** An item that cannot be recorded fails like any other. */
  #beginSafely(index: number): Promise<unknown> {
    try {
      return this.#begin(this.#list[index], index)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #settle(index: number, result: unknown, concurrency: number): void {
    this.#results[index] = result
    this.#under.delete(index)
    this.#done++
    if (this.#over) return
    if (this.#done === this.#list.length) this.#resolve(this.#results)
    else this.#fill(concurrency)
  }

  #fail(index: number, error: unknown, concurrency: number): void {
    if (this.#over) return
    if (this.#o.onError === 'collect' && !isOver(this.#run, error)) {
      const known = TuttiError.is(error) ? error : rebuildError(recordError(error, 'RUN_FAILED'))
      return this.#settle(index, { ok: false, index, input: this.#list[index], error: known } satisfies Settled<unknown, unknown>, concurrency)
    }
    this.#over = true
    this.#under.delete(index)
    this.#run.pump.gathered = recordable([...this.#results])
    cancelBranches([...this.#under.values()], this.#run.pump, `item ${index} of '${this.#name}' failed, so the others are not needed`)
    this.#reject(error)
  }

  /** Reading an asynchronous source is an effect: what it gave is recorded, and so is the same on replay. */
  #read(items: AsyncIterable<unknown>): Promise<unknown[]> {
    const read = async (): Promise<unknown[]> => {
      const list: unknown[] = []
      for await (const item of items) list.push(item)
      return list
    }
    this.#reading = this.#run.ask(codeStep(`${this.#name}:items`, null, 'items', read))
    return this.#reading
  }
}

/** A cancelled run, or one whose deadline passed, is not a failure of an item. */
const isOver = (run: MapGround, error: unknown): boolean =>
  (TuttiError.is(error, 'RUN_CANCELLED') || TuttiError.is(error, 'RUN_DEADLINE_EXCEEDED')) && run.signalAborted

function itemStarter(run: MapGround, name: string, each: Leaf<unknown, unknown>, o: Options): (item: unknown, index: number) => Promise<unknown> {
  const place = run.place(name)
  if (isFlow(each)) {
    const flow = each as Flow<unknown, unknown>
    const { budget, deadline } = flow['~flow'].options
    return (item, index) =>
      run.openAt(run.item(place, index), item, (inner) => executeFlow(flow, item, inner), { budget: tighter(o.budgetPerItem, budget), deadline })
  }
  const fn = each as (item: unknown, ctx: StepContext) => unknown
  return (item, index) => run.askAt(run.item(place, index), codeStep(`${name}:${index}`, item, hash128(canonical(item)), fn), run.draws)
}
