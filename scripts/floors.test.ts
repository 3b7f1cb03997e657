import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise } from 'dependency-cruiser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { floorRules } from './floor-rules.ts'

/** One import that each rule must refuse, under packages/tutti/src/ where no folder is named. */
const refused: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['floors-go-down-L0', 'primitives/a.ts', 'journal/index.ts'],
  ['floors-go-down-L1', 'budget/a.ts', 'run/index.ts'],
  ['floors-go-down-L2', 'run/a.ts', 'model/index.ts'],
  ['floors-go-down-L2', 'run/b.ts', 'model/model.port.ts'],
  ['floors-go-down-L3', 'tool/a.ts', 'agent/index.ts'],
  ['floors-go-down-L4', 'flow/a.ts', 'team/index.ts'],
  ['floors-go-down-L5', 'eval/a.ts', 'server/index.ts'],
  ['siblings-meet-at-ports', 'guardrail/a.ts', 'model/index.ts'],
  ['rooms-are-entered-by-their-index-or-port', 'agent/a.ts', 'model/inside.ts'],
  ['the-top-enters-rooms-by-their-index-or-port', 'tutti.ts', 'model/inside.ts'],
  ['rooms-do-not-reach-the-top', 'agent/b.ts', 'index.ts'],
  ['nothing-imports-adapters', 'server/a.ts', 'telemetry/index.ts'],
  ['adapters-stand-on-ports-and-the-ground', 'telemetry/a.ts', 'run/index.ts'],
  ['nothing-imports-testing', 'flow/b.ts', 'testing/index.ts'],
  ['deterministic-rooms-do-no-io', 'team/a.ts', 'node:http'],
  ['no-cycles', 'journal/cycle-a.ts', 'journal/cycle-b.ts'],
  ['the-product-does-not-import-tests', 'memory/a.ts', 'memory/a.test.ts'],
  ['packages-meet-by-name', 'packages/restate/src/a.ts', 'packages/tutti/src/run/index.ts'],
  ['programs-use-the-faces', 'examples/a.ts', 'packages/tutti/src/run/index.ts'],
  ['no-undeclared-packages', 'model/a.ts', 'a-package-nobody-declared'],
  ['no-packages-of-the-workshop', 'model/c.ts', 'a-tool'],
  ['everything-resolves', 'model/b.ts', './nowhere.ts'],
]

/** Imports that must pass. */
const allowed: readonly (readonly [why: string, from: string, to: string])[] = [
  ['a room imports the floors under it', 'agent/good.ts', 'model/index.ts'],
  ['siblings meet at a port', 'guardrail/good.ts', 'model/model.port.ts'],
  ['a test imports anything', 'guardrail/good.test.ts', 'model/inside.ts'],
  ['a program that a test starts imports anything', 'journal/good-child.ts', 'testing/index.ts'],
  ['a composition root imports an adapter', 'cli/good.ts', 'telemetry/index.ts'],
  ['the test kit imports any room', 'testing/good.ts', 'agent/index.ts'],
  ['the face is composed of rooms', 'good.ts', 'run/index.ts'],
  ['a program imports tutti by name', 'examples/good.ts', 'tutti'],
  ['a package imports tutti by name', 'packages/restate/src/good.ts', 'tutti'],
]

let root = ''
let broken: ReadonlyMap<string, readonly string[]> = new Map()

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'floors-'))
  write(place('journal/cycle-b.ts'), importLine('journal/cycle-b.ts', 'journal/cycle-a.ts', true))
  for (const [rule, from, to] of [...refused, ...allowed]) write(place(from), importLine(from, to, rule !== 'no-packages-of-the-workshop'))
  write(place('tool/bad.port.ts'), importLine('tool/bad.port.ts', 'primitives/index.ts', false))
  write(place('tool/good.port.ts'), importLine('tool/good.port.ts', 'primitives/index.ts', true))
  for (const name of ['a-package-nobody-declared', 'a-tool']) {
    write(`node_modules/${name}/package.json`, '{ "main": "index.js" }')
    write(`node_modules/${name}/index.js`, 'export const There = 1\n')
  }
  write('package.json', '{ "workspaces": ["packages/*"] }')
  write('packages/restate/package.json', '{ "name": "restate", "dependencies": { "tutti": "*" } }')
  write('packages/tutti/package.json', '{ "name": "tutti", "exports": { ".": { "tutti-source": "./src/index.ts" } }, "devDependencies": { "a-tool": "1" } }')
  symlinkSync(join(root, 'packages/tutti'), join(root, 'node_modules/tutti'))
  const { exclude: _, tsConfig: __, ...options } = floorRules.options
  const { output } = await cruise(['packages', 'examples'], { ...options, baseDir: root, validate: true, ruleSet: { forbidden: floorRules.forbidden } })
  if (typeof output === 'string') throw new Error('expected a result')
  broken = new Map([...Map.groupBy(output.summary.violations, ({ from }) => from)].map(([from, found]) => [from, found.map(({ rule }) => rule.name)]))
})
afterAll(() => rmSync(root, { recursive: true }))

describe('the floors', () => {
  it.each(refused)('%s refuses %s importing %s', (rule, from) => {
    expect(broken.get(place(from))).toContain(rule)
  })

  it('ports-import-types-only refuses a port that runs something', () => {
    expect(broken.get(place('tool/bad.port.ts'))).toEqual(['ports-import-types-only'])
    expect(broken.get(place('tool/good.port.ts'))).toBeUndefined()
  })

  it.each(allowed)('%s: %s may import %s', (_, from) => {
    expect(broken.get(place(from))).toBeUndefined()
  })

  it('every rule has an import here that it refuses', () => {
    const tried = new Set<string | undefined>([...refused.map(([rule]) => rule), 'ports-import-types-only'])
    expect(floorRules.forbidden.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual([])
  })
})

function place(path: string): string {
  return /^(packages|examples)\//.test(path) ? path : `packages/tutti/src/${path}`
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** The import, and the file it leads to unless there is none to find. */
function importLine(from: string, to: string, typeOnly: boolean): string {
  const outside = to.startsWith('.') || !to.endsWith('.ts')
  if (!outside && !existsSync(join(root, place(to)))) write(place(to), 'export interface There {}\n')
  const up = '../'.repeat(place(from).split('/').length - 1)
  return `import ${typeOnly ? 'type ' : ''}{ There } from '${outside ? to : `${up}${place(to)}`}'\nexport interface Here extends There {}\n`
}
