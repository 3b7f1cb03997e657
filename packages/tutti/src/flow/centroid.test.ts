import { describe, expect, test } from 'vitest'
import { apart } from './centroid.ts'

const unit = (...values: number[]): Float32Array => {
  const length = Math.hypot(...values)
  return Float32Array.from(values, (value) => value / length)
}
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
const nearest = (centroids: readonly Float32Array[], vector: Float32Array): number =>
  centroids.reduce((best, centroid, i) => (dot(centroid, vector) > dot(centroids[best] as Float32Array, vector) ? i : best), 0)

/** Two branches in one direction, one spread widely: by its mean alone, its outlier falls to the other. */
const wide = [unit(1, 0.1, 0), unit(1, -0.2, 0.1), unit(1, 0.2, -0.1), unit(1, 0.6, 0)]
const narrow = [unit(1, 0.9, 0), unit(1, 1, 0), unit(1, 0.95, 0.05)]

describe('centroids', () => {
  test('[M3] an example that is nearer to the mean of another branch falls to its own', async () => {
    const means = await Promise.all([wide, narrow].map(async (of) => (await apart([of]))[0] as Float32Array))
    expect(nearest(means, wide[3] as Float32Array)).toBe(1)
    expect(nearest(await apart([wide, narrow]), wide[3] as Float32Array)).toBe(0)
  })

  test('[M3] are of length 1, the mean for a branch that is alone, and a branch with many examples is not preferred', async () => {
    for (const centroid of await apart([wide, narrow])) expect(dot(centroid, centroid)).toBeCloseTo(1, 5)
    expect(dot((await apart([narrow]))[0] as Float32Array, unit(3, 2.85, 0.05))).toBeCloseTo(1, 4)
    const many = await apart([Array.from({ length: 200 }, () => unit(1, 0.2)), [unit(0.2, 1)]])
    expect(dot(many[0] as Float32Array, unit(1, 1))).toBeCloseTo(dot(many[1] as Float32Array, unit(1, 1)), 2)
  })
})
