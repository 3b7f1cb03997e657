import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { agent } from '../agent/index.ts'
import { TuttiError } from '../errors/index.ts'
import { memoryStore } from '../journal/index.ts'
import { flow, type Tool } from '../run/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { seedJournal } from '../testing/failpoint-store.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testEngine } from '../testing/test-engine.ts'
import { type TestApp, testing } from '../testing/testing.ts'
import { withModel } from '../testing/with-model.ts'
import { tool } from './index.ts'
import { queued } from './queue.ts'

const input = z.object({ id: z.string() })
type Definition = Parameters<typeof tool<'find', typeof input, unknown>>[0]

/** A tool called `find` that answers its id, unless told otherwise. */
const findTool = (over: Partial<Definition> = {}) =>
  tool({ name: 'find', description: 'Finds.', input, effect: 'read', execute: ({ id }): unknown => ({ found: id }), ...over })

/** An agent that calls `find` once, then answers; what it was told of the call is in the second prompt. */
// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
function caller(found: Tool<any, any>, ...turns: Scripted[]) {
  const desk = agent({ name: 'desk', tools: [found] })
  const script = turns.length > 0 ? turns : [{ call: 'find', input: { id: '17' } }, 'done']
  return { desk, model: scripted(script) }
}
const toldIn = (app: TestApp, call = 1): string => app.calls[call]?.prompt.split('\ntool: ').at(-1) ?? ''

async function tell(found: ReturnType<typeof findTool>, ...turns: Scripted[]): Promise<string> {
  const { desk, model } = caller(found, ...turns)
  await using app = testing({ flows: [desk], model })
  await app.run(desk, 'go')
  return toldIn(app)
}

describe('what goes back to the model', () => {
  test('[T1] arguments that do not fit are told with their place, and the tool does not run', async () => {
    const execute = vi.fn()
    expect(await tell(findTool({ execute }), { call: 'find', input: { id: 17 } }, 'done')).toMatch(
      /^TOOL_INPUT_INVALID: the arguments do not fit: id: .*string/,
    )
    expect(execute).not.toHaveBeenCalled()
  })

  test('[T1] arguments that are not JSON are told as such, also where the schema would have taken none', async () => {
    const execute = vi.fn()
    const lenient = tool({ name: 'find', description: '', input: z.object({ id: z.string().optional() }), effect: 'read', execute })
    const { desk, model } = caller(lenient, { error: 'malformed' }, 'done')
    await using app = testing({ flows: [desk], model })
    await app.run(desk, 'go')
    expect(toldIn(app)).toMatch(/^TOOL_INPUT_INVALID: The arguments are not JSON/)
    expect(execute).not.toHaveBeenCalled()
  })

  test('[T1] a tool that does not exist is told with the names that do', async () => {
    expect(await tell(findTool(), { call: 'search', input: {} }, 'done')).toBe("TOOL_UNKNOWN: there is no tool 'search'; you may call find")
  })

  test('[T1] what a tool throws is told, and the agent goes on', async () => {
    const execute = (): never => {
      throw new RangeError('no such order')
    }
    expect(await tell(findTool({ execute }))).toBe("TOOL_FAILED: the tool 'find' failed: no such order")
  })

  test('[T1] an output that is not what the tool declares is a failure of the tool', async () => {
    expect(await tell(findTool({ output: z.object({ found: z.number() }) }))).toMatch(
      /^TOOL_FAILED: the tool 'find' answered something else than it declares: found/,
    )
  })

  test('[T1] the model sees dates as text, maps and sets as arrays, bytes as base64, and nothing as null', async () => {
    const rich = { at: new Date(0), tags: new Set(['a']), by: new Map([['k', 1n]]), raw: new Uint8Array([1, 2]), none: undefined }
    expect(JSON.parse(await tell(findTool({ execute: () => rich })))).toEqual({ at: '1970-01-01T00:00:00.000Z', tags: ['a'], by: [['k', '1']], raw: 'AQI=' })
    expect(await tell(findTool({ execute: () => undefined }))).toBe('null')
  })

  test('[T1] an output that looks like the inside of a journal is shown as it is', async () => {
    const sly = { '~devalue': 'not devalue at all', '~blob': 'x' }
    expect(JSON.parse(await tell(findTool({ execute: () => sly })))).toEqual(sly)
  })
})

