import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { type Model, type ModelLike, retry } from '../model/index.ts'
import { cited } from '../retrieval/index.ts'
import type { Flow } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testEngine } from '../testing/test-engine.ts'
import { testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

/** Runs it on a script; answers its output and what the model was asked. */
async function answer<I, O>(made: Flow<I, O>, input: NoInfer<I>, ...turns: Scripted[]): Promise<{ output: O; prompts: readonly string[] }> {
  await using app = testing({ flows: [made], model: scripted(turns) })
  const { output } = await app.run(made, input as never)
  return { output: output as O, prompts: app.calls.map(({ prompt }) => prompt) }
}

describe('what it is asked and answers', () => {
  test('[C5] an agent without tools and without an output is one model call, whose text is its answer', async () => {
    const { start, lines } = testEngine([], withModel(scripted(['Hello, Ada.'])))
    const handle = await start(agent({ name: 'greeter', instructions: 'Greet.' }), 'I am Ada')
    expect((await handle.result()).output).toBe('Hello, Ada.')
    expect(await lines(handle.id)).toEqual(['step.started greeter/turn:1 @1', 'step.completed greeter/turn:1'])
  })

  test('[C5] with an input, the prompt says how it reads to the model; defaults of the schema included', async () => {
    const made = agent({
      name: 'a',
      instructions: 'Be brief.',
      input: z.object({ text: z.string(), language: z.string().default('en') }),
      prompt: ({ text, language }) => `${language}: ${text}`,
    })
    const { prompts } = await answer(made, { text: 'hi' }, 'ok')
    expect(prompts).toEqual(['system: Be brief.\nuser: en: hi'])
  })

  test('[M6] with an output, the answer is checked, and is what the schema makes of it', async () => {
    const made = agent({ name: 'a', output: z.object({ due: z.string().transform((text) => new Date(text)) }) })
    const { output } = await answer(made, 'when?', { json: { due: '2026-03-01' } })
    expect(output.due).toEqual(new Date('2026-03-01'))
  })

  test('[M6] an answer that does not fit goes back with what is wrong, twice; the third makes MODEL_OUTPUT_INVALID', async () => {
    const made = agent({ name: 'a', output: z.object({ n: z.number() }) })
    const mended = await answer(made, 'how many?', 'many', { json: { n: 'two' } }, { json: { n: 2 } })
    expect(mended.output).toEqual({ n: 2 })
    expect(mended.prompts[1]).toMatch(/not accepted: the answer is not JSON: many/)
    expect(mended.prompts[2]).toMatch(/not accepted: n: .*number/)
    const never = answer(made, 'how many?', 'a', 'b', 'c', { json: { n: 1 } })
    await expect(never).rejects.toMatchObject({ code: 'MODEL_OUTPUT_INVALID', message: expect.stringContaining('after 2 repairs'), data: { agent: 'a' } })
  })

  describe('when what a model answers never fits', () => {
    const made = (model: ModelLike) => agent({ name: 'a', model, output: z.object({ n: z.number() }) })
    const weak = () => scripted(['one', 'two', 'three'], { id: 'weak' })

    test('[M2] [M6] the next model of the chain is asked after its repairs, is shown all of it, and the journal says why', async () => {
      const strong = scripted([{ json: { n: 1 } }], { id: 'strong' })
      const { start, entries } = testEngine([], withModel(undefined))
      const handle = await start(made([weak(), strong]), 'how many?')
      expect((await handle.result()).output).toEqual({ n: 1 })
      expect(strong.calls[0]?.prompt).toMatch(/three.*not accepted/s)
      const asked = (await entries(handle.id)).flatMap((entry) => (entry.type === 'step.started' ? [entry.label as { model: string; why: string }] : []))
      expect(asked.map(({ model }) => model)).toEqual(['scripted/weak', 'scripted/weak', 'scripted/weak', 'scripted/strong'])
      expect(asked[3]?.why).toBe('fallback after MODEL_OUTPUT_INVALID of scripted/weak')
    })

    test('[M6] the last error shows every answer, by whom, and what was wrong with it', async () => {
      const other = scripted(['four', { json: { n: 'five' } }, 'six'], { id: 'other' })
      await using app = testing({ flows: [made([weak(), other])] })
      await expect(app.run(made([weak(), other]), 'how many?')).rejects.toMatchObject({
        code: 'MODEL_OUTPUT_INVALID',
        message: expect.stringContaining('after 2 repairs of each of scripted/weak, scripted/other'),
        data: {
          attempts: [
            { model: 'scripted/weak', answer: 'one', message: 'the answer is not JSON: one' },
            { answer: 'two' },
            { answer: 'three' },
            { model: 'scripted/other', answer: 'four' },
            { answer: '{"n":"five"}', message: expect.stringContaining('n: ') },
            { answer: 'six' },
          ],
        },
      })
    })

    test('[M6] a schema that nothing fits costs three answers of each model, and no more', async () => {
      const never = agent({
        name: 'a',
        output: z.object({ n: z.number().min(2).max(1) }),
        model: [
          weak(),
          scripted(
            [1, 2, 3, 4].map((n) => ({ json: { n } })),
            { id: 'sure' },
          ),
        ],
      })
      await using app = testing({ flows: [never] })
      const outcome = await (await app.start(never, 'how many?')).outcome()
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'MODEL_OUTPUT_INVALID' }, usage: { modelCalls: 6 } })
      const { attempts } = (outcome as unknown as { error: { data: { attempts: { answer: string; message: string }[] } } }).error.data
      expect(attempts.map(({ answer }) => answer)).toEqual(['one', 'two', 'three', '{"n":1}', '{"n":2}', '{"n":3}'])
      expect(attempts.every(({ message }) => message !== '')).toBe(true)
    })

    test('[M2] a model that fails after another one did not fit lists both', async () => {
      const gone = retry(scripted([{ error: 500 }], { id: 'gone' }), { attempts: 1 })
      await using app = testing({ flows: [made([weak(), gone])] })
      const failed = app.run(made([weak(), gone]), 'how many?')
      await expect(failed).rejects.toMatchObject({
        code: 'MODEL_OVERLOADED',
        data: { attempts: [{ code: 'MODEL_OUTPUT_INVALID' }, {}, {}, { model: 'scripted/gone', code: 'MODEL_OVERLOADED' }] },
      })
    })

    test('[M2] [R1] gone on with from any prefix of its journal it asks the same models, none twice', async () => {
      const said = ['one', 'two', 'three']
      const models = (done: number) => [scripted(said.slice(done), { id: 'weak' }), scripted([{ json: { n: 1 } }], { id: 'strong' })]
      const flow = made('openai/gpt-5-mini')
      const drive = (done: number) => withModel(undefined, { overrides: { a: models(done) } })
      const { journal } = await startRun(memoryStore(), flow, 'how many?', drive(0))
      const before = doneIn(journal.entries)
      expect(before).toHaveLength(4)
      for (const { left, outcome } of await fromEveryPrefix(journal, flow, (entries) => drive(doneIn(entries).length)))
        expect([left.length, outcome]).toEqual([left.length, expect.objectContaining({ status: 'completed', output: { n: 1 } })])
    })
  })

  test('[G5] a quote that does not stand in what was read goes back; one that does is resolved to its offsets', async () => {
    const text = 'Call optional() to make a field optional.'
    const search = tool({
      name: 'search',
      description: '',
      input: z.object({ query: z.string() }),
      effect: 'read',
      execute: () => [{ text, source: 'zod.md', start: 100, end: 100 + text.length, score: 1 }],
    })
    const made = agent({ name: 'a', tools: [search], output: cited })
    const say = (quote: string): Scripted => ({ json: { text: 'Use optional().', citations: [{ quote, source: 'zod.md' }] } })
    const { output, prompts } = await answer(
      made,
      'how?',
      { call: 'search', input: { query: 'optional' } },
      say('Call maybe() to make'),
      say('Call optional()'),
    )
    expect(prompts[2]).toMatch(/not accepted/)
    expect(output).toEqual({ text: 'Use optional().', citations: [{ quote: 'Call optional()', source: 'zod.md', start: 100, end: 115 }] })
  })

  test('[M6] an answer that was cut at the output limit is MODEL_OUTPUT_TRUNCATED with what there is of it, never half an answer', async () => {
    const made = agent({ name: 'a', model: cutAtItsLimit('It comes on') })
    await using app = testing({ flows: [made] })
    await expect(app.run(made, 'when?')).rejects.toMatchObject({ code: 'MODEL_OUTPUT_TRUNCATED', data: { agent: 'a', text: 'It comes on' } })
  })

  test('[M2] a list of models is asked in order, and the journal says why the second one answered', async () => {
    const made = agent({ name: 'a', model: [retry(scripted([{ error: 500 }]), { attempts: 1 }), scripted(['from the second'])] })
    const { start, entries } = testEngine([], withModel(undefined))
    const handle = await start(made, 'go')
    expect((await handle.result()).output).toBe('from the second')
    const completed = (await entries(handle.id)).find(({ type }) => type === 'step.completed')
    expect(JSON.stringify(completed)).toMatch(/fallback after MODEL_OVERLOADED/)
  })
})

