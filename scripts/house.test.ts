import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { besideRooms, floors, testFile } from './floors.ts'

const root = join(import.meta.dirname, '..')
const sources = globSync('packages/*/src/**/*.ts', { cwd: root }).filter((path) => !new RegExp(testFile).test(path))
const vague = /^(utils?|helpers?|common|misc|shared|manager|handler|base|core)$/

describe('the house', () => {
  it('a port holds types only', () => {
    expect(sources.filter((path) => path.endsWith('.port.ts') && leftAtRuntime(path) !== '')).toEqual([])
  })

  it('an index holds named exports and no logic', () => {
    expect(sources.filter((path) => basename(path) === 'index.ts').flatMap(otherThanExports)).toEqual([])
  })

  it('no file has more than 400 lines', () => {
    expect(sources.filter((path) => read(path).split('\n').length > 401)).toEqual([])
  })

  it('every file and folder has a name that says what it is', () => {
    expect(sources.filter((path) => path.split('/').some((part) => vague.test(part.split('.')[0] ?? '') && !part.endsWith('.port.ts')))).toEqual([])
  })

  it('every room stands on a floor', () => {
    const known = [...floors.flatMap(({ rooms }) => rooms), ...besideRooms, 'testing']
    const found = new Set(sources.flatMap((path) => /^packages\/tutti\/src\/([^/]+)\//.exec(path)?.[1] ?? []))
    expect([...found].filter((room) => !known.includes(room))).toEqual([])
  })
})

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** What TypeScript leaves of a file when the types are taken away. */
function leftAtRuntime(path: string): string {
  const { outputText } = ts.transpileModule(read(path), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, verbatimModuleSyntax: true, removeComments: true },
  })
  return outputText.replace(/^export \{\};$/m, '').trim()
}

/** Statements of an index that are not `export { names } from './file.ts'`. */
function otherThanExports(path: string): string[] {
  const { statements } = ts.createSourceFile(path, read(path), ts.ScriptTarget.ESNext)
  const strange = statements.filter((node) => !(ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamedExports(node.exportClause)))
  return strange.map((node) => `${path}: ${read(path).slice(node.pos, node.end).trim().split('\n', 1)[0]}`)
}
