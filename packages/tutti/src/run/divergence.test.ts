import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Entry } from '../journal/index.ts'
import { memoryStore } from '../journal/index.ts'
import { type Driven, resumeRun, startRun } from '../testing/driven-run.ts'
import { type Journal, seedJournal } from '../testing/failpoint-store.ts'
import { flow, type Run, replayRun, signal } from './index.ts'

type Body = (run: Run, executed: string[]) => Promise<unknown>
const desk = (body: Body, executed: string[]) => flow('desk', async (_: null, run) => String(await body(run, executed)))
const step = (run: Run, executed: string[], name: string, input = 0): Promise<string> =>
  run.step(name, input, () => {
    executed.push(name)
    return name
  })
const Go = signal('go', z.null())

/** Runs `before` to its end, cuts its journal after the entries that `keep` takes (the first that it does not is the cut), and resumes with `after`. */
async function changed(
  before: Body,
  after: Body,
  keep: (entry: Entry) => boolean = ({ type }) => type !== 'run.completed',
): Promise<Driven & { executed: string[]; cut: Journal }> {
  const { journal } = await startRun(memoryStore(), desk(before, []), null)
  const at = journal.entries.findIndex((entry) => !keep(entry))
  const executed: string[] = []
  const cut = { ...journal, entries: journal.entries.slice(0, at === -1 ? undefined : at) }
  return { ...(await resumeRun(await seedJournal(cut), desk(after, executed), journal.run, { patienceMs: 30 })), executed, cut }
}
const diverged = (recorded: unknown, asked: unknown) => ({ status: 'failed', error: { code: 'JOURNAL_DIVERGED', data: { recorded, asked } } })
const until = (key: string) => (entry: Entry) => !('key' in entry && entry.key === key)

const inOrder: Body = async (run, ex) => `${await step(run, ex, 'a')}${await step(run, ex, 'b')}`

