import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { EntryOf } from '../journal/index.ts'
import { resumeRun } from '../testing/driven-run.ts'
import { journalOf, seedJournal } from '../testing/failpoint-store.ts'
import { ended, testEngine } from '../testing/test-engine.ts'
import { flow, replayRun } from './index.ts'

describe('what a flow is given', () => {
  it('[R1] a step is recorded once, with its key, its place, its input as fingerprint and its outcome', async () => {
    const desk = flow('desk', async (n: number, run) => (await run.step('double', n, (x) => x * 2)) + (await run.step('double', n + 1, (x) => x * 2)))
    const { start, entries } = testEngine([desk])
    const handle = await start(desk, 3)
    expect((await handle.result()).output).toBe(14)
    const [first, second] = (await entries(handle.id)).filter((entry) => entry.type === 'step.completed')
    expect(first).toMatchObject({ seq: 2, key: 'desk/double', at: [0], value: 6 })
    expect(second).toMatchObject({ seq: 3, key: 'desk/double#2', at: [1], value: 8 })
    expect(first?.fingerprint).not.toBe(second?.fingerprint)
  })

  it('[R1] a value reaches the flow as it is recorded, live and on replay', async () => {
    const live = { when: new Date(5), big: 7n, map: new Map([['a', new Set([1])]]), bytes: new Uint8Array([1, 2]), none: undefined, nan: Number.NaN }
    const seen: unknown[] = []
    const desk = flow('desk', async (_: null, run) => {
      const got = await run.step('get', () => live)
      seen.push(got)
      return got.big === 7n
    })
    const { start, store } = testEngine([desk])
    const { id } = await ended(start(desk, null))
    await replayRun(store, id, desk)
    expect(seen[0]).toEqual(live)
    expect(seen[0]).not.toBe(live)
    expect(seen[1]).toEqual(seen[0])
  })

  it('[R1] a value above 1 KiB lives in a blob and comes back whole', async () => {
    const text = 'long '.repeat(1_000)
    const desk = flow('desk', async (_: null, run) => (await run.step('write', () => text)).length)
    const { start, store, entries } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.result()).output).toBe(5_000)
    const [step] = (await entries(handle.id)).filter((entry) => entry.type === 'step.completed')
    expect(step?.value).toMatchObject({ '~blob': expect.any(String), bytes: 5_002 })
    expect((await replayRun(store, handle.id, desk)).output).toBe(5_000)
  })

  it('[R1] work that answers with a thenable of its own, as query builders do, is awaited', async () => {
    // biome-ignore lint/suspicious/noThenProperty: the thenable is what is tested
    const query = { then: (done: (rows: number[]) => void) => done([1, 2]) }
    const desk = flow('desk', async (_: null, run) => run.step('query', () => query as unknown as Promise<number[]>))
    const handle = await testEngine([desk]).start(desk, null)
    expect((await handle.result()).output).toEqual([1, 2])
  })

  it.each([
    ['a function', () => () => 1, 'function'],
    ['a symbol', () => ({ deep: [Symbol('x')] }), 'deep[0]'],
    ['a class instance', () => ({ user: new (class User {})() }), 'user'],
    ['a promise inside a value', () => ({ later: Promise.resolve(1) }), 'later'],
  ])('[R1] %s cannot be recorded, and the error names its place', async (_, make, place) => {
    const desk = flow('desk', async (_: null, run) => {
      await run.step('make', make as () => unknown)
    })
    const handle = await testEngine([desk]).start(desk, null)
    const outcome = await handle.outcome()
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_NOT_RECORDABLE', disposition: 'bug' } })
    expect((outcome as { error: Error }).error.message).toContain(place)
  })

  it('[C3] a flow called twice has two scopes, and its steps their own keys', async () => {
    const inner = flow('inner', async (n: number, run) => run.step('x', n, (x) => x + 1))
    const desk = flow('desk', async (n: number, run) => [await run.call(inner, n), await run.call(inner, n + 1), await run.call(inner, n, { name: 'named' })])
    const { start, lines } = testEngine([desk])
    const handle = await start(desk, 1)
    expect((await handle.result()).output).toEqual([2, 3, 2])
    expect(await lines(handle.id)).toEqual(['step.completed desk/inner/x', 'step.completed desk/inner#2/x', 'step.completed desk/named/x'])
  })

  it('[C1] inputs and outputs are checked against their schemas, and nothing runs on a wrong input', async () => {
    let ran = 0
    const strict = flow('strict', { input: z.object({ n: z.coerce.number() }), output: z.object({ n: z.number().max(5) }) }, async ({ n }) => {
      ran++
      return { n }
    })
    const { start } = testEngine([strict])
    expect((await (await start(strict, { n: '4' })).result()).output).toEqual({ n: 4 })
    expect(await (await start(strict, { n: 'x' })).outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_INPUT_INVALID' } })
    expect(ran).toBe(1)
    expect(await (await start(strict, { n: 6 })).outcome()).toMatchObject({ status: 'failed', error: { code: 'RUN_OUTPUT_INVALID' } })
  })

  it('[D1] now, random and uuid are the same on resume and on replay, and cost no entry', async () => {
    const seen: unknown[][] = []
    const inner = flow('inner', async (_: null, run) => run.random())
    const desk = flow('desk', async (_: null, run) => {
      const before = [run.now().getTime(), run.random(), run.random(), run.uuid()]
      await run.step('wait', () => new Promise<null>((resolve) => setTimeout(resolve, 3, null)))
      seen.push([...before, run.now().getTime(), run.random(), await run.call(inner, null), await run.call(inner, null)])
      return null
    })
    const { start, store, entries } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.result()
    const journal = await journalOf(store, handle.id)
    await resumeRun(await seedJournal(journal, 2), desk, handle.id)
    await replayRun(store, handle.id, desk)
    expect(seen).toHaveLength(3)
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
    expect(new Set(seen[0]).size).toBe(8)
    expect(seen[0]?.[3]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(await entries(handle.id)).toHaveLength(3)
  })

  it('[C10] emit and note are recorded where they were said, and once', async () => {
    const desk = flow('desk', async (_: null, run) => {
      run.emit('progress', { done: 1 })
      run.note('half way', { left: 2 })
      await run.step('rest', () => 1)
      run.emit('deadline', 'a name of our own')
      return null
    })
    const { start, entries, store } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.result()
    const notes = (await entries(handle.id)).filter((entry): entry is EntryOf<'note'> => entry.type === 'note')
    expect(notes.map(({ name, text, data }) => ({ name, text, data }))).toEqual([
      { name: 'progress', data: { done: 1 } },
      { text: 'half way', data: { left: 2 } },
      { name: 'deadline', data: 'a name of our own' },
    ])
    const journal = await journalOf(store, handle.id)
    const again = await resumeRun(await seedJournal(journal, journal.entries.length - 1), desk, handle.id)
    expect(again.outcome.status).toBe('completed')
    expect(again.journal.entries.filter(({ type }) => type === 'note')).toHaveLength(3)
  })

  it('[C10] what a flow says on its way out is recorded too', async () => {
    const desk = flow('desk', async (_: null, run) => {
      run.emit('bye', 1)
      return 'gone'
    })
    const { start, lines } = testEngine([desk])
    const handle = await start(desk, null)
    await handle.result()
    expect(await lines(handle.id)).toEqual(['note desk/~emit:bye'])
  })

  it('[C10] an event named like the deadline does not stand in the way of a deadline', async () => {
    const inner = flow('inner', async (_: null, run) => {
      run.emit('deadline', 1)
      return run.step('work', () => 'done')
    })
    const desk = flow('desk', async (_: null, run) => run.call(inner, null, { deadline: '1h' }))
    const { start, store } = testEngine([desk])
    const handle = await start(desk, null)
    expect((await handle.result()).output).toBe('done')
    expect((await replayRun(store, handle.id, desk)).output).toBe('done')
  })

  it('[B3] fail ends the run with its reason, its data, and what it had reached', async () => {
    const desk = flow('desk', async (_: null, run) => {
      await run.step('draft', () => 'half a text')
      return run.fail('nobody answered', { asked: 3 })
    })
    const handle = await testEngine([desk]).start(desk, null)
    expect(await handle.outcome()).toMatchObject({
      status: 'failed',
      partial: 'half a text',
      error: { code: 'RUN_FAILED', message: 'nobody answered', data: { asked: 3 } },
    })
    await expect(handle.result()).rejects.toMatchObject({ code: 'RUN_FAILED' })
  })

  it('[R8] a flow that is tried again keeps what each attempt recorded, and a crash between two attempts forgets neither', async () => {
    const executed: string[] = []
    const flaky = flow('flaky', { retry: { attempts: 3, backoff: 1 } }, async (_: null, run) => {
      await run.step('reserve', () => executed.push(`reserve in ${run.key}`))
      return run.step('pay', () => (run.key.endsWith(':3') ? 'paid' : Promise.reject(new Error('not yet'))))
    })
    const desk = flow('desk', async (_: null, run) => run.call(flaky, null))
    const { start, store, lines } = testEngine([desk])
    const { id } = await ended(start(desk, null))
    expect((await lines(id)).filter((line) => line.startsWith('step'))).toEqual([
      'step.completed desk/flaky/attempt:1/reserve',
      'step.failed desk/flaky/attempt:1/pay @1 RUN_STEP_FAILED final',
      'step.completed desk/flaky/attempt:2/reserve',
      'step.failed desk/flaky/attempt:2/pay @1 RUN_STEP_FAILED final',
      'step.completed desk/flaky/attempt:3/reserve',
      'step.completed desk/flaky/attempt:3/pay',
    ])
    const journal = await journalOf(store, id)
    for (let length = 1; length < journal.entries.length; length++) {
      executed.length = 0
      expect((await resumeRun(await seedJournal(journal, length), desk, id)).outcome).toMatchObject({ status: 'completed', output: 'paid' })
      expect(executed.length).toBe(3 - journal.entries.slice(0, length).filter((entry) => 'key' in entry && entry.key?.endsWith('reserve')).length)
    }
  })

  it('[R5] names that could be taken for the key of something else are refused', async () => {
    const names = ['', 'a/b', 'a#2', '~note']
    const desk = flow('desk', async (_: null, run) => {
      for (const name of names) {
        const error = await (async () => run.step(name, () => 1))().then(
          () => undefined,
          (thrown: { code: string }) => thrown.code,
        )
        if (error !== 'CONFIG_INVALID') return `${name} was accepted`
      }
      return 'refused'
    })
    const handle = await testEngine([desk]).start(desk, null)
    expect((await handle.result()).output).toBe('refused')
  })
})
