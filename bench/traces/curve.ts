/** Quality against cost, over questions that a cheap and a dear model both answered. */

export interface Judged {
  readonly prompt: string
  /** Whether its answer was right. */
  readonly cheap: boolean
  readonly dear: boolean
  readonly cheapUsd: number
  readonly dearUsd: number
}
export interface Scored extends Judged {
  /** How much more it looks like what needs the dear model. */
  readonly need: number
}

/** The least share of questions, those of the highest need first, that reaches `gain` of the difference between the models. */
export function shareForGain(scored: readonly Scored[], gain: number): { readonly share: number; readonly usdPerThousand: number } {
  const inNeed = scored.toSorted((a, b) => b.need - a.need)
  const count = (which: 'cheap' | 'dear'): number => scored.filter((one) => one[which]).length
  const wanted = count('cheap') + gain * (count('dear') - count('cheap'))
  let right = count('cheap')
  let usd = scored.reduce((sum, { cheapUsd }) => sum + cheapUsd, 0)
  let asked = 0
  for (const { cheap, dear, cheapUsd, dearUsd } of inNeed) {
    if (right >= wanted) break
    right += Number(dear) - Number(cheap)
    usd += dearUsd - cheapUsd
    asked++
  }
  return { share: asked / scored.length, usdPerThousand: (usd / scored.length) * 1_000 }
}

/** How often a value of `inside` is above one of `outside`. */
export function auroc(inside: readonly number[], outside: readonly number[]): number {
  const sorted = outside.toSorted((a, b) => a - b)
  const below = (value: number): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] as number) < value) low = middle + 1
      else high = middle
    }
    return low
  }
  return inside.reduce((sum, value) => sum + below(value), 0) / (inside.length * outside.length)
}
