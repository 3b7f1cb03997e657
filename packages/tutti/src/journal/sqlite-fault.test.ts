import { expect, it } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import { faultOf } from './sqlite-fault.ts'

const sqlite = (errcode: number): Error => Object.assign(new Error('SQLite says so'), { code: 'ERR_SQLITE_ERROR', errcode })

it.each([
  [5, 'JOURNAL_LOCKED'],
  [261, 'JOURNAL_LOCKED'],
  [8, 'JOURNAL_UNWRITABLE'],
  [13, 'JOURNAL_UNWRITABLE'],
  [778, 'JOURNAL_UNWRITABLE'],
  [1034, 'JOURNAL_UNWRITABLE'],
  [11, 'JOURNAL_CORRUPT'],
  [26, 'JOURNAL_CORRUPT'],
  [999, 'JOURNAL_UNWRITABLE'],
])('[R1] result code %i of SQLite is %s, with the file and the number', (errcode, code) => {
  expect(faultOf(sqlite(errcode), 'a.db')).toMatchObject({ code, message: expect.stringContaining("'a.db'"), data: { path: 'a.db', errcode } })
})

it('[R1] a failure of the file system is unwritable, and a line that is not JSON is corrupt', () => {
  expect(faultOf(Object.assign(new Error('ENOTDIR'), { syscall: 'mkdir' }), 'a.db')).toMatchObject({ code: 'JOURNAL_UNWRITABLE' })
  expect(faultOf(new SyntaxError('Unexpected end'), 'a.db')).toMatchObject({ code: 'JOURNAL_CORRUPT' })
})

it('[R1] what is a bug, or has its code already, stays what it is', () => {
  for (const error of [new TypeError('x is not a function'), new TuttiError('JOURNAL_NEWER', 'newer'), 'thrown']) expect(faultOf(error, 'a.db')).toBe(error)
})