describe('time and attempts', () => {
  test('[R8] a tool that reads is tried three times when it says that this may help, with the same key each time', async () => {
    const keys: string[] = []
    const execute = (_: unknown, { attempt, idempotencyKey }: { attempt: number; idempotencyKey: string }) => {
      keys.push(idempotencyKey)
      if (attempt < 3) throw new TuttiError('MODEL_OVERLOADED', 'busy')
      return 'at last'
    }
    const { desk, model } = caller(findTool({ execute }))
    await using app = testing({ flows: [desk], model })
    const run = app.run(desk, 'go')
    await app.clock.advance('1m')
    await run
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(toldIn(app)).toBe('at last')
  })

  test('[T1] a tool that takes longer than its timeout is told so, and its signal aborts', async () => {
    const aborted = vi.fn()
    const execute = (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise(() => {
        signal.addEventListener('abort', aborted)
      })
    const { desk, model } = caller(findTool({ execute, timeout: '2s' }))
    await using app = testing({ flows: [desk], model })
    const run = app.run(desk, 'go')
    await app.clock.advance('1m')
    await run
    expect(toldIn(app)).toMatch(/^RUN_TIMEOUT: .*2000 ms/)
    expect(aborted).toHaveBeenCalledTimes(3)
  })

  test('[T1] calls of one turn run beside one another, each a step of its own, and are told in the order of the model', async () => {
    const begun: string[] = []
    const both = Promise.withResolvers<void>()
    const execute = async ({ id }: { id: string }) => {
      begun.push(id)
      if (begun.length === 2) both.resolve()
      await both.promise
      if (id === 'a') await new Promise((resolve) => setImmediate(resolve))
      return id
    }
    const { desk, model } = caller(
      findTool({ execute }),
      ['a', 'b'].map((id) => ({ call: 'find', input: { id } })),
      'done',
    )
    const { start, lines } = testEngine([], withModel(model))
    const handle = await start(desk, 'go')
    await handle.result()
    const completed = (await lines(handle.id)).filter((line) => line.startsWith('step.completed'))
    expect(completed.sort()).toEqual(['desk/turn:1', 'desk/turn:1/find', 'desk/turn:1/find#2', 'desk/turn:2'].map((key) => `step.completed ${key}`))
    expect(model.calls[1]?.prompt.split('tool: ').at(-1)).toMatch(/a[\s\S]*b/)
  })
})

describe('once', () => {
  const journalOfCall = async (found: ReturnType<typeof findTool>) => {
    const { desk, model } = caller(found)
    return { desk, ...(await startRun(memoryStore(), desk, 'go', withModel(model))) }
  }
  /** The run, gone on with from where the call of the tool had begun and nobody knows how it ended. */
  const cutInTheCall = async (found: ReturnType<typeof findTool>) => {
    const { desk, journal } = await journalOfCall(found)
    const begun = journal.entries.findIndex((entry) => entry.type === 'step.started' && entry.effect === 'once')
    return resumeRun(await seedJournal(journal, begun + 1), desk, journal.run, withModel(scripted(['done'])))
  }

  test('[R2] a once tool whose outcome was lost is in doubt: it is not called again, and the run waits for a person', async () => {
    const execute = vi.fn(() => 'paid')
    const gone = await cutInTheCall(findTool({ effect: 'once', execute }))
    expect(gone.outcome).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.resolve', key: 'desk/turn:1/find' }] })
    expect(execute).toHaveBeenCalledTimes(1)
  })

  test('[R2] a once tool that can look it up goes on with what it found', async () => {
    const execute = vi.fn(() => 'paid')
    const reconcile = vi.fn(async () => ({ done: true as const, output: 'paid before' }))
    const gone = await cutInTheCall(findTool({ effect: 'once', execute, reconcile }))
    expect(gone.outcome).toMatchObject({ status: 'completed', output: 'done' })
    expect(execute).toHaveBeenCalledTimes(1)
    expect(reconcile).toHaveBeenCalledWith(expect.stringMatching(/^[\w-]{22}$/), { id: '17' })
    expect(JSON.stringify(gone.journal.entries)).toContain('paid before')
  })

  test('[R2] a once tool that knows it did not happen is called again, with the same key', async () => {
    const keys: string[] = []
    const execute = (_: unknown, { idempotencyKey }: { idempotencyKey: string }) => keys.push(idempotencyKey)
    const gone = await cutInTheCall(findTool({ effect: 'once', execute, reconcile: () => ({ done: false }) }))
    expect(gone.outcome).toMatchObject({ status: 'completed', output: 'done' })
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
  })

  test('[R2] a once tool that throws is in doubt too, unless it says that nothing happened', async () => {
    const failing = (code: string) => () => {
      throw new TuttiError(code, 'connection lost')
    }
    const { outcome } = await journalOfCall(findTool({ effect: 'once', execute: failing('MODEL_UNREACHABLE') }))
    expect(outcome).toMatchObject({ status: 'waiting', for: [{ signal: 'tutti.resolve' }] })
    expect(await tell(findTool({ effect: 'once', execute: failing('TOOL_NOT_DONE') }))).toBe('TOOL_NOT_DONE: connection lost')
  })
})

describe('a flow as a tool', () => {
  const priced = flow('price', { input: z.object({ amount: z.string().transform(Number) }), description: 'Prices.' }, async ({ amount }, run) => {
    if (amount > 100) run.fail('too much')
    return run.step('double', amount, (x) => x * 2)
  })

  test('[C7] its steps are recorded in the run of the agent, and its arguments are parsed once', async () => {
    const model = scripted([{ call: 'price', input: { amount: '21' } }, 'done'])
    const { start, lines } = testEngine([], withModel(model))
    const handle = await start(agent({ name: 'desk', tools: [priced.asTool()] }), 'go')
    await handle.result()
    expect(await lines(handle.id)).toContain('step.completed desk/turn:1/price/double')
    expect(model.calls[1]?.prompt).toMatch(/42/)
  })

  test('[C7] its failure is told to the model like that of any tool', async () => {
    const desk = agent({ name: 'desk', tools: [priced.asTool()] })
    await using app = testing({ flows: [desk], model: scripted([{ call: 'price', input: { amount: '101' } }, 'done']) })
    await app.run(desk, 'go')
    expect(toldIn(app)).toBe('RUN_FAILED: too much')
  })

  test('[C7] a flow without an input schema is no tool: a model could not be shown what it takes', () => {
    const loose = flow('loose', async (n: number) => n)
    expect(() => loose.asTool()).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', hint: expect.stringContaining('{ input: schema }') }))
  })

  test('[C7] an agent as a tool takes a prompt, and answers with its own model', async () => {
    const helper = agent({ name: 'helper', description: 'Helps.', model: scripted(['from the helper']) })
    const lead = agent({ name: 'lead', model: scripted([{ call: 'helper', input: { prompt: 'help me' } }, 'done']), tools: [helper.asTool()] })
    await using app = testing({ flows: [lead] })
    await app.run(lead, 'go')
    expect(app.calls.map(({ agent: name, prompt }) => [name, prompt.split('\n')[0]])).toEqual([
      ['lead', 'user: go'],
      ['helper', 'user: help me'],
      ['lead', 'user: go'],
    ])
    expect(toldIn(app, 2)).toBe('from the helper')
  })
})

test('[B1] a limit of tool calls holds: the call that would pass it is not made', async () => {
  const execute = vi.fn(() => 'x')
  const { desk, model } = caller(
    findTool({ execute }),
    ['a', 'b'].map((id) => ({ call: 'find', input: { id } })),
    'done',
  )
  await using app = testing({ flows: [desk], model })
  await expect(app.run(desk, 'go', { budget: { toolCalls: 1 } })).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED', data: { limit: 'toolCalls' } })
  expect(execute).toHaveBeenCalledTimes(1)
})

describe('a tool that can be undone', () => {
  const room = z.object({ room: z.string() })
  const agents = (world: string[], o: Partial<Parameters<typeof tool<'book', typeof room, string>>[0]> = {}) => {
    const book = tool({
      name: 'book',
      description: 'Books a room.',
      input: room,
      effect: 'idempotent',
      execute: ({ room }) => `booking of ${room}`,
      undo: (booking, { room }, { attempt }) => void world.push(`undo ${booking}, ${room} @${attempt}`),
      ...o,
    })
    const porter = agent({ name: 'porter', tools: [book] })
    return flow('desk', async (_: null, run) => {
      await run.call(porter, 'two rooms')
      run.fail('no money')
    })
  }
  const script = () =>
    scripted([
      [
        { call: 'book', input: { room: 'A' } },
        { call: 'book', input: { room: 'B' } },
      ],
      'booked',
    ])

  test('[R8] is undone when the run that an agent called it in fails, the last call first, at no cost', async () => {
    const world: string[] = []
    const desk = agents(world)
    await using app = testing({ flows: [desk], model: script() })
    const outcome = await (await app.start(desk, null)).outcome()
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'no money' }, usage: { toolCalls: 2, modelCalls: 2 } })
    expect(world).toEqual(['undo booking of B, B @1', 'undo booking of A, A @1'])
  })

  test('[R8] is tried three times where trying again may help, also when it may happen once only', async () => {
    const world: string[] = []
    const undo = (booking: string, _: unknown, { attempt }: { attempt: number }): void => {
      world.push(`${booking} @${attempt}`)
      throw new TuttiError('TOOL_NOT_DONE', 'later')
    }
    const desk = agents(world, { effect: 'once', undo })
    await using app = testing({ flows: [desk], model: scripted([{ call: 'book', input: { room: 'A' } }, 'booked']) })
    const handle = await app.start(desk, null)
    await app.clock.advance('1h')
    expect(await handle.outcome()).toMatchObject({ error: { data: { notUndone: [{ code: 'TOOL_NOT_DONE' }] } } })
    expect(world).toEqual([1, 2, 3].map((attempt) => `booking of A @${attempt}`))
  })

  test('[R8] is refused where it says that it changes nothing', () => {
    expect(() => agents([], { effect: 'read' })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining("'book'") }))
  })

  test('[R3] may be silent only as long as it says', async () => {
    const desk = agents([], { idle: '10s', execute: () => new Promise<string>(() => {}) })
    await using app = testing({ flows: [desk], model: script() })
    const handle = await app.start(desk, null)
    await app.clock.advance('1h')
    await handle.outcome()
    expect(toldIn(app)).toMatch(/^RUN_STEP_IDLE: /)
  })
})