/** A model that ends its answer because it may write no more. */
function cutAtItsLimit(text: string): Model {
  const whole = scripted([text])
  const cut = (part: { type: string }) => (part.type === 'finish' ? { ...part, finishReason: { unified: 'length' as const, raw: 'length' } } : part)
  const model = {
    ...whole,
    doStream: async (options: Parameters<typeof whole.doStream>[0]) => {
      const { stream } = await whole.doStream(options)
      return { stream: stream.pipeThrough(new TransformStream({ transform: (part, controller) => controller.enqueue(cut(part)) })) }
    },
  }
  return model
}

describe('instructions', () => {
  test('[C5] instructions that are computed see the scope, are computed once, and are recorded', async () => {
    const instructions = vi.fn(async ({ scope }: { scope: { tenant: string } }) => `You serve ${scope.tenant}.`)
    const made = agent({ name: 'a', instructions })
    const { journal, outcome } = await startRun(memoryStore(), made, 'hi', { ...withModel(scripted(['ok'])), start: { scope: { tenant: 'acme' } } })
    expect(outcome).toMatchObject({ output: 'ok' })
    const model = scripted(['again', 'again', 'again', 'again'])
    const gone = await fromEveryPrefix(journal, made, () => withModel(model))
    const recorded = gone.filter(({ left }) => left.some((entry) => entry.type === 'step.completed' && entry.key === 'a/instructions'))
    expect(recorded.length).toBeGreaterThan(0)
    expect(instructions).toHaveBeenCalledTimes(1 + gone.length - recorded.length)
    expect(new Set(model.calls.map(({ prompt }) => prompt))).toEqual(new Set(['system: You serve acme.\nuser: hi']))
  })
})

