import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from './clock.ts'

const DAY_MS = 86_400_000

describe('an alarm of the wall clock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }))
  afterEach(() => void vi.useRealTimers())

  it('[R3] rings at its time, also beyond the 2^31 ms that a timer can count', async () => {
    let rang: number | undefined
    systemClock.alarm(26 * DAY_MS, () => {
      rang = Date.now()
    })
    await vi.advanceTimersByTimeAsync(26 * DAY_MS - 1)
    expect(rang).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(rang).toBe(26 * DAY_MS)
  })

  it('[R3] that is forgotten does not ring, however far it had got', async () => {
    let rang = false
    const forget = systemClock.alarm(26 * DAY_MS, () => {
      rang = true
    })
    await vi.advanceTimersByTimeAsync(20 * DAY_MS)
    forget()
    await vi.advanceTimersByTimeAsync(20 * DAY_MS)
    expect(rang).toBe(false)
  })
})
