import { describe, expect, it } from 'vitest'
import { type Entry, memoryStore } from '../../journal/index.ts'
import { type BookOptions, book, compensations, failsWith } from '../../testing/booking.ts'
import { resumeRun, startRun } from '../../testing/driven-run.ts'
import { fromEveryPrefix } from '../../testing/every-prefix.ts'
import { journalOf, seedJournal } from '../../testing/failpoint-store.ts'
import { settled } from '../../testing/simulated-clock.ts'
import { lineOf, testEngine } from '../../testing/test-engine.ts'
import { type AnyFlow, flow, type Migration, type Run, replayRun } from '../index.ts'

type Body = (run: Run, world: string[]) => Promise<unknown>

const books =
  (...names: readonly string[]): Body =>
  async (run, world) => {
    for (const name of names) await book(run, world, name)
  }

/** A version of one flow: it does what `body` says, and then sleeps or fails. */
const version =
  (v: string, body: Body, end: 'sleeps' | 'fails' = 'sleeps', migration: Migration | true = true) =>
  (world: string[]): AnyFlow =>
    flow('trip', { version: v, migrations: v === '1' ? {} : v === '2' ? { '1': migration } : { '1': migration, '2': true } }, async (_: null, run) => {
      await body(run, world)
      if (end === 'fails') run.fail('no room')
      await run.sleep('long', '1d')
    }) as unknown as AnyFlow

/** A run of the first of them, carried over to one after the other. */
async function carried([first, ...versions]: readonly ReturnType<typeof version>[], o: { cancelled?: true } = {}) {
  const world: string[] = []
  const store = memoryStore()
  const { journal } = await startRun(store, first?.(world) as AnyFlow, null)
  if (o.cancelled) await store.post(journal.run, { id: 'c', type: 'cancel', reason: 'never mind' }, 0)
  world.length = 0
  let driven: Awaited<ReturnType<typeof resumeRun>> | undefined
  for (const each of versions) driven = await resumeRun(store, each(world), journal.run)
  return { store, world, run: journal.run, ...(driven as NonNullable<typeof driven>) }
}

const notUndone = (key: string, code = 'RUN_UNDO_MISSING') => ({ key, code })
const notesIn = (entries: readonly Entry[]): readonly string[] => entries.filter(({ type }) => type === 'note').map(lineOf)
const v1 = version('1', books('a', 'b'))

