import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, guide, parsed, tutti } from './command.ts'

const ask = ['ask', '--words', '--docs', 'docs', 'How often is a failed call retried?']

test('[R10] a run exported to a file and imported elsewhere is shown and replayed there', async () => {
  const [here, there] = [folder({ 'docs/guide.md': guide }), folder({})]
  const { output, run } = parsed(await tutti(here, [...ask, '--json']))
  const exported = await tutti(here, ['export', 'last', '-o', 'run.jsonl'])
  expect(exported).toMatchObject({ code: 0, out: '', err: expect.stringContaining(`${run} is in run.jsonl`) })
  expect((await tutti(here, ['export', 'last'])).out).toBe(readFileSync(join(here, 'run.jsonl'), 'utf8'))
  const file = join(here, 'run.jsonl')
  expect(await tutti(there, ['import', file])).toMatchObject({ code: 0, out: expect.stringMatching(new RegExp(`^${run} is here: completed, \\d+ entries`)) })
  expect((await tutti(there, ['import', file])).out).toContain('was here already')
  expect(parsed(await tutti(there, ['show', run, '--json'])).entries).toEqual(parsed(await tutti(here, ['show', run, '--json'])).entries)
  expect(parsed(await tutti(there, ['replay', run, '--json']))).toMatchObject({ same: true, output })
})

test('[R10] a file that is altered, cut or missing is refused with what is wrong, and makes no store', async () => {
  const [here, there] = [folder({ 'docs/guide.md': guide }), folder({})]
  await tutti(here, ask)
  const { out } = await tutti(here, ['export', 'last'])
  const lines = out.split('\n')
  writeFileSync(join(there, 'altered.jsonl'), out.replace('failed call', 'failed fall'))
  writeFileSync(join(there, 'cut.jsonl'), lines.slice(0, -2).join('\n'))
  expect(await tutti(there, ['import', 'altered.jsonl'])).toMatchObject({ code: 5, err: expect.stringMatching(/^error JOURNAL_CORRUPT: .*(line \d+|blob)/) })
  expect(await tutti(there, ['import', 'cut.jsonl'])).toMatchObject({ code: 5, err: expect.stringContaining('its last line is missing') })
  expect(await tutti(there, ['import', 'none.jsonl'])).toMatchObject({ code: 2, err: expect.stringContaining('ENOENT') })
  expect(await tutti(here, ['export', 'last', '-o', 'nowhere/run.jsonl'])).toMatchObject({ code: 2, err: expect.stringContaining('cannot be written') })
  expect(existsSync(join(there, '.tutti'))).toBe(false)
  expect(readdirSync(here).filter((name) => name.endsWith('.part'))).toEqual([])
})
