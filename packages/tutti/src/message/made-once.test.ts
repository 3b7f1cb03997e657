import { expect, test } from 'vitest'
import { type Message, madeOnce, textOf, userText } from './index.ts'

test('[M10] what is made of messages is made once for a list that grows, anew for one that took the place of another, and each time for a list that is frozen', () => {
  const asked: string[] = []
  const made = madeOnce((message: Message) => {
    asked.push(textOf(message))
    return textOf(message).toUpperCase()
  })
  const messages = [userText('a'), userText('b')]
  expect(made(messages)).toEqual(['A', 'B'])
  messages.push(userText('c'))
  messages[0] = userText('d')
  expect(made(messages)).toEqual(['D', 'B', 'C'])
  messages.pop()
  expect(made(messages)).toEqual(['D', 'B'])
  expect(asked).toEqual(['a', 'b', 'd', 'c'])
  const frozen = Object.freeze([userText('e')])
  expect([made(frozen), made(frozen)]).toEqual([['E'], ['E']])
  expect(asked.slice(4)).toEqual(['e', 'e'])
})
