import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { TuttiError } from '../errors/index.ts'
import { type Failpoint, failpoints } from '../primitives/index.ts'
import { declaredSignal, flow } from '../run/index.ts'
import { team } from '../team/index.ts'
import { faultsIn, linesOf } from '../testing/heard.ts'
import { seeded } from '../testing/random-program.ts'
import { answering, type ScriptedModel } from '../testing/scripted.ts'
import { gate } from '../testing/test-engine.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { agent, steer } from './index.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const step = (execute: (n: number) => unknown = (n) => `did ${n}`) =>
  tool({ name: 'work', description: 'Works.', input: z.object({ n: z.number() }), effect: 'read', execute: ({ n }) => execute(n) })
/** Works so many turns, then answers. */
const works = (turns: number, answer = 'done'): ScriptedModel =>
  answering(({ options }) => {
    const said = options.prompt.filter(({ role }) => role === 'assistant').length
    return said < turns ? { call: 'work', input: { n: said } } : answer
  })
/** Work that says when it is begun, and goes on when it is let. */
function pausing() {
  const [begun, held] = [gate(), gate()]
  const hold = async (text: string): Promise<string> => {
    begun.open()
    await held.promise
    return text
  }
  return { begun, held, hold }
}
/** An agent in the first of so many turns of work; `goOn` lets it work to its end. */
async function atWork(turns: number) {
  const { begun, held, hold } = pausing()
  const model = works(turns)
  const desk = agent({ name: 'desk', model, tools: [step((n) => (n === 0 ? hold('did 0') : `did ${n}`))] })
  const app = testing({ flows: [desk] })
  onTestFinished(() => app.close())
  const handle = await app.start(desk, 'go')
  await begun.promise
  const goOn = async (): Promise<unknown> => {
    held.open()
    return (await handle.result()).output
  }
  return { app, desk, model, handle, goOn }
}
const promptsOf = ({ calls }: ScriptedModel): readonly string[] => calls.map(({ prompt }) => prompt)
const times = (prompt: string | undefined, text: string): number => (prompt ?? '').split(text).length - 1

