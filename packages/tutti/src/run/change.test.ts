import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Entry, memoryStore } from '../journal/index.ts'
import { resumeRun, startRun } from '../testing/driven-run.ts'
import { seedJournal } from '../testing/failpoint-store.ts'
import { flowOf, randomWorld } from '../testing/random-flow.ts'
import { randomProgram } from '../testing/random-program.ts'
import { type AnyFlow, flow, type Run, replayRun } from './index.ts'

const step = (run: Run, name: string, seen: string[] = []): Promise<string> =>
  run.step(name, () => {
    seen.push(name)
    return name
  })
type Body = (run: Run, seen: string[]) => Promise<string>
const desk = (body: Body, seen: string[] = []): AnyFlow => flow('desk', (_: null, run) => body(run, seen))

const before: Body = async (run, seen) => `${await step(run, 'a', seen)}${await step(run, 'old', seen)}${await step(run, 'z', seen)}`
const after: Body = async (run, seen) => {
  const first = await step(run, 'a', seen)
  const middle = run.changed('faster') ? `${await step(run, 'new', seen)}${await step(run, 'newer', seen)}` : await step(run, 'old', seen)
  return `${first}${middle}${await step(run, 'z', seen)}`
}

/** Resumes the journal of a run of `begun` from each of its prefixes with `patched`; answers what came of each. */
async function fromEachPrefix(begun: Body, patched: Body): Promise<{ prefix: readonly Entry[]; output: unknown; entries: readonly Entry[]; seen: string[] }[]> {
  const { journal } = await startRun(memoryStore(), desk(begun), null)
  const all = []
  for (let length = 1; length < journal.entries.length; length++) {
    const seen: string[] = []
    const store = await seedJournal(journal, length)
    const { outcome, journal: now } = await resumeRun(store, desk(patched, seen), journal.run, { patienceMs: 50 })
    expect(outcome).toMatchObject({ status: 'completed' })
    const output = outcome.status === 'completed' && outcome.output
    expect((await replayRun(store, journal.run, desk(patched))).output).toBe(output)
    all.push({ prefix: journal.entries.slice(0, length), output, entries: now.entries, seen })
  }
  return all
}
const holds = (entries: readonly Entry[], key: string): boolean => entries.some((entry) => 'key' in entry && entry.key === key)
const marks = (entries: readonly Entry[]): string[] => entries.flatMap((entry) => (entry.type === 'run.patched' ? [`${entry.scope ?? ''} ${entry.id}`] : []))

