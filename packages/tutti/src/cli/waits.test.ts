import { expect, test } from 'vitest'
import { ownSignal } from '../run/index.ts'
import type { Home } from './home.ts'
import { answerCommand } from './waits.ts'

test('[B3] the command that grants names the limit that the run waits for', () => {
  const home = { option: '' } as Home
  const command = (limit: string): string => answerCommand(home, 'run_1', { signal: ownSignal.grant, key: 'desk/a', data: { limit } })
  const named = ['microUsd', 'tokens', 'inputTokens', 'outputTokens', 'modelCalls', 'toolCalls'].map((limit) => command(limit).split(' --')[1])
  expect(named).toEqual(['usd AMOUNT', 'tokens AMOUNT', 'input-tokens AMOUNT', 'output-tokens AMOUNT', 'model-calls AMOUNT', 'tool-calls AMOUNT'])
})
