import { describe, expect, test } from 'vitest'
import { meanOf, pairedChance, shareOf, tQuantile } from './statistics.ts'

describe('a share', () => {
  test('[D4][D7] has the interval of Wilson, as worked out by hand, also at its ends', () => {
    // 18 of 20: (0.9 + 3.8415/40 ± 1.96·√(0.9·0.1/20 + 3.8415/1600)) / (1 + 3.8415/20)
    expect(shareOf(18, 20)).toMatchObject({ share: 0.9, low: expect.closeTo(0.69897, 4), high: expect.closeTo(0.97214, 4), of: 20 })
    expect(shareOf(20, 20)).toMatchObject({ share: 1, low: expect.closeTo(0.83887, 4), high: 1 })
    expect(shareOf(0, 10)).toMatchObject({ share: 0, low: 0, high: expect.closeTo(0.27753, 4) })
    expect(shareOf(0, 0)).toEqual({ share: 0, low: 0, high: 1, of: 0 })
  })
})

describe('a mean', () => {
  test("[D4][D7] has Student's interval, as worked out by hand", () => {
    // 2, 4, 6: mean 4, s = 2, t(2) = 4.30265; 4.30265 · 2 / √3 = 4.96827
    expect(meanOf([2, 4, 6])).toEqual({ mean: 4, low: expect.closeTo(-0.96827, 4), high: expect.closeTo(8.96827, 4), of: 3 })
    expect(meanOf([0, 0, 0])).toEqual({ mean: 0, low: 0, high: 0, of: 3 })
    expect(meanOf([7])).toEqual({ mean: 7, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, of: 1 })
  })

  test('[D4][D7] the points of t agree with the tables to three places, between the table of its own and the normal distribution', () => {
    const table = { 1: 12.706, 10: 2.228, 11: 2.201, 15: 2.131, 19: 2.093, 30: 2.042, 60: 2.0, 120: 1.98 }
    for (const [degrees, point] of Object.entries(table)) expect(tQuantile(Number(degrees)), degrees).toBeCloseTo(point, 3)
  })
})

describe('the chance of a paired difference', () => {
  test('[D4][D7] counts every choice of signs where they are few, as can be done by hand', () => {
    // Five pairs, all better: of 32 choices only all + and all - reach as far.
    expect(pairedChance([1, 2, 3, 4, 5])).toBe(2 / 32)
    // 3 of 4 better by one each: sums ±4 (2 choices) and ±2 (8 choices) reach 2, 6 choices give 0.
    expect(pairedChance([1, 1, 1, -1])).toBe(10 / 16)
    expect(pairedChance([0, 0, 0])).toBe(1)
    expect(pairedChance([1, -1])).toBe(1)
  })

  test('[D4][D7] with many pairs it is drawn, the same each time, and finds what is there', () => {
    const better = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? -1 : 1))
    expect(pairedChance(better)).toBe(pairedChance(better))
    expect(pairedChance(better)).toBeLessThan(0.01)
    expect(pairedChance(better.map((_, i) => (i % 2 === 0 ? -1 : 1)))).toBeGreaterThan(0.9)
  })
})
