/**
 * One scope of a run: the run itself, a call, a branch, an item of a map. It numbers what is asked in it and names it, so that branches cannot
 * disturb one another's keys. Owns: ordinals, names, whether it is open, its abort.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { TuttiError } from '../errors/index.ts'
import { canonical, hash128, LazyAbort } from '../primitives/index.ts'

/** Where the code that is running now stands: in a scope, or inside a step of one. */
export const standing = new AsyncLocalStorage<RunScope | InsideStep>()

export class InsideStep {
  readonly key: string
  constructor(key: string) {
    this.key = key
  }
}

export class RunScope {
  readonly key: string
  readonly at: readonly number[]
  readonly parent: RunScope | undefined
  /** The scopes with budgets of their own, outermost first, this one included. */
  readonly draws: readonly string[]
  readonly abort = new LazyAbort()
  /** Epoch ms; the earliest of its own and its parents'. */
  deadline: number | undefined
  closed = false
  /** What is sent to the run, and not waited for, is not for what goes on here. */
  apart = false
  /** What `run.changed` answered here, by id. */
  changes: Map<string, boolean> | undefined
  #asks = 0
  #draws = 0
  #input: unknown
  #fingerprint: string | undefined
  /** By the number of a map: the last item that was begun. */
  #items: Map<number, number> | undefined
  readonly #names = new Map<string, number>()

  constructor(parent: RunScope | undefined, key: string, at: readonly number[], input: unknown, hasBudget: boolean) {
    this.parent = parent
    this.key = key
    this.at = at
    this.#input = input
    this.deadline = parent?.deadline
    this.apart = parent?.apart ?? false
    const above = parent?.draws ?? []
    this.draws = hasBudget ? [...above, key] : above
  }

  /** Stands for the input of the scope; the fingerprint of a step that names no input of its own. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf(this.#input)
    return this.#fingerprint
  }

  /** Sets what the scope works on, where that is known only after it was opened. */
  standFor(input: unknown): void {
    this.#input = input
  }

  /** The place and key of the next ask. */
  next(name: string): { key: string; at: readonly number[] } {
    return { key: this.keyOf(name), at: [...this.at, this.#asks++] }
  }

  /** Where the next ask would stand, were it called so. */
  peek(name: string): { key: string; at: readonly number[] } {
    const seen = (this.#names.get(name) ?? 0) + 1
    return { key: seen === 1 ? `${this.key}/${name}` : `${this.key}/${name}#${seen}`, at: [...this.at, this.#asks] }
  }

  /** A name used again in this scope takes an ordinal. */
  keyOf(name: string): string {
    const seen = (this.#names.get(name) ?? 0) + 1
    this.#names.set(name, seen)
    return seen === 1 ? `${this.key}/${name}` : `${this.key}/${name}#${seen}`
  }

  /** The place of one item of a map that stands at `place`. */
  item(place: { readonly key: string; readonly at: readonly number[] }, index: number): { key: string; at: readonly number[] } {
    this.#items = (this.#items ?? new Map()).set(place.at.at(-1) ?? 0, index)
    return { key: this.keyOf(`${place.key.slice(this.key.length + 1)}:${index}`), at: [...place.at, index] }
  }

  /** How much was asked here: the number of the next ask. */
  get asked(): number {
    return this.#asks
  }

  /** Of the map at this number: the last item that was begun. */
  lastItem(map: number): number {
    return this.#items?.get(map) ?? -1
  }

  /** How many seeded values were drawn here before. */
  draw(): number {
    return this.#draws++
  }

  holds(other: RunScope): boolean {
    for (let scope: RunScope | undefined = other; scope; scope = scope.parent) if (scope === this) return true
    return false
  }

  /** @throws RUN_SCOPE_MISUSED */
  checkUse(): void {
    if (this.closed) throw misused(`the run of '${this.key}' was used after it had ended`)
    const here = standing.getStore()
    if (here === undefined || here === this) return
    if (here instanceof InsideStep) throw misused(`the run of '${this.key}' was used inside the step '${here.key}'`)
    throw misused(`the run of '${this.key}' was used in '${here.key}'`)
  }
}

/** What cannot be recorded (an input handed over by reference) has no fingerprint of its own. */
function fingerprintOf(input: unknown): string {
  try {
    return hash128(canonical(input))
  } catch {
    return 'by-reference'
  }
}

function misused(message: string): TuttiError {
  return new TuttiError('RUN_SCOPE_MISUSED', message)
}
