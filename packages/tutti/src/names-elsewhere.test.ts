/** Who comes from another library writes its names: each that has something of the same meaning here is answered with what to write, and that is taken. */
import { defaultSettingsMiddleware, wrapLanguageModel } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { AGENT_ELSEWHERE } from './agent/elsewhere.ts'
import { LIMITS_ELSEWHERE } from './agent/options.ts'
import { APP_ELSEWHERE, START_ELSEWHERE } from './app-options.ts'
import * as tutti from './index.ts'
import { MEMORY_ELSEWHERE } from './memory/memory.ts'
import { TIMEOUT_ELSEWHERE } from './model/policy.ts'
import type { Elsewhere } from './primitives/index.ts'
import { RETRY_ELSEWHERE } from './run/check-retry.ts'
import { FLOW_ELSEWHERE } from './run/flow.ts'
import { TEAM_ELSEWHERE } from './team/check.ts'
import { scripted, testing } from './testing/index.ts'
import { TOOL_ELSEWHERE } from './tool/tool.ts'

type Options = Readonly<Record<string, unknown>>
const model = 'openai/gpt-5-mini'
const named = (name: string) => tutti.agent({ name })
const [desk, first, second, member] = [named('desk'), named('first'), named('second'), named('member')]
const find = tutti.tool({ name: 'find', description: 'Finds.', input: z.object({}), effect: 'read', execute: () => 1 })
const sdk = { wrapLanguageModel: (o: Options) => wrapLanguageModel({ ...o, model: scripted(['hi']) } as never), defaultSettingsMiddleware }
const rest = {
  app: { run: () => undefined },
  handle: { cancel: () => undefined },
  schema: z.object({}),
  model,
  name: 'desk',
  input: {},
  question: 'x',
  messages: [],
}
// Nothing is written where the test is run.
const words: Options = { ...tutti, sqlite: tutti.inMemory, ...sdk, ...rest, desk, first, second, member, find }

/** What the code says, as a user who copies it has it. */
const said = (code: string): unknown => new Function(...Object.keys(words), `return (${code})`)(...Object.values(words))
const isOption = (code: string): boolean => /^\w+: /.test(code)

const styles: readonly Options[] = [
  { style: 'handoff', members: [first] },
  { style: 'chat', members: [first], next: 'in-turn', rounds: 1 },
  { style: 'magentic', members: [first], manager: model },
]
const anyStyle = (o: Options): unknown => {
  const made = styles.map((style) => {
    try {
      return tutti.team('crew', { ...style, ...o } as never)
    } catch (error) {
      return error
    }
  })
  return made.find((each) => !(each instanceof Error)) ?? Promise.reject(made[0])
}
// biome-ignore lint/suspicious/noExplicitAny: no type is to stand in the way
const js = tutti as any
const makers: readonly [maker: string, names: Elsewhere, make: (o: Options) => unknown][] = [
  ['agent()', AGENT_ELSEWHERE, (o) => js.agent({ name: 'desk', ...o })],
  ['the limits of an agent', LIMITS_ELSEWHERE, (limits) => js.agent({ name: 'desk', limits })],
  ['flow()', FLOW_ELSEWHERE, (o) => js.flow('desk', o, () => 1)],
  ['the retry of a flow', RETRY_ELSEWHERE, (retry) => js.flow('desk', { retry: { attempts: 1, ...retry } }, () => 1)],
  ['retry()', RETRY_ELSEWHERE, (o) => js.retry(model, { attempts: 1, ...o })],
  ['timeout()', TIMEOUT_ELSEWHERE, (o) => js.timeout(model, o)],
  ['memory()', MEMORY_ELSEWHERE, (o) => js.memory({ window: 1_000, ...o })],
  ['tool()', TOOL_ELSEWHERE, (o) => js.tool({ name: 'find', description: 'x', input: z.object({}), effect: 'once', execute: () => 1, ...o })],
  ['tutti()', APP_ELSEWHERE, (o) => js.tutti({ flows: [], resume: false, store: tutti.inMemory(), ...o })],
  ['a start', START_ELSEWHERE, (o) => testing({ flows: [desk], model: scripted(['hi']) }).start(desk, 'x', o)],
  ['team()', TEAM_ELSEWHERE, anyStyle],
]

test.each(makers)('%s answers each name of another library with what to write here, and takes it', async (_, names, make) => {
  for (const [name, code] of Object.entries(names)) {
    await expect(async () => make({ [name]: 1 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining(`Instead of '${name}' write ${code}. `),
    })
    const value = said(isOption(code) ? `{ ${code.replace(', both of the AI SDK', '')} }` : code)
    if (isOption(code)) await make(value as Options)
  }
})