describe('code that was put in later', () => {
  it('[R5] a run that went past the place goes the old way, one that had not got there goes the new one, and says so', async () => {
    for (const { prefix, output, entries } of await fromEachPrefix(before, after)) {
      const hasPassed = holds(prefix, 'desk/old')
      expect(output).toBe(hasPassed ? 'aoldz' : 'anewnewerz')
      expect(marks(entries)).toEqual(hasPassed ? [] : [' faster'])
    }
  })

  it('[R5] a run that began with the new code goes the new way wherever it is cut, and marks it once, before what depends on it', async () => {
    for (const { output, entries } of await fromEachPrefix(after, after)) {
      expect(output).toBe('anewnewerz')
      expect(marks(entries)).toEqual([' faster'])
      const places = entries.map((entry) => (entry.type === 'run.patched' ? 'mark' : 'key' in entry ? entry.key : entry.type))
      expect(places.indexOf('mark')).toBeLessThan(places.indexOf('desk/new'))
    }
  })

  it('[R5] a place at the end of a flow, or of a part of one, is passed when the record goes on after it', async () => {
    const part = (body: Body, seen: string[]) => flow('part', (_: null, run) => body(run, seen))
    const old: Body = async (run, seen) =>
      `${await run.call(
        part((inner) => step(inner, 'a', seen), seen),
        null,
      )}${await step(run, 'z', seen)}`
    const now: Body = async (run, seen) => {
      const inside = await run.call(
        part(async (inner) => `${await step(inner, 'a', seen)}${inner.changed('more') ? await step(inner, 'new', seen) : ''}`, seen),
        null,
      )
      return `${inside}${await step(run, 'z', seen)}${run.changed('end') ? '!' : ''}`
    }
    const outputs = (await fromEachPrefix(old, now)).map(({ prefix, output, entries }) => [holds(prefix, 'desk/z'), output, marks(entries)])
    expect(outputs).toEqual([
      [false, 'anewz!', ['desk/part more', ' end']],
      [false, 'anewz!', ['desk/part more', ' end']],
      [true, 'az!', [' end']],
    ])
    const { journal } = await startRun(memoryStore(), desk(old), null)
    expect((await replayRun(await seedJournal(journal), journal.run, desk(now))).output).toBe('az')
  })

  it('[R5] an item of a map whose successors are recorded is past it; each item answers for itself', async () => {
    const items =
      (each: Body): Body =>
      async (run, seen) =>
        (
          await run.map(
            'm',
            [0, 1, 2],
            flow('item', (_: number, inner) => each(inner, seen)),
            { concurrency: 1 },
          )
        ).join()
    const all = await fromEachPrefix(
      items((inner, seen) => step(inner, 'a', seen)),
      items(async (inner, seen) => `${await step(inner, 'a', seen)}${inner.changed('more') ? await step(inner, 'b', seen) : ''}`),
    )
    expect(all.map(({ output }) => output)).toEqual(['ab,ab,ab', 'ab,ab,ab', 'a,ab,ab', 'a,a,ab'])
  })

  it('[R5] an id answers once in a scope, a mark that nobody asks for any more is no divergence, and no other name is taken', async () => {
    const twice: Body = async (run, seen) => {
      const first = run.changed('x')
      return `${first}${await step(run, 'a', seen)}${run.changed('x')}`
    }
    expect((await fromEachPrefix((run, seen) => step(run, 'a', seen), twice)).map(({ output }) => output)).toEqual(['trueatrue', 'falseafalse'])
    const removed: Body = async (run, seen) =>
      `${await step(run, 'a', seen)}${await step(run, 'new', seen)}${await step(run, 'newer', seen)}${await step(run, 'z', seen)}`
    expect(new Set((await fromEachPrefix(after, removed)).map(({ output }) => output))).toEqual(new Set(['anewnewerz']))
    const { outcome } = await startRun(
      memoryStore(),
      desk(async (run) => `${run.changed('a/b')}`),
      null,
    )
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'CONFIG_INVALID' } })
  })

  it('[R5] put anywhere into any flow, it never diverges: what went past finishes as it began, and what began with it stays with it', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), fc.nat(4), fc.double({ min: 0, max: 1, noNaN: true }), async (shape, place, cut) => {
        const parts = [randomProgram(shape), randomProgram(shape + 1), randomProgram(shape + 2)].slice(0, 1 + (shape % 3))
        const part = (i: number, world: ReturnType<typeof randomWorld>): AnyFlow => ({ ...flowOf(parts[i] as never, world), name: `part${i}` }) as AnyFlow
        const made =
          (isPatched: boolean, seed: number): Body =>
          async (run) => {
            const world = randomWorld(seed)
            const outputs: string[] = []
            for (let i = 0; i <= parts.length; i++) {
              if (isPatched && i === place % (parts.length + 1) && run.changed('x')) outputs.push(await step(run, 'new'))
              if (i < parts.length) outputs.push(String(await run.call(part(i, world) as never, null as never)))
            }
            return outputs.join('|')
          }
        for (const begunPatched of [false, true]) {
          const { journal } = await startRun(memoryStore(), desk(made(begunPatched, shape)), null)
          const length = 1 + Math.floor(cut * (journal.entries.length - 2))
          const store = await seedJournal(journal, length)
          const { outcome, journal: now } = await resumeRun(store, desk(made(true, shape + 7)), journal.run, { patienceMs: 500 })
          expect(outcome).toMatchObject({ status: 'completed' })
          const hasPassed =
            !begunPatched &&
            journal.entries
              .slice(0, length)
              .some((entry) => 'at' in entry && Array.isArray(entry.at) && Number(entry.at[0] ?? -1) >= place % (parts.length + 1))
          expect(holds(now.entries, 'desk/new')).toBe(!hasPassed)
          const { output } = outcome as { output: unknown }
          expect((await replayRun(store, journal.run, desk(made(true, shape + 9)))).output).toBe(output)
        }
      }),
      { numRuns: 40 },
    ))
})