describe('concurrency', () => {
  const gated = (concurrency: number | undefined) => {
    let under = 0
    let most = 0
    const execute = async ({ n }: { n: number }): Promise<number> => {
      most = Math.max(most, ++under)
      await new Promise((resolve) => setImmediate(resolve))
      under--
      return n
    }
    return { tool: tool({ name: 'slow', description: '', input: z.object({ n: z.number() }), effect: 'read', concurrency, execute }), most: () => most }
  }
  const calls = [1, 2, 3, 4, 5].map((n) => ({ call: 'slow', input: { n } }))

  test('[T1] no more calls of a tool run at once than it says, over all runs of the process; each gets its own result', async () => {
    for (const [concurrency, expected] of [
      [undefined, 10],
      [2, 2],
      [1, 1],
    ] as const) {
      const { tool: slow, most } = gated(concurrency)
      const desk = agent({ name: 'desk', tools: [slow] })
      await using app = testing({ flows: [desk], model: scripted([calls, calls, 'done', 'done']) })
      const runs = await Promise.all([app.start(desk, 'a'), app.start(desk, 'b')])
      await Promise.all(runs.map((run) => run.result()))
      expect(most()).toBe(expected)
      expect(app.calls.at(-1)?.prompt).toContain([1, 2, 3, 4, 5].join('\n'))
    }
  })

  test('[T1] a tool that lets no call through is refused when it is declared', () => {
    for (const concurrency of [0, -1, 1.5]) expect(() => gated(concurrency)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  test('[T1] the place of a call that failed or was given up goes to the next, and what never began is not done', async () => {
    const one = queued(
      1,
      async (input) => (input === 'fail' ? Promise.reject(new Error('no')) : input),
      (cause) => new Error(`not done: ${(cause as Error).message}`),
    )
    const ctx = (signal: AbortSignal) => ({ signal }) as never
    const stop = new AbortController()
    const never = new AbortController().signal
    const all = [one('fail', ctx(never)), one('given up', ctx(stop.signal)), one('last', ctx(never))]
    stop.abort(new Error('late'))
    expect((await Promise.allSettled(all)).map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message))).toEqual([
      'no',
      'not done: late',
      'last',
    ])
  })
})

test('[T1][R7] when one call ends the agent, those beside it are cancelled at once, though the flow goes on', async () => {
  const stopped = vi.fn()
  const slow = tool({
    name: 'slow',
    description: '',
    input: z.object({}),
    effect: 'read',
    execute: (_, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped(signal.reason.code)
          reject(signal.reason)
        })
      }),
  })
  const desk = agent({ name: 'desk', tools: [slow, findTool()] })
  const office = flow('office', async (_: null, run) => {
    const ended = await run.call(desk, 'go', { budget: { toolCalls: 1 } }).catch((error: TuttiError) => error.code)
    return run.step('after', ended, (code) => ({ code, stopped: stopped.mock.calls.flat() }))
  })
  const calls = [
    { call: 'slow', input: {} },
    { call: 'find', input: { id: '17' } },
  ]
  await using app = testing({ flows: [office], model: scripted([calls]) })
  const { output, id } = await app.run(office, null)
  expect(output).toEqual({ code: 'BUDGET_EXCEEDED', stopped: ['RUN_CANCELLED'] })
  expect((await app.replay(id, office)).output).toEqual(output)
})
