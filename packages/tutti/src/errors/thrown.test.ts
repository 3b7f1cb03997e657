import { describe, expect, it } from 'vitest'
import { recordError } from './index.ts'

class Refusal {}

const circle: Record<string, unknown> = { code: 3, more: 1 }
circle.self = circle
const unreadable = new Proxy({}, { get: () => { throw new Error('no') }, getPrototypeOf: () => { throw new Error('no') } }) // biome-ignore format: one line is enough for what nobody throws

describe('what is thrown', () => {
  it.each([
    ['an error', new TypeError('no such row'), 'TypeError', 'no such row'],
    ['an error without a message', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), 'AggregateError', 'AggregateError ECONNREFUSED'],
    ['a text', 'no such row', 'string', 'no such row'],
    ['an object', { code: 3 }, 'object', '{"code":3}'],
    ['an object with a message', { name: 'NotFound', message: 'no such row' }, 'NotFound', 'no such row'],
    ['an object without a prototype', Object.assign(Object.create(null), { code: 3 }), 'object', '{"code":3}'],
    ['an object that lies in itself', circle, 'object', '{ code, more, self }'],
    ['an instance that shows nothing', new Refusal(), 'object', 'an object of the class Refusal was thrown'],
    ['what cannot even be looked at', unreadable, 'object', 'something was thrown that cannot be read'],
    ['nothing', undefined, 'undefined', 'undefined'],
  ])('[T1] %s is recorded with what it says', (_, thrown, name, message) => {
    expect(recordError(thrown)).toEqual({ code: 'RUN_STEP_FAILED', message, data: { name, message } })
  })

  it('[T1] what says too much is cut', () => {
    const { message } = recordError({ rows: 'x'.repeat(5_000) })
    expect(message).toMatch(/^\{"rows":"x+… \(5011 characters\)$/)
    expect(message.length).toBeLessThan(600)
  })
})
