import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Tool } from '../run/index.ts'
import { tool } from './index.ts'

const plain = { description: '', input: z.object({}), effect: 'read', execute: () => 1 } as const

test('[T1] a tool takes the schema of any library that can be shown to a model, and types its arguments', () => {
  const fromZod: Tool<{ id: string; n?: number | undefined }, number, 'a'> = tool({
    ...plain,
    name: 'a',
    input: z.object({ id: z.string(), n: z.number().default(1) }),
    execute: ({ id, n }) => id.length + n,
  })
  const fromArk = tool({ ...plain, name: 'b', input: type({ id: 'string' }), execute: ({ id }) => id.length })
  const fromValibot = tool({ ...plain, name: 'c', input: toStandardJsonSchema(v.object({ id: v.string() })), execute: ({ id }) => id.length })
  expect([fromZod.name, fromArk.name, fromValibot.name]).toEqual(['a', 'b', 'c'])
})

test('[T1] a tool with a name that no provider takes, without an effect, or whose schema cannot be shown is refused when it is declared', () => {
  const refused = expect.objectContaining({ code: 'CONFIG_INVALID' })
  expect(() => tool({ ...plain, name: 'find order' })).toThrow(refused)
  expect(() => tool({ ...plain, name: 'x'.repeat(65) })).toThrow(refused)
  expect(() => tool({ ...plain, name: 'a', effect: undefined as never })).toThrow(refused)
  expect(() => tool({ ...plain, name: 'a', timeout: 'soon' as never })).toThrow(refused)
  expect(() => tool({ ...plain, name: 'a', input: z.object({ at: z.date() }) })).toThrow(refused)
  expect(() => tool({ ...plain, name: 'a', input: v.object({}) as never })).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('toStandardJsonSchema') }),
  )
})
