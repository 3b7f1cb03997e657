/** A tool whose results soon fill the window of an agent: pages of some 350 tokens each. */
import { z } from 'zod'
import { tool } from '../tool/index.ts'

export const readPage = tool({
  name: 'read',
  description: 'Reads.',
  input: z.object({ n: z.number() }),
  effect: 'read',
  execute: ({ n }) => `page ${n} ${'x'.repeat(1_400)}`,
})
