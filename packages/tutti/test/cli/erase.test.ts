import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sqliteStore } from '../../src/journal/index.ts'
import type { RunId } from '../../src/primitives/index.ts'
import { newRun, started } from '../../src/testing/sample-run.ts'
import { folder, guide, parsed, tutti } from './command.ts'

const env = { TUTTI_KEY: 'ab'.repeat(32) }

test('[R13] with TUTTI_KEY the command seals what it records, reads it again, and erases it; the key is never said', async () => {
  const here = folder({ 'docs/guide.md': guide })
  const asked = await tutti(here, ['ask', '--words', '--docs', 'docs', 'How often is a failed call retried?', '--json'], { env })
  const { run, output } = parsed(asked)
  const journal = (): Buffer => readFileSync(join(here, '.tutti/tutti.db'))
  expect(journal().includes('failed call')).toBe(false)
  copyFileSync(join(here, '.tutti/tutti.db'), join(here, 'backup.db'))
  expect(parsed(await tutti(here, ['replay', run, '--json'], { env }))).toMatchObject({ same: true, output })
  const without = await tutti(here, ['show', run])
  expect(without).toMatchObject({ code: 5, err: expect.stringContaining('TUTTI_KEY') })
  const wrong = await tutti(here, ['runs'], { env: { TUTTI_KEY: 'cd'.repeat(32) } })
  expect(wrong).toMatchObject({ code: 5, err: expect.stringContaining('JOURNAL_KEY_WRONG') })
  for (const { out, err } of [asked, without, wrong]) expect(out + err).not.toMatch(/abab|cdcd/)
  const erased = await tutti(here, ['erase', '--tenant', 'default'], { env })
  expect(erased.out).toMatch(/^Erased \d+ runs? .*\nDestroyed 1 data key: /)
  expect(parsed(await tutti(here, ['runs', '--json'], { env })).runs).toEqual([])
})

test('[R13] an erasure of runs that have not ended is refused with their names; forced, it removes them', async () => {
  const here = folder({})
  const store = sqliteStore(join(here, '.tutti/tutti.db'))
  const scope = { tenant: 'acme', user: 'ada' }
  await store.create(newRun('run_wait', { scope, lease: undefined, entries: [started('run_wait' as RunId)], head: { status: 'waiting' } }))
  await store.close()
  expect(await tutti(here, ['erase', '--tenant', 'acme'])).toMatchObject({ code: 1, err: expect.stringMatching(/RUN_NOT_FINISHED: .*run_wait/) })
  expect(await tutti(here, ['erase', '--user', 'ada'])).toMatchObject({ code: 2, err: expect.stringContaining('--tenant') })
  const { runs, keys } = parsed(await tutti(here, ['erase', '--tenant', 'acme', '--user', 'ada', '--force', '--json']))
  expect([runs, keys]).toEqual([['run_wait'], 0])
})

test('[R13] a schedule is kept sealed with TUTTI_KEY; an erasure is refused because of it, and forced, removes it', async () => {
  const here = folder({})
  const added = await tutti(here, ['schedule', 'add', 'nightly', '--every', '1h', '--tenant', 'acme', 'report', '"of a person"'], { env })
  expect(added.code).toBe(0)
  expect(readFileSync(join(here, '.tutti/tutti.db')).includes('of a person')).toBe(false)
  expect(await tutti(here, ['schedule', 'list'])).toMatchObject({ code: 5, err: expect.stringContaining('TUTTI_KEY') })
  expect((await tutti(here, ['schedule', 'list'], { env })).out).toContain('nightly')
  const refused = await tutti(here, ['erase', '--tenant', 'acme'], { env })
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/RUN_NOT_FINISHED: nothing was erased: runs of the tenant 'acme' are started by schedule: nightly/),
  })
  expect((await tutti(here, ['erase', '--tenant', 'acme', '--force'], { env })).out).toContain('Removed 1 schedule: nightly.')
  expect(parsed(await tutti(here, ['schedule', 'list', '--json'], { env }))).toEqual({ schedules: [] })
})
