/**
 * What a handful of measurements says, and how surely: 95 % throughout. Pure.
 *
 * Shares: Wilson's score interval (1927), which holds for few trials and for shares of 0 and 1, where the usual ± does not.
 * Means of paired differences: Student's t. A percentile bootstrap of 20 pairs is narrower than what it promises (it takes z for t and n for n - 1), and says
 * nothing new where most differences are 0; t is wider, needs no seed, and can be worked out by hand.
 * Whether a paired difference is chance: a sign-flip permutation test (Fisher, 1935), which supposes nothing about how scores are distributed.
 */

export interface Share {
  /** 0 to 1; 0 of nothing. */
  readonly share: number
  readonly low: number
  readonly high: number
  readonly of: number
}

export interface Mean {
  readonly mean: number
  /** Infinite where fewer than two values say nothing of their spread. */
  readonly low: number
  readonly high: number
  readonly of: number
}

/** The two-sided 95 % point of the normal distribution. */
const Z = 1.959963984540054

/** @param hits of `of` trials */
export function shareOf(hits: number, of: number): Share {
  if (of === 0) return { share: 0, low: 0, high: 1, of }
  const share = hits / of
  const middle = share + (Z * Z) / (2 * of)
  const spread = Z * Math.sqrt((share * (1 - share)) / of + (Z * Z) / (4 * of * of))
  const whole = 1 + (Z * Z) / of
  // Rounding may leave what is exactly 0 or 1 a hair outside.
  return { share, low: hits === 0 ? 0 : (middle - spread) / whole, high: hits === of ? 1 : (middle + spread) / whole, of }
}

export function meanOf(values: readonly number[]): Mean {
  const of = values.length
  const mean = of === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / of
  if (of < 2) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, of }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const half = tQuantile(of - 1) * Math.sqrt(squares / (of - 1) / of)
  return { mean, low: mean - half, high: mean + half, of }
}

/** The two-sided 95 % points of Student's t with 1 to 10 degrees of freedom, as tables have them. */
const fewDegrees = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814]

/** The two-sided 95 % point of Student's t. From 11 degrees of freedom by the expansion of Cornish and Fisher, good to 0.0001 there. */
export function tQuantile(degrees: number): number {
  const known = fewDegrees[degrees - 1]
  if (known !== undefined) return known
  const [z3, z5, z7] = [Z ** 3, Z ** 5, Z ** 7]
  return Z + (z3 + Z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * Z) / (96 * degrees ** 2) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z) / (384 * degrees ** 3)
}

/** Up to so many differences that are not 0, every choice of signs is looked at. */
const EXACT = 16
const DRAWS = 20_000

/**
 * How likely a mean difference at least this far from 0 would be, were it chance which of each pair is the better: the two-sided p.
 * Exact up to 16 pairs that differ; beyond, 20,000 seeded draws, the same each time.
 */
export function pairedChance(differences: readonly number[]): number {
  const sizes = differences.filter((difference) => difference !== 0).map(Math.abs)
  const found = Math.abs(differences.reduce((sum, difference) => sum + difference, 0))
  if (sizes.length === 0) return 1
  const reaches = (isNegative: (i: number) => boolean): boolean => {
    const sum = sizes.reduce((total, size, i) => total + (isNegative(i) ? -size : size), 0)
    return Math.abs(sum) >= found * (1 - 1e-12)
  }
  let hits = 0
  if (sizes.length <= EXACT) {
    const choices = 2 ** sizes.length
    for (let signs = 0; signs < choices; signs++) if (reaches((i) => (signs & (1 << i)) !== 0)) hits++
    return hits / choices
  }
  const draw = seededDraws(sizes.length)
  for (let i = 0; i < DRAWS; i++) if (reaches(() => draw() < 0.5)) hits++
  return (hits + 1) / (DRAWS + 1)
}

/** Mulberry32: the same fractions for the same seed. */
function seededDraws(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
