import fc from 'fast-check'
import type { TuttiError } from 'tutti/store'
import { expect, test } from 'vitest'
import { placeOf } from './address.ts'
import { postgres } from './postgres.ts'

const said = (url: string): string => {
  try {
    return placeOf(url)
  } catch (error) {
    const { code, message, hint, data, cause } = error as TuttiError
    expect(code).toBe('CONFIG_INVALID')
    return JSON.stringify([message, hint, data, cause])
  }
}

test('an option of postgres() that there is not is refused when it is declared', () => {
  expect(() => postgres('postgres://127.0.0.1/tutti', { conections: 3 } as never)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining("Did you mean 'connections'?") }),
  )
})

test('[S5] nothing of a password is ever shown, whatever it holds and however its address is written', () => {
  const part = fc.constantFrom('@', '/', '#', '?', ':', '%', '&', '=', ' ', '[', '\\', '@@', '%4', '+', 'hush', 'hush', '1')
  const password = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => `hush${parts.join('')}hush`)
  fc.assert(
    fc.property(password, fc.constantFrom('h', '127.0.0.1:5432', '[::1]:5432', ''), fc.constantFrom('/db', '', '/db?sslmode=disable'), (secret, host, rest) => {
      for (const url of [`postgres://tutti:${secret}@${host}${rest}`, `postgres://${secret}@${host}${rest}`, `postgres:/${secret}@${host}${rest}`])
        expect(said(url)).not.toContain('hush')
    }),
    { numRuns: 2_000 },
  )
})

test('[S5] an address whose password is cut by a character that must be encoded says which are, and one that is well is shown without it', () => {
  for (const cut of ['p@ss/word', 'p@ss#word', 'p@ss?word', 'p@ss?w=ord', '12/word', '12#word'])
    expect(() => placeOf(`postgres://tutti:${cut}@127.0.0.1:5432/db`)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('@ as %40') }),
    )
  expect(placeOf('postgres://tutti:p%40ss%2Fword@127.0.0.1:6000/db')).toBe('127.0.0.1:6000/db')
  expect(placeOf('postgres://tutti:p@ss@127.0.0.1/db')).toBe('127.0.0.1:5432/db')
  expect(placeOf('postgresql://127.0.0.1/db?user=me@tenant&password=a@b&application_name=x')).toBe('127.0.0.1:5432/db')
})
