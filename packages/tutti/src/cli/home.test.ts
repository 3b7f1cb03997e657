import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { homeOf } from './home.ts'

test('a home that is the file of a journal is refused, with the folder to name: it would be a home without runs', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'tutti-home-'))
  try {
    for (const name of ['tutti.db', 'runs.db']) writeFileSync(join(cwd, name), '')
    const refused = (hint: string) => expect.objectContaining({ code: 'CONFIG_USAGE', hint: expect.stringContaining(hint) })
    expect(() => homeOf({ cwd, env: {} }, { home: 'tutti.db' })).toThrow(refused('--home .'))
    expect(() => homeOf({ cwd, env: { TUTTI_HOME: join(cwd, 'runs.db') } }, {})).toThrow(refused("sqlite('data/tutti.db')"))
    expect(homeOf({ cwd, env: {} }, { home: '.' }).journal).toBe(join(cwd, 'tutti.db'))
    expect(homeOf({ cwd, env: {} }, { home: 'not/there' }).folder).toBe(join(cwd, 'not/there'))
  } finally {
    rmSync(cwd, { recursive: true })
  }
})
