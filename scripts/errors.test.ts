import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalogue } from '../packages/tutti/src/errors/index.ts'

const root = join(import.meta.dirname, '..')
const codes = Object.keys(catalogue)

/** Codes that no line of src raises yet, each with why it stands in the catalogue all the same. */
const reserved: Readonly<Record<string, string>> = {
  GUARDRAIL_BLOCKED: 'guardrails are declared and not built',
}

describe('the error catalogue', () => {
  it('docs/errors.md lists every code once, and no other', () => {
    const listed = [...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code)
    expect(listed.toSorted()).toEqual(codes.toSorted())
  })

  it('every code is raised somewhere, or reserved with a reason', () => {
    const raised = namedCodes()
    expect(codes.filter((code) => !raised.has(code) && !Object.hasOwn(reserved, code))).toEqual([])
    expect(Object.keys(reserved).filter((code) => raised.has(code))).toEqual([])
  })

  it('every code that src raises stands in the catalogue', () => {
    const families = [...new Set(codes.map((code) => code.split('_', 1)[0]))].join('|')
    const unknown = sources().flatMap(({ path, text }) =>
      [...text.matchAll(new RegExp(`TuttiError\\(\\s*'((?:${families})_[A-Z_]+)'`, 'g'))]
        .filter(([, code = '']) => !codes.includes(code))
        .map(([, code]) => `${code} in ${path}`),
    )
    expect(unknown).toEqual([])
  })

  it('every line is a sentence that says what happened, and a hint that says what to do', () => {
    for (const [code, { says, hint }] of Object.entries(catalogue)) {
      expect(says, code).toMatch(/^[A-Z].*\.$/)
      expect(hint, code).not.toBe('')
      expect(hint, code).not.toBe(says)
    }
  })
})

function sources(): { path: string; text: string }[] {
  const paths = globSync('packages/*/src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts', '**/errors/catalogue.ts'] })
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** Codes that stand in src as strings. */
function namedCodes(): Set<string> {
  return new Set(sources().flatMap(({ text }) => [...text.matchAll(/'([A-Z]+_[A-Z_]+)'/g)].map(([, code]) => code ?? '')))
}
