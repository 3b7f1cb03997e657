import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent, type Flow, flow, inMemory, type Run, signal, tool, tutti } from './index.ts'
import type { Entry, JournalStore } from './journal/index.ts'
import { scripted } from './testing/index.ts'

/** A flow of ten steps: the even ones go on from one another, the odd ones stand alone. Says what was really done. */
function tenSteps(o: { change?: number } = {}): { readonly ten: Flow<number, number, 'ten'>; readonly done: string[] } {
  const done: string[] = []
  const ten = flow('ten', { input: z.number() }, async (n, run: Run) => {
    let even = n
    for (let i = 0; i < 10; i++) {
      const input = i % 2 === 0 ? even : i
      const made = await run.step(`s${i}`, i === o.change ? input + 100 : input, (x) => {
        done.push(`s${i}`)
        return x + 1
      })
      if (i % 2 === 0) even = made
    }
    return even
  })
  return { ten, done }
}

async function entriesOf(store: object, run: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const entry of (store as JournalStore).read(run as never)) entries.push(entry)
  return entries
}

describe('a fork', () => {
  test('[D2] with a changed value executes only the steps below it by data, and the diff shows these and no others', async () => {
    const { ten, done } = tenSteps()
    await using app = tutti({ flows: [ten], store: inMemory() })
    const first = await app.run(ten, 0)
    expect([first.output, done.splice(0).length]).toEqual([5, 10])
    const fork = await app.fork(first.id, ten, { at: 'ten/s4', output: 50 })
    expect((await fork.result()).output).toBe(52)
    expect(done.splice(0)).toEqual(['s6', 's8'])
    const diff = await app.diff(first.id, fork.id)
    expect(diff.firstDivergence).toBe('ten/s4')
    expect(diff.steps.filter(({ change }) => change !== 'same').map(({ key, change }) => [key, change])).toEqual([
      ['ten/s4', 'output'],
      ['ten/s6', 'input'],
      ['ten/s8', 'input'],
    ])
  })

  test('[D2] with new code executes only the steps whose input the new code changes, and the step it leaves at', async () => {
    const { ten } = tenSteps()
    await using app = tutti({ flows: [ten], store: inMemory() })
    const first = await app.run(ten, 0)
    const changed = tenSteps({ change: 6 })
    const fork = await app.fork(first.id, changed.ten, { at: 'ten/s5' })
    expect((await fork.result()).output).toBe(105)
    expect(changed.done).toEqual(['s5', 's6', 's8'])
  })

  test('[D2] with another input executes what depends on it', async () => {
    const { ten, done } = tenSteps()
    await using app = tutti({ flows: [ten], store: inMemory() })
    const first = await app.run(ten, 0)
    done.length = 0
    expect((await (await app.fork(first.id, ten, { at: 'ten/s0', input: 7 })).result()).output).toBe(12)
    expect(done).toEqual(['s0', 's2', 's4', 's6', 's8'])
    await expect(app.fork(first.id, ten, { at: 'ten/s0', input: 'x' })).rejects.toMatchObject({ code: 'RUN_INPUT_INVALID' })
  })

  test('[D2][D1] replays to its own output from its own journal, and can be forked again', async () => {
    const { ten, done } = tenSteps()
    const store = inMemory()
    await using app = tutti({ flows: [ten], store })
    const first = await app.run(ten, 0)
    const second = await app.fork(first.id, ten, { at: 'ten/s4', output: 50 })
    await second.result()
    const third = await app.fork(second.id, ten, { at: 'ten/s6', output: 'edited' })
    done.length = 0
    expect((await third.result()).output).toBe('edited1')
    expect(done.splice(0)).toEqual(['s8'])
    expect(await app.replay(third.id, ten)).toMatchObject({ output: 'edited1' })
    expect(await app.replay(second.id, ten)).toMatchObject({ output: 52 })
    expect(done).toEqual([])
    const taken = (await entriesOf(store, third.id)).flatMap((entry) => (entry.type === 'step.completed' && entry.reused ? [entry.reused.run] : []))
    expect(taken).toEqual(new Array(8).fill(second.id))
  })

  test('[D2] at a step that does not exist is refused with its code, and so are another flow and a run that does not exist', async () => {
    const { ten } = tenSteps()
    const other = flow('other', async (_: null, run) => run.step('a', 1, (x) => x))
    await using app = tutti({ flows: [ten], store: inMemory() })
    const { id } = await app.run(ten, 0)
    await expect(app.fork(id, ten, { at: 'ten/s10' })).rejects.toMatchObject({
      code: 'RUN_STEP_NOT_FOUND',
      data: { at: 'ten/s10' },
      hint: expect.stringMatching(/^Near to it: .*'ten\/s1'/),
    })
    // As the tree of `tutti show` draws it.
    await expect(app.fork(id, ten, { at: 's3' })).rejects.toMatchObject({ hint: expect.stringMatching(/^Near to it: 'ten\/s3'/) })
    await expect(app.fork(id, ten, { at: 'qqqq' })).rejects.toMatchObject({
      hint: expect.stringMatching(/^Its steps: 'ten\/s0', .*, and 5 more\. `tutti show --values`/),
    })
    await expect(app.fork(id, other, { at: 'ten/s1' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(app.fork('run_none', ten, { at: 'ten/s1' })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    await expect(app.fork(id, ten, { at: 'ten/s1', instructions: 'x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('a fork that a process left', () => {
  test('[D2] goes on in the next one, and still takes over what it need not do', async () => {
    const Go = signal('go', z.string())
    const done: string[] = []
    const waits = flow('waits', async (n: number, run) => {
      const a = await run.step('a', n, (x) => x)
      const went = await run.wait(Go)
      const c = await run.step('c', 'constant', (x) => `${x} ${done.push('c')}`)
      return [a, went, c]
    })
    const store = inMemory()
    const before = tutti({ flows: [waits], store })
    const first = await before.start(waits, 1)
    await first.send(Go, 'yes')
    await first.result()
    const { id } = await before.fork(first.id, waits, { at: 'waits/a', output: 2 })
    await before.close({ graceMs: 0 })
    await using after = tutti({ flows: [waits], store })
    const fork = await after.resume(id)
    await fork.send(Go, 'later')
    expect((await fork.result()).output).toEqual([2, 'later', 'constant 1'])
    expect(done).toEqual(['c'])
  })
})

describe('a fork of an agent', () => {
  const find = tool({ name: 'find', description: 'Finds.', input: z.object({}), effect: 'read', execute: () => 'found' })

  test('[D2] with other instructions asks that agent again from that turn on, and no other; what is taken over costs nothing', async () => {
    const model = scripted([{ call: 'find', input: {} }, 'draft', 'checked draft', 'short', 'checked short'])
    const writer = agent({ name: 'writer', instructions: 'Write.', tools: [find] })
    const checker = agent({ name: 'checker', instructions: 'Check.' })
    const desk = flow('desk', async (topic: string, run) => run.call(checker, await run.call(writer, topic)))
    await using app = tutti({ flows: [desk], store: inMemory(), model })
    const first = await app.run(desk, 'go')
    expect(first.output).toBe('checked draft')
    const fork = await app.fork(first.id, desk, { at: 'desk/writer/turn:2', instructions: 'Write less.' })
    const { output, usage } = await fork.result()
    expect([output, usage.modelCalls]).toEqual(['checked short', 2])
    const diff = await app.diff(first.id, fork.id)
    expect(diff.steps.map(({ key, change }) => [key, change])).toEqual([
      ['desk/writer/turn:1', 'same'],
      ['desk/writer/turn:1/find', 'same'],
      ['desk/writer/turn:2', 'input'],
      ['desk/checker/turn:1', 'input'],
    ])
  })

  test('[D2] with other instructions asks a later turn again whose thread is the same, and takes over that of an agent whose instructions are the same', async () => {
    const writer = agent({ name: 'writer', instructions: 'Write.', tools: [find] })
    const checker = agent({ name: 'checker', instructions: 'Check.' })
    const desk = flow('desk', async (topic: string, run) => [await run.call(writer, topic), await run.call(checker, topic)])
    await using app = tutti({ flows: [desk], store: inMemory(), model: scripted([{ call: 'find', input: {} }, 'draft', 'checked', 'short']) })
    const first = await app.run(desk, 'go')
    const fork = await app.fork(first.id, desk, { at: 'desk/writer/turn:1/find', instructions: 'Write less.' })
    expect(await fork.result()).toMatchObject({ output: ['short', 'checked'], usage: { modelCalls: 1 } })
  })

  test('[D2] with another model asks that one, also where a journal cannot hold it', async () => {
    const writer = agent({ name: 'writer', instructions: 'Write.' })
    await using app = tutti({ flows: [writer], store: inMemory(), model: scripted(['one']) })
    const first = await app.run(writer, 'go')
    expect((await (await app.fork(first.id, writer, { at: 'writer', model: scripted(['another']) })).result()).output).toBe('another')
  })
})

describe('what may happen once only', () => {
  const Go = signal('go', z.string())
  const paid: number[] = []
  const pay = (amount = 5): Flow<number, string> =>
    flow('pay', async (n: number, run) => {
      const text = await run.step('text', n, (x) => `order ${x}`)
      const receipt = await run.step('charge', amount, (x) => `receipt ${paid.push(x)}`, { effect: 'once' })
      return `${text}: ${receipt}`
    })

  test('[D2] is taken over by a fork, also at the very step where it leaves, and repeated only when told to', async () => {
    paid.length = 0
    await using app = tutti({ flows: [pay()], store: inMemory() })
    const { id } = await app.run(pay(), 1)
    for (const at of ['pay/text', 'pay/charge']) expect((await (await app.fork(id, pay(), { at })).result()).output).toBe('order 1: receipt 1')
    expect(paid).toEqual([5])
    expect((await (await app.fork(id, pay(), { at: 'pay/charge', once: 'again' })).result()).output).toBe('order 1: receipt 2')
    expect(paid).toEqual([5, 5])
  })

  test('[D2] is refused in a fork that would do it with another input', async () => {
    paid.length = 0
    await using app = tutti({ flows: [pay()], store: inMemory() })
    const { id } = await app.run(pay(), 1)
    const fork = await app.fork(id, pay(6), { at: 'pay/text' })
    await expect(fork.result()).rejects.toMatchObject({ code: 'RUN_FORK_ONCE', data: { key: 'pay/charge' } })
    expect(paid).toEqual([5])
  })

  test('[D2] is in doubt in a fork too, where the run does not know whether it happened', async () => {
    let asked = 0
    const unsure = flow('unsure', async (n: number, run) => {
      await run.step('a', n, (x) => x)
      return run.step('charge', n, () => Promise.reject(new Error(`cut ${++asked}`)), { effect: 'once' })
    })
    await using app = tutti({ flows: [unsure], store: inMemory() })
    const first = await app.start(unsure, 1)
    expect(await first.outcome()).toMatchObject({ status: 'waiting' })
    await expect((await app.fork(first.id, unsure, { at: 'unsure/a' })).result()).rejects.toMatchObject({ code: 'TOOL_IN_DOUBT' })
    expect(asked).toBe(1)
  })

  test('[D2] an answer of a person stands for what came before the change, and is asked for again after it', async () => {
    const asks = flow('asks', async (n: number, run) => {
      const a = await run.step('a', n, (x) => x)
      const went = await run.wait(Go)
      const b = await run.step('b', went, (x) => `${x}!`)
      return `${a} ${b}`
    })
    await using app = tutti({ flows: [asks], store: inMemory() })
    const first = await app.start(asks, 1)
    await first.send(Go, 'yes')
    await first.result()
    expect((await (await app.fork(first.id, asks, { at: 'asks/b', output: 'edited' })).result()).output).toBe('1 edited')
    const early = await app.fork(first.id, asks, { at: 'asks/a', output: 2 })
    expect(await early.outcome()).toMatchObject({ status: 'waiting', for: [{ key: 'asks/go' }] })
    await early.send(Go, 'no')
    expect((await early.result()).output).toBe('2 no!')
  })
})

describe('a fork from the beginning', () => {
  const Go = signal('go', z.string())

  test('[D2] takes over all that is asked the same, answers of people and sleeps too, and gives the same output', async () => {
    const done: string[] = []
    const asks = flow('asks', async (n: number, run) => {
      const a = await run.step('a', n, (x) => done.push('a') && x + 1)
      await run.sleep('rest', 1)
      const went = await run.wait(Go)
      return run.step('b', [a, went], ([x, y]) => done.push('b') && `${x} ${y}`)
    })
    await using app = tutti({ flows: [asks], store: inMemory() })
    const first = await app.start(asks, 1)
    await first.send(Go, 'yes')
    const { output } = await first.result()
    done.length = 0
    const fork = await app.fork(first.id, asks, {})
    expect([(await fork.result()).output, done]).toEqual([output, []])
    expect(await app.replay(fork.id, asks)).toEqual(await app.replay(first.id, asks))
  })

  test('[D2] does what is asked otherwise, and a step that is named because its code is another', async () => {
    const { ten, done } = tenSteps()
    await using app = tutti({ flows: [ten], store: inMemory() })
    const { id } = await app.run(ten, 0)
    const changed = tenSteps({ change: 6 })
    expect((await (await app.fork(id, changed.ten, {})).result()).output).toBe(105)
    expect(changed.done).toEqual(['s6', 's8'])
    done.length = 0
    expect((await (await app.fork(id, ten, { redo: ['s3'] })).result()).output).toBe(5)
    expect(done).toEqual(['s3'])
    await expect(app.fork(id, ten, { output: 1 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('[D2] keeps a failure that the run got over, and tries again the one it failed with', async () => {
    let [tried, broken] = [0, true]
    const made = (name: string, catches: boolean): Flow<number, string> =>
      flow(name, async (n: number, run) => {
        const risky = run.step('risky', n, () => {
          tried++
          if (broken) throw new Error('no')
          return 'mended'
        })
        return catches ? risky.catch(() => 'got over') : risky
      })
    const [careful, strict] = [made('careful', true), made('strict', false)]
    await using app = tutti({ flows: [careful, strict], store: inMemory() })
    const { id } = await app.run(careful, 1)
    const failed = await app.start(strict, 1)
    expect(await failed.outcome()).toMatchObject({ status: 'failed' })
    broken = false
    tried = 0
    expect((await (await app.fork(id, careful, {})).result()).output).toBe('got over')
    expect(tried).toBe(0)
    expect((await (await app.fork(failed.id, strict, {})).result()).output).toBe('mended')
  })

  test('[D2] draws the same chance as its run, and so does a fork of that fork', async () => {
    const rolls = flow('rolls', async (n: number, run) => [run.uuid(), run.random(), await run.step('a', run.uuid(), (id) => `${id} ${n}`)])
    await using app = tutti({ flows: [rolls], store: inMemory() })
    const first = await app.run(rolls, 1)
    const fork = await app.fork(first.id, rolls, {})
    expect((await fork.result()).output).toEqual(first.output)
    const again = await app.fork(fork.id, rolls, { redo: ['a'] })
    expect((await again.result()).output).toEqual(first.output)
    expect((await app.run(rolls, 1)).output).not.toEqual(first.output)
  })

  test('[D2] that is to leave the world as it is does nothing to it that is not in the record', async () => {
    const acted: string[] = []
    const act = (o: { n?: number; more?: 'once' | 'idempotent' } = {}): Flow<number, string> =>
      flow('act', async (n: number, run) => {
        const made = await run.step('once', o.n ?? n, (x) => `${acted.push('once')} ${x}`, { effect: 'once' })
        if (o.more) await run.step('more', n, () => acted.push('more'), { effect: o.more })
        return made
      })
    await using app = tutti({ flows: [act()], store: inMemory() })
    const { id } = await app.run(act(), 1)
    expect((await (await app.fork(id, act(), { once: 'never' })).result()).output).toBe('1 1')
    for (const changed of [act({ n: 2 }), act({ more: 'once' }), act({ more: 'idempotent' })]) {
      await expect((await app.fork(id, changed, { once: 'never' })).result()).rejects.toMatchObject({ code: 'RUN_FORK_ONCE' })
    }
    expect(acted).toEqual(['once'])
  })

  test('[D2] with other instructions asks the agent they are for, and refuses to guess which of several', async () => {
    const [writer, checker] = ['writer', 'checker'].map((name) => agent({ name, instructions: 'Old.' })) as [Flow<string, string>, Flow<string, string>]
    const desk = flow('desk', async (topic: string, run) => [await run.call(writer, topic), await run.call(checker, topic)])
    await using app = tutti({ flows: [desk], store: inMemory(), model: scripted(['one', 'two', 'new two', 'other', 'other']) })
    const { id } = await app.run(desk, 'go')
    expect((await (await app.fork(id, desk, { instructions: 'New.', agent: 'checker' })).result()).output).toEqual(['one', 'new two'])
    await expect(app.fork(id, desk, { instructions: 'New.' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining("'writer', 'checker'"),
    })
    expect((await (await app.fork(id, desk, { model: scripted(['third', 'fourth'], { id: 'another' }) })).result()).output).toEqual(['third', 'fourth'])
  })
})

describe('the diff of a run and its fork', () => {
  test('[D3] says which words of a long text changed, counts what was taken over as it cost before, and where the two runs end apart', async () => {
    const long = 'word '.repeat(400)
    const writes = flow('writes', async (n: number, run) => {
      const a = await run.step('a', n, (x) => `${long}${x} ${long}`)
      return { title: await run.step('b', n, () => 'T'), text: a }
    })
    await using app = tutti({ flows: [writes], store: inMemory() })
    const { id } = await app.run(writes, 1)
    const fork = await app.fork(id, writes, { at: 'writes/a', output: `${long}2 ${long}` })
    await fork.result()
    const diff = await app.diff(id, fork.id)
    expect(diff.steps[0]?.values).toHaveLength(1)
    expect(String(diff)).toContain('[-1-]{+2+}')
    expect(diff.steps[1]).toMatchObject({ key: 'writes/b', reused: true, usd: 0, ms: 0 })
    expect(diff.output.map(({ path }) => path)).toEqual(['$.text'])
  })

  test('[D3] tells another model from other instructions and another input, and another version of the flow', async () => {
    const writer = agent({ name: 'writer', instructions: 'Write.' })
    const desk = (version: string) => flow('desk', { version }, async (topic: string, run) => run.call(writer, topic))
    const [one, two] = [desk('1'), desk('2')]
    await using app = tutti({ flows: [one, two], store: inMemory(), model: scripted(['a', 'c', 'd']) })
    const { id } = await app.run(one, 'go')
    const told = async (run: string): Promise<string | undefined> => (await app.diff(id, run)).steps[0]?.asked
    const asked = await app.fork(id, one, { at: 'desk/writer', model: scripted(['b'], { id: 'other' }) })
    const instructed = await app.fork(id, one, { at: 'desk/writer', instructions: 'Less.' })
    for (const fork of [asked, instructed]) await fork.result()
    const third = await app.run(two, 'stop')
    expect([await told(asked.id), await told(instructed.id), await told(third.id)]).toEqual(['model scripted/script → scripted/other', 'instructions', 'input'])
    expect(await app.diff(id, third.id)).toMatchObject({ flow: 'desk 1 → desk 2', input: [{ path: '$', before: 'go', after: 'stop' }] })
  })
})