describe('a run that was carried over to another version, and ends otherwise than well', () => {
  it('[R8][R5] undoes what the version asks for, and names what it never asked for', async () => {
    const { world, outcome, journal, store, run } = await carried([v1, version('2', books('b'), 'fails')])
    expect(world).toEqual(['undo b b!'])
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', data: { notUndone: [notUndone('trip/a')] } } })
    expect(compensations(journal.entries)).toEqual(['step.compensated trip/b', 'step.compensated trip/a RUN_UNDO_MISSING final'])
    expect(notesIn(journal.entries)).toEqual([])
    await expect(replayRun(store, run, version('2', books('b'), 'fails')([]))).rejects.toMatchObject({ data: { notUndone: [notUndone('trip/a')] } })
  })

  it('[R8][R5] undoes them in the reverse order in which they were done, whatever the order in which the version asks', async () => {
    const { world, outcome } = await carried([v1, version('2', books('c', 'b', 'a'), 'fails')])
    expect(world).toEqual(['book c', 'undo c c!', 'undo b b!', 'undo a a!'])
    expect(outcome).not.toHaveProperty('error.data.notUndone')
  })

  it('[R8][R5] that was cancelled before the version came to ask for them names them all', async () => {
    const { world, outcome } = await carried([v1, version('2', books('c', 'a', 'b'))], { cancelled: true })
    expect(world).toEqual([])
    expect(outcome).toMatchObject({ status: 'cancelled', error: { data: { notUndone: [notUndone('trip/b'), notUndone('trip/a')] } } })
  })

  it('[R8][R5] undoes them once, by the name they have now, after two changes too', async () => {
    const renamed = { rename: { 'trip/a': 'trip/flight' } }
    const asFlight: Body = async (run, world) => {
      await book(run, world, 'b')
      await run.step('flight', 'a', () => 'a?', { undo: (output, input) => void world.push(`undo flight ${input} ${output}`) })
    }
    const { world, journal, outcome } = await carried([v1, version('2', asFlight, 'sleeps', renamed), version('3', asFlight, 'fails', renamed)])
    expect(world).toEqual(['undo b b!', 'undo flight a a!'])
    expect(compensations(journal.entries)).toEqual(['step.compensated trip/b', 'step.compensated trip/flight'])
    expect(outcome).not.toHaveProperty('error.data.notUndone')
  })

  it('[R8][R5] names what two changes left behind', async () => {
    const { world, outcome } = await carried([v1, version('2', books('b', 'c')), version('3', books('c', 'd'), 'fails')])
    expect(world).toEqual(['book c', 'book d', 'undo d d!', 'undo c c!'])
    expect(outcome).toMatchObject({ error: { data: { notUndone: [notUndone('trip/b'), notUndone('trip/a')] } } })
  })

  it('[R8][R5] undoes with its own input what is asked with another now, and never with that input what was done before: that is named apart', async () => {
    const other: Body = async (run, world) => {
      await run.step('a', 'other', (input) => world.push(`book ${input}`), { undo: (_, input) => void world.push(`undo ${input}`) })
    }
    const { world, outcome } = await carried([v1, version('2', other, 'fails')])
    expect(world).toEqual(['book other', 'undo other'])
    expect(outcome).toMatchObject({ error: { data: { notUndone: [notUndone('trip/b'), notUndone('trip/a~1')] } } })
    const failsAtOnce: Body = async (run, world) => {
      other(run, world).catch(() => {})
      run.fail('no room')
    }
    const early = await carried([v1, version('2', failsAtOnce)])
    expect(early.world).toEqual([])
    expect(early.outcome).toMatchObject({ error: { data: { notUndone: [notUndone('trip/b'), notUndone('trip/a~1')] } } })
  })

  it('[R8][R5] undoes once a step that may happen once and stands at another place now', async () => {
    const once =
      (o: BookOptions = {}): Body =>
      async (run, world) =>
        void (await book(run, world, 'a', { effect: 'once', ...o }))
    const within =
      (name: string): Body =>
      (run, world) =>
        run.call(
          flow(name, async (_: null, run) => once()(run, world)),
          null,
        )
    const { world, journal, outcome } = await carried([version('1', once()), version('2', within('x')), version('3', within('y'), 'fails')])
    expect(world).toEqual(['undo a a!'])
    expect(compensations(journal.entries)).toEqual(['step.compensated trip/y/a'])
    expect(outcome).not.toHaveProperty('error.data.notUndone')
  })

  it('[R8][R5] names what the version takes over and has no undo for, and undoes what had none before', async () => {
    const withUndo =
      (undo: boolean): Body =>
      async (run, world) => {
        await book(run, world, 'a', undo ? {} : { undo: undefined })
        await book(run, world, 'b', undo ? { undo: undefined } : {})
      }
    const { world, outcome } = await carried([version('1', withUndo(true)), version('2', withUndo(false), 'fails')])
    expect(world).toEqual(['undo b b!'])
    expect(outcome).toMatchObject({ error: { data: { notUndone: [notUndone('trip/a')] } } })
  })

  it('[R8][R5] names what a process took with it and the version never asks for', async () => {
    const hangs: Body = async (run, world) => void (await book(run, world, 'a', {}, () => new Promise(() => {})))
    const first = testEngine([version('1', hangs)([])])
    const { id } = await first.start(version('1', hangs)([]) as never, null as never)
    await settled()
    const store = await seedJournal(await journalOf(first.store, id))
    const { outcome } = await resumeRun(store, version('2', books('b'), 'fails')([]), id)
    expect(outcome).toMatchObject({ error: { data: { notUndone: [notUndone('trip/a', 'RUN_UNDO_UNKNOWN')] } } })
  })

  it('[R8][R5][I8] names what may happen once only, is in doubt, and is cancelled before the version looks at it; so does its replay', async () => {
    const hangs: Body = async (run, world) => void (await book(run, world, 'a', { effect: 'once' }, () => new Promise(() => {})))
    const first = testEngine([version('1', hangs)([])])
    const { id } = await first.start(version('1', hangs)([]) as never, null as never)
    await settled()
    const store = await seedJournal(await journalOf(first.store, id))
    await store.post(id, { id: 'c', type: 'cancel', reason: 'never mind' }, 0)
    const v2 = version('2', hangs)([])
    const { outcome, journal } = await resumeRun(store, v2, id)
    expect(outcome).toMatchObject({ status: 'cancelled', error: { data: { notUndone: [notUndone('trip/a', 'RUN_UNDO_UNKNOWN')] } } })
    await expect(replayRun(store, id, v2)).rejects.toMatchObject({ code: 'RUN_CANCELLED', data: { notUndone: [notUndone('trip/a', 'RUN_UNDO_UNKNOWN')] } })
    for (let length = 4; length < journal.entries.length; length++) {
      const again = await resumeRun(await seedJournal(journal, length), v2, id)
      expect(again.outcome).toMatchObject({ status: 'cancelled', error: { data: { notUndone: [notUndone('trip/a', 'RUN_UNDO_UNKNOWN')] } } })
    }
  })

  it('[R8][R5] names all of it when the code diverges and the run is cancelled for it', async () => {
    const odd = (isOdd: boolean) => version('2', async (run, world) => void (await book(run, world, isOdd ? 'x' : 'b')))
    const { store, run } = await carried([v1, odd(false)])
    expect((await resumeRun(store, odd(true)([]), run)).outcome).toMatchObject({ error: { code: 'JOURNAL_DIVERGED' } })
    await store.post(run, { id: 'c', type: 'cancel', reason: 'never mind' }, 0)
    const { outcome } = await resumeRun(store, odd(true)([]), run)
    expect(outcome).toMatchObject({ status: 'cancelled', error: { data: { notUndone: [notUndone('trip/b'), notUndone('trip/a')] } } })
  })

  it('[R8][R5] ends the same way from every prefix of its journal, and undoes nothing twice that is recorded as undone', async () => {
    const v2 = version('2', books('c', 'b'), 'fails')
    const { journal } = await carried([v1, v2])
    const begun = journal.entries.findIndex(({ type }) => type === 'run.patched')
    const world: string[] = []
    const starts: number[] = []
    const gone = await fromEveryPrefix(journal, v2(world), () => {
      starts.push(world.length)
      return {}
    })
    const whole = gone.flatMap((each, i) => (each.left.length > begun ? [{ ...each, i }] : []))
    for (const { i, left, outcome, journal: after } of whole) {
      expect(outcome).toMatchObject({ error: { code: 'RUN_FAILED', data: { notUndone: [notUndone('trip/a')] } } })
      const words = ['step.compensated trip/c', 'step.compensated trip/b', 'step.compensated trip/a RUN_UNDO_MISSING final']
      expect(compensations(after.entries)).toEqual(words)
      const undone = world.slice(starts[i], starts[i + 1]).filter((line) => line.startsWith('undo'))
      expect(undone).toEqual(['undo c c!', 'undo b b!'].slice(compensations(left).length))
    }
    expect(whole.length).toBeGreaterThan(6)
  })

  it('[R8][R5] notes what was left behind and had no undo', async () => {
    const v1 = version('1', async (run) => run.step('a', () => 1, { effect: 'once' }))
    const { journal } = await carried([v1, version('2', async (run) => void (await run.step('b', failsWith('no'))))])
    expect(notesIn(journal.entries)).toEqual(['note trip/a'])
  })

  it('[R8][D2][I8] that is forked with code that asks for what was left behind again does it not once more: it is taken over', async () => {
    const both: Body = async (run, world) => {
      await book(run, world, 'a', { effect: 'once' })
      await run.step('paid', () => world.push('paid'), { effect: 'once' })
    }
    const { store, run, world } = await carried([version('1', both), version('2', books(), 'fails')])
    const { engine, handle } = testEngine([], { store })
    await engine.fork(run, version('3', both)(world), {}).then((fork) => handle(fork).outcome())
    expect(world).toEqual([])
  })
})
