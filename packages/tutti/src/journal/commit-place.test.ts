import { expect, it } from 'vitest'
import { CommitPlace } from './commit-place.ts'

const noted = (place: CommitPlace, ms: number, times: number, jobs = 1): string => {
  for (let i = 0; i < times; i++) place.note(ms, jobs)
  return place.place
}

it('[S1] commits stay on the main thread while they take under 4 ms, and move to a worker when they do not', () => {
  const place = new CommitPlace('auto')
  expect(place.place).toBe('main')
  expect(noted(place, 3.9, 100)).toBe('main')
  expect(noted(place, 20, 1)).toBe('worker')
})

it('[S1] one slow commit among quick ones moves nothing', () => {
  const place = new CommitPlace('auto')
  noted(place, 0.4, 20)
  expect(noted(place, 25, 1)).toBe('main')
  expect(place.averageMs).toBeCloseTo(0.4 + 24.6 / 8)
})

it('[S1] commits come back to the main thread once they are clearly quick again', () => {
  const place = new CommitPlace('auto')
  noted(place, 10, 3)
  expect(noted(place, 3, 100)).toBe('worker')
  expect(noted(place, 0.5, 100)).toBe('main')
})

it('[S1] commits of many runs at once move to a worker, quick as they are, and come back when few ask', () => {
  const place = new CommitPlace('auto')
  expect(noted(place, 1, 100, 32)).toBe('main')
  expect(noted(place, 1, 8, 512)).toBe('worker')
  expect(noted(place, 1, 20, 32)).toBe('worker')
  expect(noted(place, 1, 20, 3)).toBe('main')
})

it('[S1] a thread that was chosen is kept', () => {
  expect(noted(new CommitPlace('main'), 50, 10)).toBe('main')
  expect(noted(new CommitPlace('worker'), 0.1, 10)).toBe('worker')
})
