import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { LimitAsk } from './limit.port.ts'
import { memoryLimits, type Slot, takeFrom } from './limit-window.ts'
import { type SqliteStore, sqliteStore } from './sqlite-store.ts'

const NOW = 1_800_000_000_000
const ask = (now: number, tokens = 1, most: LimitAsk['most'] = { requests: 3 }): LimitAsk => ({ name: 'n', most, take: { requests: 1, tokens }, now })

describe('a limit by the minute', () => {
  test('[M9] is full until what was taken first is a minute old, and says how long that is', () => {
    const limits = memoryLimits()
    for (let i = 0; i < 3; i++) expect(limits.take(ask(NOW + i * 10_000))).toMatchObject({ taken: true })
    expect(limits.take(ask(NOW + 30_000))).toEqual({ taken: false, waitMs: 31_000 })
    expect(limits.take(ask(NOW + 61_000))).toMatchObject({ taken: true })
    expect(limits.take(ask(NOW + 61_000))).toEqual({ taken: false, waitMs: 10_000 })
  })

  test('[M9] counts tokens too, and takes all of what is asked or nothing', () => {
    const limits = memoryLimits()
    const most = { requests: 10, tokens: 100 }
    const first = limits.take(ask(NOW, 70, most)) as { slot: number }
    expect(limits.take(ask(NOW + 1_000, 40, most))).toEqual({ taken: false, waitMs: 60_000 })
    expect(limits.take(ask(NOW + 1_000, 30, most))).toMatchObject({ taken: true })
    limits.change({ name: 'n', slot: first.slot, by: { requests: 0, tokens: -50 } })
    expect(limits.take(ask(NOW + 1_000, 50, most))).toMatchObject({ taken: true })
    limits.change({ name: 'n', slot: first.slot, by: { requests: 0, tokens: 500 } })
    expect(limits.take(ask(NOW + 1_000, 1, most))).toMatchObject({ taken: false })
  })

  test('[M9] a clock that was set back stops nobody for longer than a window', () => {
    const slots: Slot[] = [[NOW / 1_000 + 3_600, 3, 0]]
    expect(takeFrom(slots, ask(NOW))).toMatchObject({ taken: true })
  })

  test('[M9] lets no more through in any minute than it may, whenever it is asked for whatever', () => {
    const asks = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 9_000 }), tokens: fc.integer({ min: 1, max: 60 }) }), { maxLength: 120 })
    fc.assert(
      fc.property(asks, (made) => {
        const limits = memoryLimits()
        const taken: { at: number; tokens: number }[] = []
        let now = NOW
        for (const { afterMs, tokens } of made) {
          now += afterMs
          const answer = limits.take(ask(now, tokens, { requests: 5, tokens: 100 }))
          if ('slot' in answer) taken.push({ at: now, tokens })
          else expect('waitMs' in answer && answer.waitMs).toBeGreaterThan(0)
        }
        for (const { at } of taken) {
          const within = taken.filter((other) => other.at >= at && other.at < at + 60_000)
          expect(within.length).toBeLessThanOrEqual(5)
          expect(within.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(100)
        }
      }),
    )
  })
})

describe('a limit of a journal file', () => {
  let folder: string | undefined
  const open: SqliteStore[] = []
  const storeAt = (path: string): SqliteStore => {
    const store = sqliteStore(path)
    open.push(store)
    return store
  }
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  test('[M9] is one limit for all that have the file open, whoever asks first', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tutti-limits-'))
    const path = join(folder, 'journal.db')
    const takers = [storeAt(path), storeAt(path)] as const
    await takers[0].open()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 1 }), { minLength: 8, maxLength: 20 }), fc.uuid(), async (order, name) => {
        const answers = await Promise.all(order.map((taker) => takers[taker as 0 | 1].limits?.take({ ...ask(NOW, 10, { requests: 7, tokens: 60 }), name })))
        expect(answers.filter((answer) => answer?.taken)).toHaveLength(6)
      }),
      { numRuns: 15 },
    )
  })

  test('[M9] is still known after the file was closed, and put right there', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tutti-limits-'))
    const path = join(folder, 'journal.db')
    const first = storeAt(path)
    const answer = await first.limits?.take(ask(NOW, 3, { tokens: 3 }))
    const slot = answer?.taken ? answer.slot : 0
    await first.close()
    const second = storeAt(path)
    expect(await second.limits?.take(ask(NOW, 1, { tokens: 3 }))).toMatchObject({ taken: false })
    await second.limits?.change({ name: 'n', slot, by: { requests: 0, tokens: -1 } })
    expect(await second.limits?.take(ask(NOW, 1, { tokens: 3 }))).toMatchObject({ taken: true })
  })
})
