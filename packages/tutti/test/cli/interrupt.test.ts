import { expect, test } from 'vitest'
import { type Ended, folder, guide, parsed, start, tutti } from './command.ts'
import { type ModelServer, modelServer, type Said } from './model-server.ts'

const ask = ['ask', '--words', '--docs', 'docs', '--model', 'local/double', 'How often is a failed call retried?']
const quote = 'Set `retries: 3` to try a failed call three times.'
const answer: Said = { answer: { text: 'Three times, when `retries` is 3.', citations: [{ quote, source: 'docs/guide.md' }] } }
const search: Said = { search: 'retry failed call' }

/** It searches; its answer is withheld the first time. */
const hesitant = (): Promise<ModelServer> => modelServer((question) => (question === 1 ? search : question === 2 ? 'nothing' : answer))

const runIn = (text: string): string => /run_\w+/.exec(text)?.[0] ?? ''
const completed = (shown: Ended): string[] =>
  parsed(shown).entries.flatMap((entry: { type: string; key?: string }) => (entry.type === 'step.completed' ? [entry.key] : []))

test('[R1] Ctrl-C prints the command that goes on, and that command ends the run without repeating a recorded step', async () => {
  const model = await hesitant()
  const cwd = folder({ 'docs/guide.md': guide })
  const first = start(cwd, ask, model)
  await model.question(2)
  first.child.kill('SIGINT')
  const { code, err } = await first.ended
  const [, run = ''] = /npx tutti resume (run_\w+)/.exec(err) ?? []
  expect({ code, run }).toEqual({ code: 130, run: expect.stringMatching(/^run_/) })
  const before = completed(await tutti(cwd, ['show', run, '--json']))

  const second = await tutti(cwd, ['resume', run], model)
  expect(second.out).toContain('Three times, when `retries` is 3.')
  expect(second.out).toContain('✓ verified')
  expect(second.code).toBe(0)
  const after = completed(await tutti(cwd, ['show', run, '--json']))
  expect(after.slice(0, before.length)).toEqual(before)
  expect(new Set(after).size).toBe(after.length)
  expect(model.asked()).toBe(3)
})

test('[R1] a run whose process was killed is resumed at once, and its lost attempt is said to be lost', async () => {
  const model = await hesitant()
  const cwd = folder({ 'docs/guide.md': guide })
  const first = start(cwd, ask, model)
  await model.question(2)
  first.child.kill('SIGKILL')
  await first.ended
  expect((await tutti(cwd, ['runs'])).out).toMatch(/tutti\.ask +stopped/)
  const second = await tutti(cwd, ['resume', 'last'], model)
  expect(second).toMatchObject({ code: 0, out: expect.stringContaining('Three times') })
  const shown = await tutti(cwd, ['show', 'last'])
  expect(shown.out).toMatch(/turn:2.*after ATTEMPT_LOST.*2 attempts/)
})

test('[R7] a second Ctrl-C ends the command at once', async () => {
  const model = await hesitant()
  const first = start(folder({ 'docs/guide.md': guide }), ask, model)
  await model.question(2)
  first.child.kill('SIGINT')
  await first.wrote('Ctrl-C again')
  first.child.kill('SIGINT')
  expect((await first.ended).code).toBe(130)
})

test('[R7] a run that another process drives is cancelled by its message, and that process says so', async () => {
  const model = await hesitant()
  const cwd = folder({ 'docs/guide.md': guide })
  const first = start(cwd, ask, model)
  await model.question(2)
  const cancelled = await tutti(cwd, ['cancel', 'last', '--reason', 'no longer needed'])
  expect(cancelled).toMatchObject({ code: 0, out: expect.stringContaining('is cancelled') })
  const { code, err } = await first.ended
  expect(err).toContain('error RUN_CANCELLED: no longer needed')
  expect(code).toBe(1)
})

test('[R7] a run that nobody drives is cancelled by the command itself', async () => {
  const model = await hesitant()
  const cwd = folder({ 'docs/guide.md': guide })
  const first = start(cwd, ask, model)
  await model.question(2)
  first.child.kill('SIGKILL')
  const run = runIn((await first.ended).err)
  expect((await tutti(cwd, ['cancel', run])).out).toContain('is cancelled')
  expect(await tutti(cwd, ['cancel', run])).toMatchObject({ code: 2, err: expect.stringContaining('error RUN_FINISHED') })
  expect(await tutti(cwd, ['resume', run])).toMatchObject({ code: 0, err: expect.stringContaining('has already been cancelled') })
})

test('[R6] a run that another living process drives is not taken from it', async () => {
  const model = await hesitant()
  const cwd = folder({ 'docs/guide.md': guide })
  start(cwd, ask, model)
  await model.question(2)
  const second = await tutti(cwd, ['resume', 'last'])
  expect(second).toMatchObject({ code: 1, err: expect.stringContaining('error RUN_BUSY') })
  const shown = await tutti(cwd, ['show', 'last'])
  expect(shown.out).toMatch(/running, driven by .+, process \d+/)
  expect(shown.out).toMatch(/… turn:2/)
})
