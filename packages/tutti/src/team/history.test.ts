/** C8 as a property: whatever agents call beside their hand-overs, nothing that was said or found is lost or told twice, and no call is left without its result. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import type { Prompt } from '../message/index.ts'
import type { Flow } from '../run/index.ts'
import { faultsIn, linesOf } from '../testing/heard.ts'
import { type Scripted, type ScriptedModel, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { type Member, team } from './index.ts'

const names = ['a', 'b', 'c'] as const
type Call = { readonly call: string; readonly input: unknown }

/** What an agent may do in a turn, the number of the turn in it so that no two are alike. */
const deeds: readonly ((n: string) => Call)[] = [
  (n) => ({ call: 'find', input: { n } }),
  (n) => ({ call: 'break', input: { n } }),
  (n) => ({ call: 'find', input: { wrong: n } }),
  (n) => ({ call: 'nothing', input: { n } }),
  (n) => ({ call: 'helper', input: { prompt: `help ${n}` } }),
  ...names.map(
    (name) =>
      (n: string): Call => ({ call: `transfer_to_${name}`, input: { reason: `because ${n}` } }),
  ),
]
const turn = fc.array(fc.integer({ min: 0, max: deeds.length - 1 }), { minLength: 1, maxLength: 4 })

function desk(script: readonly (readonly number[])[]): { readonly flow: Flow<Prompt, string>; readonly model: ScriptedModel; readonly helper: ScriptedModel } {
  const find = tool({ name: 'find', description: '', input: z.object({ n: z.string() }), effect: 'read', execute: ({ n }) => `found ${n}` })
  const fails = tool({
    name: 'break',
    description: '',
    input: z.object({ n: z.string() }),
    effect: 'read',
    execute: ({ n }) => {
      throw new Error(`broken ${n}`)
    },
  })
  const helper = scripted(({ prompt }) => `helped with ${/help ([\d.]+)/.exec(prompt)?.[1]}`)
  const help = agent({ name: 'helper', model: helper, description: 'helps' })
  const model = scripted(({ options }): Scripted => {
    const said = options.prompt.filter(({ role }) => role === 'assistant').length
    const deed = script[said]
    return deed === undefined ? 'the answer' : deed.map((each, i) => (deeds[each] as (n: string) => Call)(`${said}.${i}`))
  })
  const members = names.map((name) => agent({ name, model, instructions: `You are ${name}.`, tools: [find, fails, help.asTool()] }))
  return { flow: team('desk', { style: 'handoff', members: members as unknown as [Member], limits: { turns: 20 } }), model, helper }
}

test('[C8] random hand-overs, beside calls that work, fail, do not fit or do not exist, and beside sub-agents: every history is whole, and each thing in it once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 7 }), async (script) => {
      const { flow, model, helper } = desk(script)
      await using app = testing({ flows: [flow] })
      expect((await app.run(flow, 'the task')).output).toBe('the answer')
      expect(model.calls).toHaveLength(script.length + 1)
      let before: readonly string[] = []
      for (const { options } of model.calls) {
        expect(faultsIn(options.prompt)).toEqual([])
        // The instructions are each agent's own; all that comes after them is one conversation that grows.
        const lines = linesOf(options.prompt).slice(1)
        expect(lines.slice(0, before.length)).toEqual(before)
        before = lines
      }
      const whole = before.join('\n')
      const times = (text: string): number => whole.split(text).length - 1
      for (const [said, deed] of script.entries()) {
        for (const [i, each] of deed.entries()) {
          if (each === 0) expect(times(`"found ${said}.${i}"`)).toBe(1)
          if (each === 4) expect(times(`"helped with ${said}.${i}"`)).toBe(1)
        }
      }
      // A sub-agent is told what it is asked, and nothing of what went before.
      for (const { options } of helper.calls) expect(options.prompt).toHaveLength(1)
    }),
    { numRuns: 60 },
  )
}, 60_000)
