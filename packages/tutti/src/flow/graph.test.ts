import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { memoryStore } from '../journal/index.ts'
import { flow, type Run } from '../run/index.ts'
import { startRun } from '../testing/driven-run.ts'
import { doneIn, fromEveryPrefix } from '../testing/every-prefix.ts'
import { gate, testEngine } from '../testing/test-engine.ts'
import { testing } from '../testing/testing.ts'
import { type GraphBuilder, graph, type Node } from './index.ts'

const input = z.number()

test('[C4] a node starts when its own needs are there, whatever its siblings do: the end comes after the longest path, not after two rounds', async () => {
  const started: Record<string, number> = {}
  const takes = (name: string, ms: number) => async (n: unknown, run: Run) => {
    started[name] = run.now().getTime()
    await run.sleep('work', ms)
    return n as number
  }
  // Short then long beside long then short: with a barrier between the two rows it would take 10 + 10.
  const uneven = graph('uneven', { input }, (n, g) => {
    const a = g.node('a', n, takes('a', 1_000))
    const b = g.node('b', n, takes('b', 10_000))
    const afterA = g.node('after-a', a, takes('after-a', 10_000))
    const afterB = g.node('after-b', b, takes('after-b', 1_000))
    return g.node('join', { afterA, afterB }, async (_, run) => run.now())
  })
  await using app = testing({ flows: [] })
  const begun = app.clock.now()
  const handle = await app.start(uneven, 1)
  await app.clock.advance('11s')
  const { output } = await handle.result()
  expect(output.getTime() - begun).toBe(11_000)
  expect(Object.fromEntries(Object.entries(started).map(([name, at]) => [name, at - begun]))).toEqual({ a: 0, b: 0, 'after-a': 1_000, 'after-b': 10_000 })
})

test('[C4] a node that two others need runs once, and each is given what it named', async () => {
  const double = vi.fn((n: number) => n * 2)
  const { start, lines } = testEngine()
  const diamond = graph('diamond', { input }, (n, g) => {
    const twice = g.node('twice', n, (x) => double(x))
    const plus = g.node('plus', twice, (x) => x + 1)
    const minus = g.node('minus', { twice, n }, ({ twice: t, n: from }) => t - from)
    return g.node('join', { plus, minus }, ({ plus: p, minus: m }) => [p, m])
  })
  const handle = await start(diamond, 5)
  expect((await handle.result()).output).toEqual([11, 5])
  expect(double).toHaveBeenCalledTimes(1)
  expect(await lines(handle.id)).toEqual(['twice', 'plus', 'minus', 'join'].map((name) => `step.completed diamond/${name}/do`))
})

test('[C4] a node whose condition does not hold is skipped: it never runs, and what depends on it sees undefined', async () => {
  const deep = vi.fn((n: number) => `deep ${n}`)
  const maybe = graph('maybe', { input }, (n, g) => {
    const optional = g.nodeIf(
      'optional',
      n,
      (x) => x > 3,
      (x) => deep(x),
    )
    return g.node('say', { optional }, ({ optional: found }) => found ?? 'skipped')
  })
  const { start } = testEngine()
  expect((await (await start(maybe, 1)).result()).output).toBe('skipped')
  expect(deep).not.toHaveBeenCalled()
  expect((await (await start(maybe, 4)).result()).output).toBe('deep 4')
})

test('[C4] a join after a skipped branch runs, and all that is below it, from any prefix of the journal: a skip drops nothing but itself', async () => {
  const ran: string[] = []
  const say = (name: string, value: unknown): string => {
    ran.push(name)
    return `${name}(${value ?? '-'})`
  }
  const half = graph('half', { input }, (n, g) => {
    const taken = g.node('taken', n, (x) => say('taken', x))
    const skipped = g.nodeIf(
      'skipped',
      n,
      (x) => x > 3,
      (x) => say('skipped', x),
    )
    const below = g.node('below', skipped, (got) => say('below', got))
    const join = g.node('join', { taken, skipped, below }, (got) => say('join', [got.taken, got.skipped ?? '-', got.below]))
    return g.node('last', join, (got) => say('last', got))
  })
  const { journal, outcome } = await startRun(memoryStore(), half, 1)
  expect(outcome).toMatchObject({ status: 'completed', output: 'last(join(taken(1),-,below(-)))' })
  expect(doneIn(journal.entries)).toEqual(['taken', 'below', 'join', 'last'].map((name) => `half/${name}/do`))
  for (const { outcome: resumed } of await fromEveryPrefix(journal, half)) expect(resumed).toMatchObject({ output: 'last(join(taken(1),-,below(-)))' })
  expect(ran).not.toContain('skipped')
})

