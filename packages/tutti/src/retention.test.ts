import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { AppOptions } from './app-options.ts'
import { type JournalStore, memoryStore } from './journal/index.ts'
import { flow } from './run/index.ts'
import { type SimulatedClock, settled, simulatedClock } from './testing/simulated-clock.ts'
import { type App, appOn } from './tutti.ts'

const echo = flow('echo', async (text: string) => text)
const ask = flow('ask', async (text: string, run) => run.step('ask', text, async () => text))

interface Opened {
  readonly app: App
  readonly clock: SimulatedClock
  readonly store: JournalStore
}
function open(
  retention: AppOptions['retention'],
  { clock = simulatedClock(), store = memoryStore(), resume = true }: Partial<Opened> & { resume?: boolean } = {},
): Opened {
  const app = appOn({ flows: [echo, ask], retention, resume }, { store, gateway: undefined as never, clock })
  onTestFinished(() => app.close({ graceMs: 0 }))
  return { app, clock, store }
}
const left = async (store: JournalStore): Promise<string> => (await store.list()).map(({ run }) => run).join(' ')

it('[R10] a rule is applied when the app opens, and every hour from then on', async () => {
  const { app, clock, store } = open([{ flow: 'echo', olderThan: '2h' }])
  await app.run(echo, 'a', { id: 'a' })
  await app.run(ask, 'b', { id: 'b' })
  await clock.advance('90m')
  await app.run(echo, 'c', { id: 'c' })
  expect(await left(store)).toBe('c b a')
  await clock.advance('29m')
  expect(await left(store)).toBe('c b a')
  await clock.advance('62m')
  expect(await left(store)).toBe('c b')
  await app.close()
  await clock.advance('3h')
  expect(await left(store)).toBe('c b')
  open([{ olderThan: '2h' }], { clock, store, resume: false })
  await settled(60)
  expect(await left(store)).toBe('c b')
  open([{ olderThan: '2h' }], { clock, store })
  await settled(60)
  expect(await left(store)).toBe('')
})

it('[R10] a rule never touches what goes on, and archives what it removes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-retention-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { app, clock, store } = open([{ olderThan: '1h', archive: folder }])
  const sleeps = flow('sleeps', async (_: string, run) => run.sleep('night', '30d'))
  const handle = await app.start(sleeps, 'x', { id: 'sleeps' })
  await app.run(echo, 'a', { id: 'a' })
  await clock.advance('3h')
  await settled(60)
  expect(await left(store)).toBe('sleeps')
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/-a\.jsonl$/)])
  await handle.cancel('enough')
})

it('[R10] a rule that cannot be carried out removes nothing, warns, and is tried again an hour later', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-retention-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const archive = join(folder, 'archive')
  writeFileSync(archive, 'in the way')
  const warned: Error[] = []
  const hear = (warning: Error): void => void warned.push(warning)
  process.on('warning', hear)
  onTestFinished(() => void process.off('warning', hear))
  const { app, clock, store } = open([{ olderThan: '1h', archive }])
  await app.run(echo, 'a', { id: 'a' })
  await clock.advance('2h')
  await settled(60)
  expect(await left(store)).toBe('a')
  expect(warned[0]).toMatchObject({ code: 'JOURNAL_ARCHIVE_FAILED', message: expect.stringContaining(archive) })
  rmSync(archive)
  await clock.advance('1h')
  await settled(60)
  expect(await left(store)).toBe('')
})

it('[R10] a rule that makes no sense is refused when the app is made', () => {
  const rules: [unknown, string][] = [
    [{}, 'is not a duration'],
    [{ olderThan: 'a month' }, "'a month' is not a duration"],
    [{ olderThan: '1d', status: ['running'] }, "'running' has not ended"],
  ]
  for (const [rule, says] of rules)
    expect(() => appOn({ flows: [], retention: [rule as never] }, { store: memoryStore(), gateway: undefined as never })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(says) }),
    )
})