describe('what a person says to an agent at work', () => {
  test('[C10] reaches it at its next turn, in order, each once, and is recorded; the prompt it had stands before it', async () => {
    const { app, desk, model, handle, goOn } = await atWork(3)
    for (const text of ['Be brief.', 'And kind.']) await handle.send(steer, text)
    expect(await goOn()).toBe('done')
    const prompts = promptsOf(model)
    expect(prompts[0]).toBe('user: go')
    expect(prompts[1]).toMatch(/did 0.*\nuser: Be brief\.\nuser: And kind\.$/s)
    for (const text of ['Be brief.', 'And kind.']) expect(times(prompts.at(-1), text)).toBe(1)
    const lines = model.calls.map(({ options }) => linesOf(options.prompt))
    for (let i = 1; i < lines.length; i++) expect(lines[i]?.slice(0, lines[i - 1]?.length)).toEqual(lines[i - 1])
    expect((await app.replay(handle.id, desk)).output).toBe('done')
  })

  test('[C10] what is no text is noted and holds nobody up: the agent goes on, hears the words around it, and a replay says the same', async () => {
    const { app, desk, model, handle, goOn } = await atWork(3)
    await handle.send(steer, 'Be brief.')
    const unchecked = declaredSignal(steer.name, z.unknown())
    for (const odd of [{ a: 1 }, '  ', 7]) await handle.send(unchecked, odd)
    await handle.send(steer, 'And kind.')
    expect(await goOn()).toBe('done')
    expect(promptsOf(model)[1]).toMatch(/did 0.*\nuser: Be brief\.\nuser: And kind\.$/s)
    expect((await app.replay(handle.id, desk)).output).toBe('done')
  })

  test('[C10] is heard before an answer counts that was given meanwhile', async () => {
    const { begun, held } = pausing()
    const model = answering(({ prompt }) => (/In French/.test(prompt) ? 'Bonjour.' : 'Hello.'))
    const slow: ScriptedModel = {
      ...model,
      doStream: async (options) => {
        begun.open()
        await held.promise
        return model.doStream(options)
      },
    }
    const desk = agent({ name: 'desk', model: slow })
    await using app = testing({ flows: [desk] })
    const handle = await app.start(desk, 'Greet.')
    await begun.promise
    await handle.send(steer, 'In French.')
    held.open()
    expect((await handle.result()).output).toBe('Bonjour.')
    expect(promptsOf(model).at(-1)).toBe('user: Greet.\nassistant: Hello.\nuser: In French.')
  })

  test('[C10] is for the agent that the flow calls, not for one that works for it as a tool', async () => {
    const { begun, held, hold } = pausing()
    const helper = works(2, 'helped')
    const help = agent({ name: 'help', model: helper, tools: [step(() => hold('ok'))] })
    const model = answering(({ options }) => (options.prompt.some(({ role }) => role === 'tool') ? 'done' : { call: 'help', input: { prompt: 'help me' } }))
    const lead = agent({ name: 'lead', model, tools: [help.asTool()] })
    const outer = flow('outer', async (text: string, run) => run.call(lead, text))
    await using app = testing({ flows: [outer] })
    const handle = await app.start(outer, 'go')
    await begun.promise
    await handle.send(steer, 'Hurry.')
    held.open()
    await handle.result()
    expect(promptsOf(helper).join()).not.toMatch(/Hurry/)
    expect(promptsOf(model).at(-1)).toMatch(/helped.*\nuser: Hurry\.$/s)
  })

  test('[C10] in a conversation of several, all hear it; after a hand-over, whoever has it', async () => {
    const { begun, held, hold } = pausing()
    const b = answering(() => 'b speaks')
    const model = answering(({ options }) => (options.prompt.some(({ role }) => role === 'tool') ? 'a speaks' : { call: 'work', input: { n: 0 } }))
    const a = agent({ name: 'a', model, tools: [step(() => hold('ok'))] })
    const room = team('room', { style: 'chat', rounds: 2, members: [a, agent({ name: 'b', model: b })] })
    await using app = testing({ flows: [room] })
    const handle = await app.start(room, 'go')
    await begun.promise
    await handle.send(steer, 'Only facts.')
    held.open()
    await handle.result()
    expect(promptsOf(b)[0]).toBe('user: go\nuser: a: a speaks\n\nThe user: Only facts.')
    expect(times(promptsOf(model).at(-1), 'The user: Only facts.')).toBe(1)
  })

  test('[D2] a fork from a later turn keeps what was said, where it was said', async () => {
    const { app, desk, model, handle, goOn } = await atWork(4)
    await handle.send(steer, 'Be brief.')
    await goOn()
    const asked = model.calls.length
    for (const at of ['desk/turn:4', undefined]) {
      const fork = await app.fork(handle.id, desk, at === undefined ? { instructions: 'Be kind.' } : { at })
      expect((await fork.result()).output).toBe('done')
      expect(times(promptsOf(model).at(-1), 'Be brief.')).toBe(1)
    }
    // Its fourth turn is asked again, and answered the same; with other instructions all five are.
    expect(model.calls.length - asked).toBe(1 + 5)
  })
})

test(`[C10] none is lost and none told twice, whenever the process dies and however often it is sent (SEED=${SEED})`, async () => {
  const random = seeded(SEED)
  const names = Object.keys(failpoints) as Failpoint[]
  const reliable: readonly Failpoint[] = [
    'outcome recorded, not delivered',
    'committed, not answered',
    'message taken, answer not recorded',
    'signal posted, not poked',
  ]
  let died = 0
  for (let plan = 0; plan < 25; plan++) {
    const model = works(6)
    const desk = agent({ name: 'desk', model, tools: [step()] })
    let app = testing({ flows: [desk] })
    for (let life = 0; ; life++) {
      const pool = random() < 0.5 ? reliable : names
      if (life < 3) app.crashAt(pool[Math.floor(random() * pool.length)] as Failpoint, 1 + Math.floor(random() * 10))
      try {
        const handle = await app.start(desk, 'go', { id: 'run_steered' })
        for (const text of ['one.', 'two.']) await handle.send(steer, text, { id: `sig_${text}` }).catch(unlessFinished)
        await app.clock.advance('5m')
        expect((await handle.result()).output).toBe('done')
        expect((await app.replay(handle.id, desk)).output).toBe('done')
        await app.close()
        break
      } catch (error) {
        if (!TuttiError.is(error, 'ENGINE_CLOSED')) throw error
        died++
        app = testing({ flows: [desk], after: app })
      }
    }
    const last = model.calls.at(-1)
    expect([plan, times(last?.prompt, 'user: one.'), times(last?.prompt, 'user: two.')]).toEqual([plan, 1, 1])
    expect(last?.prompt).toMatch(/user: one\..*user: two\./s)
    expect(faultsIn(last?.options.prompt ?? [])).toEqual([])
  }
  expect(died).toBeGreaterThan(5)
}, 60_000)

const unlessFinished = (error: unknown): void => {
  if (!TuttiError.is(error, 'RUN_FINISHED')) throw error
}
