import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deterministicRooms } from './floors.ts'

const root = join(import.meta.dirname, '..')
const refused = [
  'Date.now()',
  'new Date()',
  'performance.now()',
  'Math.random()',
  'crypto.randomUUID()',
  'randomUUID()',
  'randomBytes(8)',
  'setTimeout(later, 5)',
  'setInterval(later, 5)',
  "fetch('https://example.com')",
  'process.env.HOME',
]
const allowed = ['new Date(now)', 'run.now()', 'clock.now()', 'process.nextTick(later)', 'queueMicrotask(later)', 'setImmediate(later)']

let house = ''
beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), 'determinism-'))
  for (const path of ['biome.json', '.gitignore', 'scripts/determinism.grit']) cpSync(join(root, path), join(house, path))
})
afterAll(() => rmSync(house, { recursive: true }))

describe('the determinism lint', () => {
  it.each(deterministicRooms)('refuses the clock, chance, timers, the network and the environment in %s/', (room) => {
    expect(linesRefused(`packages/tutti/src/${room}/a.ts`, refused)).toEqual(refused)
  })

  it('lets pass what a replay repeats', () => {
    expect(linesRefused('packages/tutti/src/run/a.ts', allowed)).toEqual([])
  })

  it('leaves other rooms and tests alone', () => {
    expect(linesRefused('packages/tutti/src/primitives/clock.ts', refused)).toEqual([])
    expect(linesRefused('packages/tutti/src/run/a.test.ts', refused)).toEqual([])
  })
})

function write(path: string, text: string): void {
  mkdirSync(dirname(join(house, path)), { recursive: true })
  writeFileSync(join(house, path), text)
}

/** The expressions, one a line, that the lint marks in a file of this name. */
function linesRefused(path: string, expressions: readonly string[]): string[] {
  write(path, `${expressions.join('\n')}\n`)
  const { stdout, stderr } = spawnSync('biome', ['lint', '--colors=off', '--max-diagnostics=none', path], { cwd: house, encoding: 'utf8' })
  const lines = new Set([...(stdout + stderr).matchAll(/:(\d+):\d+ plugin/g)].map(([, line]) => Number(line)))
  return expressions.filter((_, i) => lines.has(i + 1))
}
