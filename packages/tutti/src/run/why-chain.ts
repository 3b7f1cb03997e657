/**
 * The heaviest chain of steps of which each stands behind the next. Pure; n log n in the steps.
 *
 * A step stands behind another when its outcome was delivered before the other was asked, and it stands earlier in a scope around both; items of one map do
 * not. The scopes are a tree, and each keeps the best chain that ends up to each of its numbers (a Fenwick tree over prefixes). Links enter in the order of
 * their outcomes; a link is asked for its best chain at the moment when exactly those outcomes are in that were delivered before it was asked.
 */

/** A step as its place in time and in the run. */
export interface Link {
  readonly at: readonly number[]
  /** For each part of the place: it is the number of an item of a map. */
  readonly isItem: readonly boolean[]
  readonly doneSeq: number
  readonly doneAt: number
  /** The entry that says it was asked; where there is none, `undefined`, and the time is what tells. */
  readonly askedSeq: number | undefined
  readonly askedAt: number
}

export interface ChainOptions {
  /** The last link of the chain. Default: that of the heaviest. */
  readonly end?: number | undefined
  /** An item that was begun after others of its map had ended waited for a place, so those stand before it in time, though not in what it rests on. */
  readonly placesCount?: boolean | undefined
}

/** Whether `earlier` stands behind `later`. */
export function isBehind(earlier: Link, later: Link): boolean {
  if (later.askedSeq === undefined ? earlier.doneAt > later.askedAt || earlier.doneSeq >= later.doneSeq : earlier.doneSeq >= later.askedSeq) return false
  for (let depth = 0; depth < later.at.length; depth++) {
    const [before, after] = [earlier.at[depth], later.at[depth]]
    if (before !== after) return !later.isItem[depth] && before !== undefined && before < (after as number)
  }
  return false
}

/** @param links in the order of their outcomes @returns the indices of the chain, first to last */
export function heaviestChain(links: readonly Link[], weightOf: (link: number) => number, o: ChainOptions = {}): readonly number[] {
  if (links.length === 0) return []
  const root = treeOf(links)
  const askedAfter = asksByOutcomes(links)
  const [sums, froms] = [new Float64Array(links.length), new Int32Array(links.length).fill(-1)]
  for (let done = 0; done <= links.length; done++) {
    for (const asked of askedAfter[done] ?? []) {
      const best = bestBefore(root, links[asked] as Link, o.placesCount === true)
      sums[asked] = weightOf(asked) + (best?.sum ?? 0)
      froms[asked] = best?.link ?? -1
    }
    if (done < links.length) enter(root, links[done] as Link, { sum: sums[done] as number, link: done })
  }
  const end = o.end ?? sums.reduce((most, sum, i) => (sum > (sums[most] as number) ? i : most), 0)
  const chain: number[] = []
  for (let i = end; i >= 0; i = froms[i] as number) chain.push(i)
  return chain.reverse()
}

interface Best {
  readonly sum: number
  readonly link: number
}

/** A scope, or a map: what lies below each of its numbers. */
class Scope {
  readonly children = new Map<number, Scope>()
  isMap = false
  /** When the first step below it was asked. */
  firstAsked = Number.POSITIVE_INFINITY
  #most = -1
  /** Prefix maxima: the best chain that ends at or before a number. */
  #best: (Best | undefined)[] = []

  child(number: number): Scope {
    const there = this.children.get(number)
    if (there) return there
    const made = new Scope()
    this.children.set(number, made)
    this.#most = Math.max(this.#most, number)
    return made
  }

  enter(number: number, best: Best): void {
    // The number -1 is that of a deadline.
    for (let i = number + 2; i <= this.#most + 2; i += i & -i) {
      const there = this.#best[i]
      if (!there || best.sum >= there.sum) this.#best[i] = best
    }
  }

  upTo(number: number): Best | undefined {
    let found: Best | undefined
    for (let i = number + 2; i > 0; i -= i & -i) found = better(found, this.#best[i])
    return found
  }

  get most(): number {
    return this.#most
  }
}

/** Of two that weigh the same, the later. */
function better(a: Best | undefined, b: Best | undefined): Best | undefined {
  if (!a || !b) return a ?? b
  return b.sum > a.sum || (b.sum === a.sum && b.link > a.link) ? b : a
}

function treeOf(links: readonly Link[]): Scope {
  const root = new Scope()
  for (const { at, isItem, askedAt } of links) {
    let scope = root
    for (let depth = 0; depth < at.length; depth++) {
      scope.firstAsked = Math.min(scope.firstAsked, askedAt)
      scope.isMap ||= isItem[depth] === true
      scope = scope.child(at[depth] as number)
    }
    scope.firstAsked = Math.min(scope.firstAsked, askedAt)
  }
  return root
}

/** For each number of outcomes: the links that were asked when so many had been delivered. */
function asksByOutcomes(links: readonly Link[]): readonly (readonly number[] | undefined)[] {
  let latest = Number.NEGATIVE_INFINITY
  const doneBy = links.map(({ doneAt }) => {
    latest = Math.max(latest, doneAt)
    return latest
  })
  const asked: number[][] = []
  links.forEach((link, i) => {
    const before = link.askedSeq === undefined ? Math.min(i, countUpTo(doneBy, link.askedAt)) : countUpTo(links, link.askedSeq - 1, ({ doneSeq }) => doneSeq)
    const others = asked[before]
    if (others) others.push(i)
    else asked[before] = [i]
  })
  return asked
}

/** How many of an ascending list are no more than `most`. */
function countUpTo<T>(list: readonly T[], most: number, of: (item: T) => number = Number): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (of(list[middle] as T) <= most) low = middle + 1
    else high = middle
  }
  return low
}

function enter(root: Scope, { at }: Link, best: Best): void {
  let scope = root
  for (const number of at) {
    scope.enter(number, best)
    scope = scope.children.get(number) as Scope
  }
}

function bestBefore(root: Scope, { at, askedAt }: Link, placesCount: boolean): Best | undefined {
  let found: Best | undefined
  let scope = root
  for (const number of at) {
    const below = scope.children.get(number) as Scope
    if (!scope.isMap) found = better(found, scope.upTo(number - 1))
    else if (placesCount && below.firstAsked === askedAt && askedAt > scope.firstAsked) found = better(found, scope.upTo(scope.most))
    scope = below
  }
  return found
}