describe('what is refused when it is declared', () => {
  const named = { name: 'a' } as const
  const find = tool({ name: 'find', description: '', input: z.object({}), effect: 'read', execute: () => 1 })

  test('[C5] an input without a prompt, two tools of one name, what is no tool, an output that cannot be shown', () => {
    const refused = (code: string) => expect.objectContaining({ code })
    // @ts-expect-error an input needs a prompt
    expect(() => agent({ ...named, input: z.object({}) })).toThrow(refused('CONFIG_INVALID'))
    expect(() => agent({ ...named, tools: [find, find] })).toThrow(refused('TOOL_DUPLICATE'))
    // @ts-expect-error this is no tool
    expect(() => agent({ ...named, tools: [{ foo: 1 }] })).toThrow(refused('CONFIG_INVALID'))
    expect(() => agent({ ...named, output: z.object({ at: z.date() }) })).toThrow(refused('CONFIG_INVALID'))
    expect(() => agent({ name: 'a/b' })).toThrow(refused('CONFIG_INVALID'))
  })

  test('[H1] what is declared and not built yet is refused by name, never ignored', () => {
    const rail = { name: 'rail', on: ['input'] }
    expect(() => agent({ ...named, guardrails: [rail] })).toThrow(
      expect.objectContaining({ code: 'FLOW_NOT_YET', message: expect.stringContaining('guardrails') }),
    )
  })
})