test('[C4] a node whose every need was skipped runs and sees undefined, unless its own condition says otherwise', async () => {
  const none = graph('none', { input }, (n, g) => {
    const maybe = (name: string) =>
      g.nodeIf(
        name,
        n,
        () => false,
        (x) => x,
      )
    const [a, b] = [maybe('a'), maybe('b')]
    const both = g.node('both', { a, b }, (got) => Object.values(got).map((value) => value === undefined))
    const never = g.nodeIf(
      'never',
      { a, b },
      (got) => got.a !== undefined,
      () => 'ran',
    )
    return g.node('end', { both, never }, (got) => [got.both, got.never ?? 'skipped'])
  })
  const { start, lines } = testEngine()
  const handle = await start(none, 1)
  expect((await handle.result()).output).toEqual([[true, true], 'skipped'])
  expect(await lines(handle.id)).toEqual(['step.completed none/both/do', 'step.completed none/end/do'])
})

test('[C4] when a node fails, what is under way is told to stop and nothing that would come after it starts', async () => {
  const told: string[] = []
  const held = gate()
  const failing = graph('failing', { input }, (n, g) => {
    const slow = g.node('slow', n, (_, run) =>
      run.step('work', async ({ signal }) => {
        signal.addEventListener('abort', () => {
          told.push('slow')
          held.open()
        })
        await held.promise
        return 1
      }),
    )
    const after = g.node('after', slow, () => told.push('after'))
    const bad = g.node('bad', n, () => {
      throw new Error('no prices')
    })
    return g.node('join', { after, bad }, () => told.push('join'))
  })
  // Inside a flow that lives on, so that the end of the run is not what stops them.
  const survivor = flow('survivor', async (n: number, run) => {
    const message = await run.call(failing, n).catch((error: Error) => error.message)
    await run.sleep('afterwards', 20)
    return { message, told: await run.step('look', () => [...told]) }
  })
  const handle = await testEngine().start(survivor, 1)
  expect((await handle.result()).output).toEqual({ message: 'no prices', told: ['slow'] })
})

test('[C4] two nodes with one name, and a handle of another graph, are refused when the graph is declared', () => {
  let foreign: Node<number> | undefined
  graph('other', { input }, (n, g) => {
    foreign = g.node('theirs', n, (x) => x)
    return foreign
  })
  const declare = (wire: (n: Node<number>, g: GraphBuilder) => Node<unknown>) => () => graph('mine', { input }, wire)
  const twice = declare((n, g) => g.node('a', { a: g.node('a', n, (x) => x) }, ({ a }) => a))
  expect(twice).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: "'mine' has two nodes called 'a'" }))
  const borrowed = declare((_, g) => g.node('a', foreign as Node<number>, (x) => x))
  expect(borrowed).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: "'a' needs a node that is not of 'mine'" }))
  expect(declare(() => foreign as Node<number>)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('[R1] a graph gone on with from any prefix answers the same and repeats no recorded node', async () => {
  let ran = 0
  const count = <T>(value: T): T => {
    ran++
    return value
  }
  const wide = graph('wide', { input }, (n, g) => {
    const a = g.node('a', n, (x) => count(x + 1))
    const b = g.node('b', n, (x) => count(x + 2))
    const c = g.node('c', { a, b }, (got) => count(got.a * got.b))
    return g.node('d', { a, c }, (got) => count(got.c - got.a))
  })
  const { journal, outcome } = await startRun(memoryStore(), wide, 1)
  expect(outcome).toMatchObject({ output: 4 })
  let expected = ran
  for (const { left, outcome: resumed } of await fromEveryPrefix(journal, wide)) {
    expect(resumed).toMatchObject({ status: 'completed', output: 4 })
    expected += 4 - doneIn(left).length
  }
  expect(ran).toBe(expected)
})
