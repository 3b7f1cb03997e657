import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { type ModelLike, retry } from '../model/index.ts'
import { flow, signal } from '../run/index.ts'
import { scripted, testing } from './index.ts'

const greeter = agent({ name: 'greeter', model: 'openai/gpt-5-mini', instructions: 'Greet.' })

describe('models', () => {
  test('[D6] the model of a test stands for every model, also those that agents name', async () => {
    await using app = testing({ flows: [greeter], model: scripted(['hello']) })
    expect((await app.run(greeter, 'hi')).output).toBe('hello')
    expect(app.calls).toEqual([{ agent: 'greeter', prompt: 'system: Greet.\nuser: hi' }])
  })

  test('[D5] without one, a model that would be asked for real is refused, wherever it stands in a chain', async () => {
    const models: ModelLike[] = ['openai/gpt-5-mini', ['tutti/extractive', 'openai/gpt-5-mini'], retry('openai/gpt-5-mini', { attempts: 1 })]
    for (const model of models) {
      const real = agent({ name: 'real', model })
      await using app = testing({ flows: [real] })
      await expect(app.run(real, 'hi')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: "the agent 'real' would ask 'openai/gpt-5-mini' for real" })
      expect(app.calls).toEqual([])
    }
  })

  test('[D6] [B1] a budget holds the bytes of the input, on every machine alike, unless an encoding is named', async () => {
    const held = async (tokenizer?: { 'scripted/script': 'o200k_base' }): Promise<string> => {
      const told = agent({ name: 'told', model: scripted(['hello']), instructions: 'Greet whoever comes. '.repeat(50) })
      await using app = testing({ flows: [told], tokenizer })
      // 1,050 bytes of instructions, or some 250 tokens of them.
      return (await (await app.start(told, 'hi', { budget: { inputTokens: 600 } })).outcome()).status
    }
    expect([await held(), await held({ 'scripted/script': 'o200k_base' })]).toEqual(['failed', 'completed'])
  })

  test('[D6] an override for one agent is asked instead', async () => {
    await using app = testing({ flows: [greeter], overrides: { models: { greeter: scripted(['from the override']) } } })
    expect((await app.run(greeter, 'hi')).output).toBe('from the override')
  })

  test('[D6] a script may be used under a limit of money, and every attempt is listed', async () => {
    await using app = testing({ flows: [greeter], model: scripted([{ error: 500 }, 'at last']) })
    const run = app.run(greeter, 'hi', { budget: { usd: 0.01 } })
    await app.clock.advance('1m')
    expect((await run).usage.usd).toBe(0)
    expect(app.calls).toHaveLength(2)
  })

  test('[D1] a replay asks nothing, so it lists nothing', async () => {
    await using app = testing({ flows: [greeter], model: scripted(['hello']) })
    const { id } = await app.run(greeter, 'hi')
    expect(await app.replay(id, greeter)).toMatchObject({ output: 'hello' })
    expect(app.calls).toHaveLength(1)
  })
})

describe('time', () => {
  const Go = signal('go', z.string())
  const patient = flow('patient', async (_: null, run) => {
    const answer = await run.wait(Go, { timeout: '3d', onTimeout: 'nobody' })
    await run.sleep('rest', '2h')
    return [answer, run.now().getTime()]
  })

  test('[R3] timers go off at their own instants, one after another, however far time is advanced at once', async () => {
    await using app = testing({ flows: [patient] })
    const begun = app.clock.now()
    const handle = await app.start(patient, null)
    await app.clock.advance('10d')
    expect((await handle.result()).output).toEqual(['nobody', begun + (3 * 24 + 2) * 3_600_000])
    expect(app.clock.now()).toBe(begun + 10 * 24 * 3_600_000)
  })

  test('[R3] nothing happens before its time', async () => {
    await using app = testing({ flows: [patient] })
    const handle = await app.start(patient, null)
    await app.clock.advance('71h')
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [{ signal: 'go' }] })
    await handle.send(Go, 'now')
    await app.clock.advance('119m')
    expect(await handle.outcome()).toMatchObject({ status: 'waiting', for: [] })
    await app.clock.advance('1m')
    expect(await handle.outcome()).toMatchObject({ status: 'completed' })
  })

  test('[R3] a run that one app left at rest wakes in the next one, when its time comes', async () => {
    const before = testing({ flows: [patient] })
    const handle = await before.start(patient, null)
    await handle.outcome()
    await before.close()
    await using app = testing({ flows: [patient], after: before })
    await app.clock.advance('4d')
    expect((await (await app.get(handle.id, patient))?.result())?.output[0]).toBe('nobody')
  })

  test('[R7] an app that is closed while a step waits for its next attempt does not wait for that', async () => {
    const failing = flow('failing', async (_: null, run) =>
      run.step(
        'fail',
        () => {
          throw new Error('no')
        },
        { retry: { attempts: 2, backoff: '1d', max: '1d' } },
      ),
    )
    const app = testing({ flows: [failing] })
    const handle = await app.start(failing, null)
    await app.clock.advance('1s')
    await app.close({ graceMs: 10 })
    await expect(handle.result()).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
  })
})
