import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { agent, type Flow, flow, inMemory, type RegressReport, type Run, signal, tool, tutti } from './index.ts'
import type { JournalStore } from './journal/index.ts'
import { scripted } from './testing/index.ts'

/** A flow of three steps whose last is changed by `o`. Says what was really done. */
function sums(o: { factor?: number; more?: number } = {}): { readonly sums: Flow<number, number, 'sums'>; readonly done: string[] } {
  const done: string[] = []
  const made = flow('sums', { input: z.number() }, async (n, run: Run) => {
    const a = await run.step('a', n, (x) => done.push('a') && x + 1)
    const b = await run.step('b', [a, n > 2 ? (o.factor ?? 2) : 2], ([x = 0, by = 0]) => done.push('b') && x * by)
    if (o.more) await run.step('more', o.more, () => done.push('more'))
    return run.step('c', b, (x) => done.push('c') && x - 1)
  })
  return { sums: made, done }
}

const verdicts = ({ runs }: RegressReport): Record<string, string> => Object.fromEntries(runs.map(({ run, verdict }) => [run, verdict]))

describe('a regression over past runs', () => {
  test('[D4] does only what is asked otherwise, of each run, and says which runs end as they did', async () => {
    const { sums: before, done } = sums()
    await using app = tutti({ flows: [before], store: inMemory() })
    for (const n of [1, 2, 3, 4]) await app.run(before, n, { id: `r${n}` })
    done.length = 0
    expect((await app.regress(before)).counts).toMatchObject({ same: 4 })
    expect(done).toEqual([])
    const changed = sums({ factor: 10 })
    const report = await app.regress(changed.sums)
    expect(changed.done.toSorted()).toEqual(['b', 'b', 'c', 'c'])
    expect(verdicts(report)).toEqual({ r1: 'same', r2: 'same', r3: 'changed', r4: 'changed' })
    expect(report.unchanged).toMatchObject({ share: 0.5, of: 4 })
    expect(report.runs[0]).toMatchObject({ run: 'r4', firstDivergence: 'sums/b', reused: 1, executed: 2, output: [{ path: '$', before: 9, after: 49 }] })
    const diff = await app.diff('r4', report.runs[0]?.fork as string)
    expect(diff.firstDivergence).toBe('sums/b')
    expect(await app.replay(report.runs[0]?.fork as string, changed.sums)).toMatchObject({ output: 49 })
  })

  test('[D4] tells a run that ends the same by other steps, one that fails now, and one that is mended', async () => {
    let broken = true
    const made = (o: { fail?: boolean; extra?: boolean } = {}) =>
      flow('fragile', async (n: number, run) => {
        if (o.extra) await run.step('extra', n, () => null)
        const made = await run.step('risky', n, () => {
          if (n === 1 && broken) throw new Error('no')
          return n
        })
        if (o.fail && n === 2) run.fail('not two')
        return made
      })
    await using app = tutti({ flows: [made()], store: inMemory() })
    for (const n of [1, 2, 3]) await (await app.start(made(), n, { id: `r${n}` })).outcome()
    broken = false
    const report = await app.regress(made({ fail: true, extra: true }))
    expect(verdicts(report)).toEqual({ r1: 'mended', r2: 'failed', r3: 'diverged' })
    expect([report.passed(), report.passed(['changed']), report.passed(['cost'])]).toEqual([false, false, true])
    expect(report.unchanged).toMatchObject({ share: 1 / 3 })
    expect(String(report)).toContain('✗ r2  failed')
  })

  test('[D4] repeats no effect: it is taken over, and a run in which another would happen is not compared', async () => {
    const paid: number[] = []
    const pay = (fee: number) =>
      flow('pay', async (n: number, run) => {
        const receipt = await run.step('charge', n > 1 ? n + fee : n, (x) => `receipt ${paid.push(x)}`, { effect: 'once' }).catch(() => 'swallowed')
        return run.step('text', receipt, (x) => `${x}!`)
      })
    await using app = tutti({ flows: [pay(0)], store: inMemory() })
    for (const n of [1, 2]) await app.run(pay(0), n, { id: `r${n}` })
    const report = await app.regress(pay(1))
    expect(paid).toEqual([1, 2])
    expect(verdicts(report)).toEqual({ r1: 'same', r2: 'incomparable' })
    expect(report.runs[0]?.why).toMatch(/^would repeat an effect: 'pay\/charge'/)
    expect(report.unchanged).toMatchObject({ share: 1, of: 1 })
    expect([report.passed(), report.passed(['changed'])]).toEqual([true, false])
    expect((await app.regress(pay(1), { runs: ['r2'] })).passed()).toBe(false)
  })

  test('[D4] undoes nothing that its runs did, and does nothing again that they undid: it is taken over', async () => {
    const world: string[] = []
    const trip = (failsFor: number) =>
      flow('trip', async (n: number, run) => {
        await run.step('book', n, (x) => world.push(`book ${x}`), { effect: 'once', undo: () => void world.push(`undo ${n}`) })
        if (n === failsFor) run.fail('no room')
        return n
      })
    await using app = tutti({ flows: [trip(1)], store: inMemory() })
    for (const n of [1, 2]) await (await app.start(trip(1), n, { id: `r${n}` })).outcome()
    expect(world.splice(0)).toEqual(['book 1', 'undo 1', 'book 2'])
    expect(verdicts(await app.regress(trip(2)))).toEqual({ r1: 'mended', r2: 'failed' })
    expect(world).toEqual([])
  })

  test('[D4] lets an idempotent tool be asked otherwise only when it is told to', async () => {
    const written: string[] = []
    const write = (suffix: string) =>
      flow('write', async (text: string, run) => run.step('put', text + suffix, (x) => written.push(x) && x, { effect: 'idempotent' }))
    await using app = tutti({ flows: [write('')], store: inMemory() })
    await app.run(write(''), 'a')
    expect((await app.regress(write('!'))).counts).toMatchObject({ incomparable: 1 })
    expect((await app.regress(write('!'), { idempotent: 'again' })).counts).toMatchObject({ changed: 1 })
    expect(written).toEqual(['a', 'a!'])
  })

  test('[D4] answers of people stand; what waits for a new one is not compared, and waits no longer', async () => {
    const Go = signal('go', z.string())
    const asks = (o: { twice?: boolean } = {}) =>
      flow('asks', async (n: number, run) => {
        const went = await run.wait(Go)
        const again = o.twice && n === 2 ? await run.wait(Go) : ''
        return `${n} ${went} ${again}`
      })
    await using app = tutti({ flows: [asks()], store: inMemory() })
    for (const n of [1, 2]) {
      const handle = await app.start(asks(), n, { id: `r${n}` })
      await handle.send(Go, 'yes')
      await handle.result()
    }
    const report = await app.regress(asks({ twice: true }))
    expect(verdicts(report)).toEqual({ r1: 'same', r2: 'incomparable' })
    const [second] = report.runs
    expect(second?.why).toBe("waits at 'asks/go#2' for 'go', which nobody has answered")
    await expect.poll(async () => (await (await app.get(second?.fork as string))?.outcome())?.status).toBe('cancelled')
  })

  test('[D4] with other instructions, or another model, asks that agent again and compares what it costs', async () => {
    const find = tool({ name: 'find', description: 'Finds.', input: z.object({}), effect: 'read', execute: () => 'found' })
    const writer = agent({ name: 'writer', instructions: 'Write.', tools: [find] })
    const checker = agent({ name: 'checker', instructions: 'Check.' })
    const desk = flow('desk', async (topic: string, run) => run.call(checker, await run.call(writer, topic)))
    const turns = [{ call: 'find', input: {} }, 'draft', 'fine', { call: 'find', input: {} }, 'draft', 'fine']
    await using app = tutti({ flows: [desk], store: inMemory(), model: scripted([...turns, 'not fine', 'fine']) })
    for (const n of [1, 2]) await app.run(desk, 'go', { id: `r${n}` })
    await expect(app.regress(desk, { instructions: 'Check well.' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(app.regress(desk, { instructions: 'Check well.', agent: 'nobody' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    const report = await app.regress(desk, { instructions: 'Check well.', agent: 'checker', concurrency: 1 })
    expect(verdicts(report)).toEqual({ r2: 'changed', r1: 'diverged' })
    expect(report.spent).toMatchObject({ modelCalls: 2 })
    expect(report.runs[0]).toMatchObject({ reused: 3, executed: 1, firstDivergence: 'desk/checker/turn:1' })
    const other = await app.regress(desk, { model: scripted(new Array(4).fill('other'), { id: 'other' }) })
    expect(other.counts).toMatchObject({ changed: 2 })
  })

  test('[D4] never passes its budget, whatever the runs were allowed, and says what it did not reach', async () => {
    const writer = agent({ name: 'writer', instructions: 'Write.' })
    await using app = tutti({ flows: [writer], store: inMemory(), model: scripted(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) })
    for (const n of [1, 2, 3, 4]) await app.run(writer, `go ${n}`, { id: `r${n}`, budget: { modelCalls: 5 } })
    const report = await app.regress(writer, { instructions: 'Write less.', budget: { modelCalls: 3 } })
    expect(report.counts).toMatchObject({ changed: 3, unpaid: 1 })
    expect(report.spent.modelCalls).toBe(3)
    expect((await app.regress(writer, { budget: { modelCalls: 0 } })).counts).toMatchObject({ same: 4, unpaid: 0 })
  })

  test('[D4] a limit of its own that a run reaches is a failure of that run', async () => {
    const writer = agent({ name: 'writer', instructions: 'Write.' })
    const desk = (times: number) =>
      flow('desk', { budget: { modelCalls: 1 } }, async (topic: string, run) => {
        for (let i = 1; i < times; i++) await run.call(writer, `${topic} ${i}`)
        return run.call(writer, topic)
      })
    await using app = tutti({ flows: [desk(1)], store: inMemory(), model: scripted(['a', 'b', 'c', 'd']) })
    await app.run(desk(1), 'go')
    expect((await app.regress(desk(3), { budget: { modelCalls: 50 } })).counts).toMatchObject({ failed: 1, unpaid: 0 })
  })

  test('[D4] chooses the last runs that ended, by label, time and name, and never its own forks', async () => {
    const { sums: made } = sums()
    await using app = tutti({ flows: [made], store: inMemory() })
    for (const n of [1, 2, 3]) await app.run(made, n, { id: `r${n}`, labels: { from: n === 2 ? 'test' : 'live' } })
    const looked = async (o: Parameters<typeof app.regress>[1]): Promise<string[]> => Object.keys(verdicts(await app.regress(made, o)))
    expect(await looked({ last: 2 })).toEqual(['r3', 'r2'])
    expect(await looked({ labels: { from: 'live' } })).toEqual(['r3', 'r1'])
    expect(await looked({ runs: ['r1'] })).toEqual(['r1'])
    expect(await looked({})).toEqual(['r3', 'r2', 'r1'])
    for (const o of [{ since: new Date(Date.now() + 60_000) }, { labels: { from: 'nowhere' } }, { runs: ['r9'] }])
      await expect(app.regress(made, o)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    for (const o of [{ last: 0 }, { concurrency: 0 }]) await expect(app.regress(made, o)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('[D4] keeps its forks in another store when it is given one, with their runs beside them', async () => {
    const { sums: made } = sums()
    const [store, other] = [inMemory(), inMemory()]
    await using app = tutti({ flows: [made], store })
    await app.run(made, 3)
    const report = await app.regress(sums({ factor: 7 }).sums, { store: other })
    expect(report.counts).toMatchObject({ changed: 1 })
    expect(await app.get(report.runs[0]?.fork as string)).toBeUndefined()
    expect((await (other as JournalStore).list()).map(({ run }) => run).toSorted()).toEqual([report.runs[0]?.fork, report.runs[0]?.run].toSorted())
  })

  test('[D4] that was stopped reports what is finished, and goes on by its id with what is left and with what was begun', async () => {
    const made = sums({ more: 1 })
    await using app = tutti({ flows: [made.sums], store: inMemory() })
    for (const n of [1, 2, 3, 4]) await app.run(sums().sums, n, { id: `r${n}` })
    const stop = new AbortController()
    const onProgress = ({ done }: { done: number }): void => void (done === 2 && stop.abort())
    const half = await app.regress(made.sums, { id: 'regress_x', concurrency: 1, signal: stop.signal, onProgress })
    expect([half.runs.length, half.left, made.done.length]).toEqual([2, 2, 2])
    await app.run(made.sums, 5, { id: 'later' })
    made.done.length = 0
    const whole = await app.regress(made.sums, { id: 'regress_x' })
    expect([whole.runs.length, whole.left, made.done]).toEqual([4, 0, ['more', 'more']])
  })

  test('[D4] that has ended does nothing again under its id: the same forks, the same verdicts', async () => {
    const done: string[] = []
    const echo = (word: string) => flow('echo', async (n: number, run) => run.step('say', [n, word], () => done.push(word) && word))
    await using app = tutti({ flows: [echo('old')], store: inMemory() })
    for (const n of [1, 2, 3]) await app.run(echo('old'), n, { id: `r${n}` })
    done.length = 0
    const first = await app.regress(echo('new'), { id: 'regress_x' })
    expect(done).toEqual(['new', 'new', 'new'])
    const again = await app.regress(echo('new'), { id: 'regress_x' })
    expect(done).toHaveLength(3)
    expect(again.counts).toEqual(first.counts)
    expect(again.runs.map(({ run, fork }) => [run, fork])).toEqual(first.runs.map(({ run, fork }) => [run, fork]))
  })

  test('[D4] that is begun twice at once under one id does everything once, and both say the same', async () => {
    const done: string[] = []
    const echo = (word: string) => flow('echo', async (n: number, run) => run.step('say', [n, word], () => done.push(word) && word))
    await using app = tutti({ flows: [echo('old')], store: inMemory() })
    for (const n of [1, 2, 3]) await app.run(echo('old'), n, { id: `r${n}` })
    done.length = 0
    const made = echo('new')
    const [one, other] = await Promise.all([app.regress(made, { id: 'regress_x' }), app.regress(made, { id: 'regress_x' })])
    expect([done.length, one.counts]).toEqual([3, other.counts])
    expect(one.counts).toMatchObject({ changed: 3 })
  })

  test('[D4][R10] that is not needed any more is pruned by its label, and its runs stay', async () => {
    const { sums: made } = sums()
    await using app = tutti({ flows: [made], store: inMemory() })
    for (const n of [1, 2]) await app.run(made, n, { id: `r${n}` })
    const forks = async (id: string): Promise<string[]> => (await app.regress(made, { id })).runs.map(({ fork }) => fork ?? '')
    const [gone, stays] = [await forks('x'), await forks('y')]
    expect((await app.prune({ labels: { regress: 'x' } })).removed.toSorted()).toEqual(gone.toSorted())
    for (const run of ['r1', 'r2', ...stays]) expect(await app.get(run)).toBeDefined()
  })

  test('[D4] asks a score of yours for both outputs, and says how likely the difference is by chance', async () => {
    const { sums: made } = sums()
    await using app = tutti({ flows: [made], store: inMemory() })
    for (const n of [3, 4, 5, 6, 7]) await app.run(made, n)
    const report = await app.regress(sums({ factor: 3 }).sums, { score: (before, after) => after - before })
    expect(report.score).toMatchObject({ mean: 6, of: 5, chance: 2 / 32 })
  })
})
