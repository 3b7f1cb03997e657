import { expect, test } from 'vitest'
import { checkOptions, slipOf } from './index.ts'

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
      hint: "Did you mean 'after'? The names are after, max.",
      data: { place: 'hedge()', unknown: ['afer'] },
    }),
  )
  expect(check({ temperature: 1, maxx: 2 })).toThrow(
    expect.objectContaining({ message: "hedge() has no options 'temperature', 'maxx'", hint: "'maxx': did you mean 'max'? The names are after, max." }),
  )
  expect(check({ temperature: 1 })).toThrow(expect.objectContaining({ hint: 'The names are after, max.' }))
  expect(check({ toString: 1 })).toThrow(expect.objectContaining({ message: "hedge() has no option 'toString'" }))
  expect(check({ after: undefined })).not.toThrow()
})

test('where nothing is near nothing is guessed, and big, small, _ and - do not count', () => {
  for (const [name, meant] of [
    ['Max', 'max'],
    ['m_a_x', 'max'],
    ['mxa', 'max'],
    ['aftr', 'after'],
    ['fater', 'after'],
    ['maxRetries', undefined],
    ['before', undefined],
    ['mix', 'max'],
    ['mi', undefined],
  ] as const)
    expect([name, slipOf(name, ['after', 'max'])]).toEqual([name, meant])
  expect(slipOf('timeout', ['input', 'output'])).toBeUndefined()
  expect(slipOf('systemPrompt', ['prompt', 'instructions'])).toBeUndefined()
})

test('a name that is known from elsewhere is answered with what to write here, however it is spelled, before anything is guessed', () => {
  const given = { max_steps: 3, MaxSteps: 3, maxx: 1 }
  expect(() => checkOptions<Hedge>('hedge()', given as never, { after: true, max: true }, { maxSteps: 'max: 3' })).toThrow(
    expect.objectContaining({
      hint: "Instead of 'max_steps' write max: 3. Instead of 'MaxSteps' write max: 3. 'maxx': did you mean 'max'? The names are after, max.",
    }),
  )
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
