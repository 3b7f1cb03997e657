/**
 * Whole lives of a store, simulated: several processes over one faulty disk, with a virtual clock, all drawn from a seed that is printed.
 * `SEED=…` repeats one history exactly; `RUNS=5000` is a campaign.
 */
import { expect, it } from 'vitest'
import { history, isPure, type Told } from './history.ts'

const RUNS = Number(process.env.RUNS ?? 60)
const first = Number(process.env.SEED ?? 1)
const seeds = Array.from({ length: process.env.SEED === undefined ? RUNS : 1 }, (_, i) => first + i)
const completed = (ends: readonly string[]): boolean => ends.every((end) => end.startsWith('completed'))

it(
  `[R1][R6][R9] failure 15: ${seeds.length} histories from seed ${first}: nothing acknowledged is lost, nothing recorded is repeated, no once effect is guessed, no budget is passed`,
  async () => {
    const wrong: string[] = []
    for (const seed of seeds) {
      const told = await history(seed)
      if (isPure(seed)) wrong.push(...(await unlikeQuiet(seed, told)))
      wrong.push(...told.violations.map((violation) => `SEED=${seed} ${violation}`))
      if (process.env.SEED !== undefined) process.stdout.write(`${told.log.join('\n')}\n${told.ends.join('\n')}\n${told.digest}\n`)
      if (process.env.SEED !== undefined && process.env.JOURNAL) for (const line of told.journal) process.stdout.write(`${line}\n`)
      if (wrong.length > 20) break
    }
    expect(wrong).toEqual([])
  },
  RUNS * 2_000,
)

/** A flow without races gives what it gives where nothing fails. */
async function unlikeQuiet(seed: number, { ends }: Told): Promise<readonly string[]> {
  const quiet = await history(seed, { quiet: true })
  if (quiet.violations.length > 0) return quiet.violations.map((violation) => `SEED=${seed}, undisturbed: ${violation}`)
  if (!completed(ends)) return [`SEED=${seed} R1: a flow that cannot fail ended otherwise: ${ends.join('; ')}`]
  return ends.flatMap((end, i) => (end === quiet.ends[i] ? [] : [`SEED=${seed} R1: run_${i} ended as ${end}, and undisturbed as ${quiet.ends[i]}`]))
}

it('[D6] a seed gives the very same history again', async () => {
  for (const seed of [first, first + 1]) expect(await history(seed)).toEqual(await history(seed))
})
