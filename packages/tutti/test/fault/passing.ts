/** Simulated time, as vitest fakes it. */
import { vi } from 'vitest'
import { settled } from '../../src/testing/simulated-clock.ts'

/** Lets simulated time pass, and what it sets off happen. */
export async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    vi.advanceTimersByTime(Math.min(100, left))
    await settled(4)
  }
}
