/**
 * Random programs for the run core, as plain data: steps in sequence and in parallel, races of steps and of scopes, maps that finish out of order, work begun
 * early and awaited late, failures that are caught and cancel their siblings, sleeps, notes and draws. And the changes a person might make to one.
 */

/** A number in [0, 1) per call, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface StepNode {
  readonly t: 'step'
  name: string
  input: number
  /** Microtasks that the flow lets pass around it. */
  readonly hops: number
  readonly effect: 'read' | 'idempotent' | 'once'
  /** Attempts that throw; with more than `ATTEMPTS - 1` the step fails for good. */
  readonly throws: number
}
export type Node =
  | StepNode
  | { readonly t: 'seq'; body: Node[] }
  | { readonly t: 'race'; readonly steps: StepNode[]; readonly even: Node; readonly odd: Node }
  | { readonly t: 'par'; body: Node[] }
  | { readonly t: 'map'; readonly items: number; readonly concurrency: number; readonly body: Node }
  | { readonly t: 'map-steps'; readonly items: number; readonly concurrency: number }
  | { readonly t: 'early'; readonly step: StepNode; readonly body: Node }
  | { readonly t: 'race-scopes'; readonly a: Node; readonly b: Node; readonly after: Node }
  | { readonly t: 'caught'; readonly failing: Node; readonly sibling: Node; readonly after: Node }
  | { readonly t: 'nap'; readonly ms: number }
  /** A signal called `said<n>`; with `timeoutMs` whichever comes first. */
  | { readonly t: 'wait'; readonly n: number; readonly timeoutMs?: number }
  /** A call with a price, at most so many micro-USD. */
  | { readonly t: 'priced'; readonly worst: number }
  | { readonly t: 'note' }
  | { readonly t: 'draw' }

/** How often a step of a random program is tried. */
export const ATTEMPTS = 3
const DEPTH = 3

/**
 * @param races false leaves out everything whose result depends on who is first
 * @param outside true adds what only somebody outside the run can answer, or what reaches outside: waits, long sleeps, once effects, calls with a price
 */
export function randomProgram(seed: number, { races = true, outside = false }: { readonly races?: boolean; readonly outside?: boolean } = {}): Node {
  const grow = new Grower(seeded(seed), races, outside)
  return { t: 'seq', body: [grow.node(DEPTH), grow.node(DEPTH), grow.node(DEPTH - 1)] }
}

class Grower {
  readonly #random: () => number
  readonly #races: boolean
  readonly #outside: boolean

  constructor(random: () => number, races: boolean, outside: boolean) {
    this.#random = random
    this.#races = races
    this.#outside = outside
  }

  node(depth: number): Node {
    if (this.#outside && this.#random() < 0.3) return this.#reaching()
    switch (this.#below(depth > 0 ? 14 : 5)) {
      case 0:
      case 1:
        return this.step('s')
      case 2:
        return { t: 'seq', body: [this.step('s'), this.step('t')] }
      case 3:
        return { t: 'nap', ms: this.#below(3) }
      case 4:
        return this.#random() < 0.5 ? { t: 'note' } : { t: 'draw' }
      case 5:
      case 6:
        return { t: 'seq', body: this.#several(2, 3, depth) }
      case 7:
        return { t: 'par', body: this.#several(2, 3, depth) }
      case 8:
        return { t: 'map', items: 3 + this.#below(4), concurrency: 1 + this.#below(3), body: this.node(depth - 1) }
      case 9:
        return { t: 'map-steps', items: 2 + this.#below(5), concurrency: 1 + this.#below(4) }
      case 10:
        return { t: 'early', step: this.step('e'), body: this.node(depth - 1) }
      case 11:
        return {
          t: 'caught',
          // Always: a crash costs an attempt, and gives one more than are counted.
          failing: { ...this.step('f'), throws: Number.POSITIVE_INFINITY },
          sibling: this.#races ? this.node(depth - 1) : { t: 'draw' },
          after: this.node(depth - 1),
        }
      case 12:
        return this.#races ? this.#race(depth) : this.step('s')
      default:
        return this.#races ? { t: 'race-scopes', a: this.node(depth - 1), b: this.node(depth - 1), after: this.node(depth - 1) } : this.step('t')
    }
  }

  step(name: string): StepNode {
    const effect = this.#random() < 0.2 ? 'idempotent' : 'read'
    return { t: 'step', name, input: this.#below(3), hops: this.#below(6), effect, throws: this.#random() < 0.1 ? 1 + this.#below(ATTEMPTS - 1) : 0 }
  }

  #reaching(): Node {
    switch (this.#below(6)) {
      case 0:
      case 1:
        return this.#races && this.#random() < 0.5 ? { t: 'wait', n: this.#below(3), timeoutMs: 50 + this.#below(4_000) } : { t: 'wait', n: this.#below(3) }
      case 2:
        return { ...this.step('once'), effect: 'once', throws: 0 }
      case 3:
        return { t: 'nap', ms: [500, 30_000, 40 * 86_400_000][this.#below(3)] as number }
      default:
        return { t: 'priced', worst: 10 + this.#below(90) }
    }
  }

  #race(depth: number): Node {
    const steps = Array.from({ length: 2 + this.#below(3) }, (_, i) => ({ ...this.step(`r${i}`), throws: 0 }))
    return { t: 'race', steps, even: this.node(depth - 1), odd: this.node(depth - 1) }
  }

  #several(least: number, most: number, depth: number): Node[] {
    return Array.from({ length: least + this.#below(most - least + 1) }, () => this.node(depth - 1))
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
}

export type Change = 'insert' | 'remove' | 'swap' | 'rename' | 'input'
export const changes: readonly Change[] = ['insert', 'remove', 'swap', 'rename', 'input']

/** The program with one change at a random place; `undefined` when that changes nothing. */
export function changed(program: Node, change: Change, seed: number): Node | undefined {
  const copy = structuredClone(program)
  const random = seeded(seed)
  const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(random() * of.length)]
  const all = nodesOf(copy)
  if (change === 'rename' || change === 'input') {
    const step = pick(all.filter((node) => node.t === 'step'))
    if (!step) return undefined
    if (change === 'rename') step.name = `${step.name}-renamed`
    else step.input += 10
    return copy
  }
  const place = pick(all.filter((node) => node.t === 'seq'))
  if (!place) return undefined
  const at = Math.floor(random() * place.body.length)
  if (change === 'insert') place.body.splice(at, 0, { t: 'step', name: 'inserted', input: 0, hops: 0, effect: 'read', throws: 0 })
  if (change === 'remove') place.body.splice(at, 1)
  if (change === 'swap') place.body.reverse()
  return JSON.stringify(copy) === JSON.stringify(program) ? undefined : copy
}

function nodesOf(node: Node): Node[] {
  return [node, ...partsOf(node).flatMap(nodesOf)]
}

function partsOf(node: Node): readonly Node[] {
  switch (node.t) {
    case 'seq':
    case 'par':
      return node.body
    case 'race':
      return [...node.steps, node.even, node.odd]
    case 'map':
      return [node.body]
    case 'early':
      return [node.step, node.body]
    case 'race-scopes':
      return [node.a, node.b, node.after]
    case 'caught':
      return [node.failing, node.sibling, node.after]
    default:
      return []
  }
}
