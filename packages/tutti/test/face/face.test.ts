/**
 * The public face holds what its plan of record says: the programs compile, what must be refused is refused (`@ts-expect-error` is an error where
 * there is none), against the sources and, once it is built, against the package as it is installed.
 */
import { existsSync, globSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { strict } from './strict.ts'

const here = import.meta.dirname
const root = join(here, '../../../..')
const files = globSync(['programs/*.ts', 'refused/*.ts'], { cwd: here }).sort()

const faces = [
  { name: 'the sources', options: { ...strict, customConditions: ['tutti-source'], allowImportingTsExtensions: true, skipLibCheck: true }, there: true },
  { name: 'the built package', options: { ...strict, skipLibCheck: false }, there: existsSync(join(here, '../../dist/index.d.ts')) },
]

for (const { name, options, there } of faces) {
  describe.skipIf(!there)(`against ${name}${there ? '' : ' (not run: npm run build makes it)'}`, () => {
    const complaints = new Map<string, string[]>()
    beforeAll(() => {
      const program = ts.createProgram(
        files.map((file) => join(here, file)),
        options,
        ts.createCompilerHost(options),
      )
      // Those of other libraries are left out: their declarations are not ours to mend.
      const ours = program.getSourceFiles().filter(({ fileName }) => /packages\/tutti\/(dist|test)\//.test(fileName))
      for (const source of ours) {
        const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
        if (found.length > 0) complaints.set(relative(root, source.fileName), found.map(sayDiagnostic))
      }
      expect(program.getGlobalDiagnostics().map(sayDiagnostic)).toEqual([])
      expect(ours.length).toBeGreaterThanOrEqual(files.length)
    }, 120_000)

    test.each(files)('[C2] %s type-checks, and every error it marks is one', (file) => {
      expect(complaints.get(relative(root, join(here, file))) ?? []).toEqual([])
    })

    test('[C2] the declarations that a program reads have no error of their own under the strictest options', () => {
      expect([...complaints].filter(([file]) => !file.startsWith('packages/tutti/test/face/'))).toEqual([])
    })
  })
}

function sayDiagnostic({ file, start, code, messageText }: ts.Diagnostic): string {
  const line = file && start !== undefined ? ts.getLineAndCharacterOfPosition(file, start).line + 1 : 0
  return `line ${line}: TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
}
