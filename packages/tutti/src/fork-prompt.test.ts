import { describe, expect, test } from 'vitest'
import { agent, type Flow, flow, inMemory, tutti } from './index.ts'
import { testing } from './testing/index.ts'
import { scripted } from './testing/scripted.ts'

/** Ten steps, of which five ask a model: two topics, each found and written; a title beside them; then all of it, one after the other. */
function magazine(): { readonly magazine: Flow<string[], string, 'magazine'>; readonly done: string[] } {
  const done: string[] = []
  const note = <I, O>(name: string, make: (input: I) => O): ((input: I) => O) => {
    return (input) => {
      done.push(name)
      return make(input)
    }
  }
  const writer = agent({ name: 'writer', instructions: 'Write.' })
  const titler = agent({ name: 'titler', instructions: 'Find a title.' })
  const editor = agent({ name: 'editor', instructions: 'Mend.' })
  const critic = agent({ name: 'critic', instructions: 'Judge.' })
  const made = flow('magazine', async (topics: string[], run) => {
    const facts = await run.map(
      'find',
      topics,
      note('find', (topic) => `facts about ${topic}`),
    )
    const parts = await run.map('write', facts, writer, { concurrency: 1 })
    const title = await run.call(titler, facts.join(', '))
    const words = await run.step(
      'count',
      parts,
      note('count', (all) => all.join(' ').split(' ').length),
    )
    const page = await run.step(
      'lay out',
      { title, parts },
      note('lay out', (all) => `${all.title}: ${all.parts.join(' ')}`),
    )
    const text = await run.call(editor, page)
    const verdict = await run.call(critic, text)
    return run.step(
      'print',
      { text, verdict, words },
      note('print', (all) => `${all.text} (${all.words} words, ${all.verdict})`),
    )
  })
  return { magazine: made, done }
}

const answers = ['On bread.', 'On tea.', 'Breakfast', 'Breakfast, mended.', 'good']

describe('a fork that changes one prompt of a run of ten steps', () => {
  test('[D2] executes exactly the changed step and those below it by data, and the diff shows these and no others', async () => {
    const { magazine: code, done } = magazine()
    const model = scripted([...answers, 'Good morning', 'Good morning, mended.', 'better'])
    await using app = tutti({ flows: [code], store: inMemory(), model })
    const first = await app.run(code, ['bread', 'tea'])
    expect([first.output, model.calls.length, done.splice(0)]).toEqual(['Breakfast, mended. (4 words, good)', 5, ['find', 'find', 'count', 'lay out', 'print']])
    const fork = await app.fork(first.id, code, { at: 'magazine/titler', instructions: 'Find a cheerful title.' })
    expect(await fork.result()).toMatchObject({ output: 'Good morning, mended. (4 words, better)', usage: { modelCalls: 3 } })
    expect([model.calls.length, done]).toEqual([8, ['lay out', 'print']])
    expect(model.calls[5]?.prompt).toContain('Find a cheerful title.')
    const diff = await app.diff(first.id, fork.id)
    expect(diff.steps).toHaveLength(10)
    expect(diff.firstDivergence).toBe('magazine/titler/turn:1')
    expect(diff.steps.filter(({ change }) => change !== 'same').map(({ key }) => key)).toEqual([
      'magazine/titler/turn:1',
      'magazine/lay out',
      'magazine/editor/turn:1',
      'magazine/critic/turn:1',
      'magazine/print',
    ])
    expect(await app.replay(fork.id, code)).toEqual({ output: 'Good morning, mended. (4 words, better)', entries: expect.any(Number) })
    expect([model.calls.length, done]).toEqual([8, ['lay out', 'print']])
  })

  test('[D2] and is answered as before executes that step alone', async () => {
    const { magazine: code, done } = magazine()
    const model = scripted([...answers, 'Breakfast'])
    await using app = tutti({ flows: [code], store: inMemory(), model })
    const first = await app.run(code, ['bread', 'tea'])
    done.length = 0
    const fork = await app.fork(first.id, code, { at: 'magazine/titler', instructions: 'Find a short title.' })
    expect(await fork.result()).toMatchObject({ output: first.output, usage: { modelCalls: 1 } })
    expect(done).toEqual([])
  })
})

describe('the model of a fork', () => {
  const writer = agent({ name: 'writer', instructions: 'Write.', model: 'tutti/extractive' })

  test('[D2] comes before what the app puts in the place of all models of that agent', async () => {
    const overrides = { models: { writer: scripted(['by the override'], { id: 'over' }) } }
    await using app = tutti({ flows: [writer], store: inMemory(), overrides })
    const first = await app.run(writer, 'go')
    expect(first.output).toBe('by the override')
    const fork = await app.fork(first.id, writer, { at: 'writer', model: scripted(['by the fork'], { id: 'fork' }) })
    expect((await fork.result()).output).toBe('by the fork')
  })

  test('[D2][D5] comes before the one model of a test app, and a real one is refused there', async () => {
    await using app = testing({ flows: [writer], model: scripted(['by the app']) })
    const first = await app.run(writer, 'go')
    const fork = await app.fork(first.id, writer, { at: 'writer', model: scripted(['by the fork'], { id: 'fork' }) })
    expect((await fork.result()).output).toBe('by the fork')
    const real = await app.fork(first.id, writer, { at: 'writer', model: 'openai/gpt-5.4-mini' })
    await expect(real.result()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
