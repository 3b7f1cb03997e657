import { expect, test } from 'vitest'
import { checkOptions } from './index.ts'

interface Hedge {
  after?: number
  max?: number
}
const check = (given: unknown) => () => checkOptions<Hedge>('hedge()', given as Hedge, { after: true, max: true })

test('an option under a name that is none is refused: which, of what, what was perhaps meant, and what there is', () => {
  expect(check({ afer: 1, max: 2 })).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: "hedge() has no option 'afer'",
      hint: "Did you mean 'after'? There are after, max.",
      data: { place: 'hedge()', unknown: ['afer'] },
    }),
  )
  expect(check({ temperature: 1, maxx: 2 })).toThrow(
    expect.objectContaining({ message: "hedge() has no option 'temperature', 'maxx'", hint: "Did you mean 'max'? There are after, max." }),
  )
  expect(check({ temperature: 1 })).toThrow(expect.objectContaining({ hint: 'There are after, max.' }))
  expect(check({ toString: 1 })).toThrow(expect.objectContaining({ message: "hedge() has no option 'toString'" }))
  expect(check({ after: undefined })).not.toThrow()
})

test.each([
  ['2s', "the text '2s'"],
  [2, '2'],
  [null, 'null'],
  [undefined, 'undefined'],
  [['2s'], 'a list'],
  [() => 1, 'a function'],
])('what is no object of options is refused: %s', (given, says) => {
  expect(check(given)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: `hedge() takes its options as an object, and was given ${says}` }))
})