describe('a flow that does not match its record', () => {
  it.each<[string, Body, string, string]>([
    ['a renamed step', async (run, ex) => `${await step(run, ex, 'a')}${await step(run, ex, 'c')}`, 'desk/b', 'desk/c'],
    [
      'a step inserted before another',
      async (run, ex) => `${await step(run, ex, 'a')}${await step(run, ex, 'new')}${await step(run, ex, 'b')}`,
      'desk/b',
      'desk/new',
    ],
    ['steps in another order', async (run, ex) => `${await step(run, ex, 'b')}${await step(run, ex, 'a')}`, 'desk/a', 'desk/b'],
    ['a step taken out', async (run, ex) => step(run, ex, 'b'), 'desk/a', 'desk/b'],
    ['a step that became a sleep', async (run) => run.sleep('a', 1), 'desk/a', 'desk/a'],
  ])('[R5] %s stops the run at the ask, both sides named, before anything executes', async (_, after, recorded, asked) => {
    const { outcome, executed } = await changed(inOrder, after)
    expect(outcome).toMatchObject(diverged(recorded, asked))
    expect(executed).toEqual([])
  })

  it('[R5] a step asked with another input than recorded stops the run, and never answers with the stale result', async () => {
    const { outcome, executed } = await changed(inOrder, async (run, ex) => `${await step(run, ex, 'a', 1)}${await step(run, ex, 'b')}`)
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED' } })
    expect(executed).toEqual([])
  })

  it('[R5] a flow that ends before its record does has diverged', async () => {
    const { outcome } = await changed(inOrder, async (run, ex) => step(run, ex, 'a'))
    expect(outcome).toMatchObject(diverged('desk/b', '(end of the flow)'))
  })

  it('[R5] a flow that waits for something else than its record goes on with has diverged, naming what it waits for', async () => {
    const inner = flow('inner', async (_: null, run) => run.step('x', () => 1))
    const before: Body = async (run, ex) => [await run.call(inner, null), await step(run, ex, 'b')]
    const longer = flow('inner', async (_: null, run) => (await run.step('x', () => 1)) + (await run.step('y', () => 1)))
    const { outcome, executed } = await changed(before, async (run, ex) => [await run.call(longer, null), await step(run, ex, 'b')])
    expect(outcome).toMatchObject(diverged('desk/b', 'desk/inner/y'))
    expect(executed).toEqual([])
  })

  it('[R5] nothing executes while something that had begun is not asked for again', async () => {
    const held = new Promise(() => {})
    const branch = flow('branch', async (_: null, run) => run.step('pay', null, () => held, { effect: 'idempotent' }))
    const before: Body = async (run, ex) => Promise.race([run.call(branch, null), step(run, ex, 'quick')])
    const after: Body = async (run, ex) => `${await step(run, ex, 'quick')}${await step(run, ex, 'new')}`
    const moved: Body = async (run, ex) => [
      await run.call(
        flow('branch', async () => 1),
        null,
      ),
      await after(run, ex),
    ]
    const { outcome, executed, cut } = await changed(before, moved)
    expect(cut.entries.map(({ type }) => type)).toContain('step.started')
    expect(outcome).toMatchObject(diverged('desk/branch/pay', 'desk/new'))
    expect(executed).toEqual([])
  })

  it.each<[string, Body, Body]>([
    ['a step that had begun', async (run) => run.step('pay', null, () => 1, { effect: 'idempotent' }), async () => 'nothing'],
    ['a timer that was set', async (run) => run.sleep('nap', 5), async () => 'nothing'],
    ['a note', async (run) => run.note('here'), async () => 'nothing'],
  ])('[R5] %s and is no longer asked for stops the run', async (_, before, after) => {
    const { outcome } = await changed(before, after, ({ type }) => type !== 'step.completed' && type !== 'timer.fired' && type !== 'run.completed')
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED', data: { asked: '(end of the flow)' } } })
  })

  it('[R5] a scope where the record holds a step, and a step where it holds a scope, are found at the ask', async () => {
    const scope: Body = async (run) =>
      run.call(
        flow('same', async (_: null, inner) => inner.step('x', null, () => 1, { effect: 'idempotent' })),
        null,
      )
    const plain: Body = async (run) => run.step('same', null, () => 1, { effect: 'idempotent' })
    const items: Body = async (run) => run.map('same', [1], () => 1)
    const begun = ({ type }: Entry): boolean => type === 'run.started' || type === 'step.started'
    expect((await changed(scope, plain, begun)).outcome).toMatchObject(diverged('desk/same/x', 'desk/same'))
    expect((await changed(plain, scope, begun)).outcome).toMatchObject(diverged('desk/same', 'desk/same'))
    expect((await changed(plain, items, begun)).outcome).toMatchObject(diverged('desk/same', 'desk/same:0'))
    expect((await changed(items, plain, ({ type }) => type !== 'run.completed')).outcome).toMatchObject(diverged('desk/same:0', 'desk/same'))
  })

  it('[R5] a scope under another name is found when it is opened', async () => {
    const named =
      (name: string): Body =>
      async (run) =>
        run.call(
          flow('inner', async (_: null, inner) => inner.step('x', () => 1)),
          null,
          { name },
        )
    expect((await changed(named('old'), named('new'))).outcome).toMatchObject({ error: { code: 'JOURNAL_DIVERGED', data: { recorded: 'desk/old/x' } } })
  })

  it('[R5] the stop is in the journal, adds no step, and the run goes on with the code that it began with', async () => {
    const first = await changed(inOrder, async (run, ex) => step(run, ex, 'c'), until('desk/b'))
    expect(first.journal.entries.slice(first.cut.entries.length).map(({ type }) => type)).toEqual(['run.resumed', 'run.suspended'])
    expect(first.journal.entries.at(-1)).toMatchObject({ why: 'diverged', error: { code: 'JOURNAL_DIVERGED' } })
    const executed: string[] = []
    const again = await resumeRun(await seedJournal(first.journal), desk(inOrder, executed), first.journal.run)
    expect(again.outcome).toMatchObject({ status: 'completed', output: 'ab' })
    expect(executed).toEqual(['b'])
  })

  it('[R5] work added after all that is recorded is not a divergence', async () => {
    const { outcome, executed } = await changed(inOrder, async (run, ex) => `${await inOrder(run, ex)}${await step(run, ex, 'c')}`)
    expect(outcome).toMatchObject({ status: 'completed', output: 'abc' })
    expect(executed).toEqual(['c'])
  })

  it('[D1] an ended run executes nothing: what is added to its code is a divergence', async () => {
    const { journal } = await startRun(memoryStore(), desk(inOrder, []), null)
    const executed: string[] = []
    const longer = desk(async (run, ex) => `${await inOrder(run, ex)}${await step(run, ex, 'c')}`, executed)
    const store = await seedJournal(journal)
    await expect(replayRun(store, journal.run, longer)).rejects.toMatchObject({
      code: 'JOURNAL_DIVERGED',
      data: { recorded: '(end of the run)', asked: 'desk/c' },
    })
    expect(executed).toEqual([])
  }, 10_000)

  it('[R5] a wait under another name stops the run, and an early answer stays for the code that asks for it', async () => {
    const Other = signal('other', z.null())
    const waits: Body = async (run) => run.wait(Go, { timeout: 20, onTimeout: 'late' })
    const { outcome } = await changed(
      waits,
      async (run) => run.wait(Other, { timeout: 20, onTimeout: 'late' }),
      ({ type }) => type !== 'timer.fired',
    )
    expect(outcome).toMatchObject(diverged('desk/go', 'desk/other'))
  })
})
