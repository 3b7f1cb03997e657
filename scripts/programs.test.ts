import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { part } from './programs.ts'

test('the code of docs/programs.md is what the example does, and a place that is gone is not passed over', () => {
  const source = 'a\nif (one) {\n  b\n  if (c) {\n    d\n  }\n} else {\n  e\n}\n'
  expect(part(source, 'if (one) {', '} else {')).toBe('b\nif (c) {\n  d\n}')
  expect(() => part(source, 'if (two) {', '} else {')).toThrow("'if (two) {'")
  const example = readFileSync(join(import.meta.dirname, '../examples/shutdown.ts'), 'utf8')
  expect(readFileSync(join(import.meta.dirname, '../docs/programs.md'), 'utf8')).toContain(part(example, "if (process.argv[2] === 'one') {", '} else {'))
})
