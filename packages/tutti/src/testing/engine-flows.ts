/** The flows of the engine conformance suite, beside those of the crash tests: each for a failure that an engine has to stand. */
import { type Flow, flow, type Run, type StepContext, signal } from '../run/index.ts'
import { later, resultOf } from './crash-flow.ts'
import { textSchema } from './flat-schema.ts'
import { flowOfAll, type World as RandomWorld } from './random-flow.ts'
import { type Node, randomProgram } from './random-program.ts'
import type { World } from './world.ts'

const Go = signal('go', textSchema)

/** What code of another day does otherwise. */
export const twists = ['rename', 'reorder', 'insert', 'input'] as const
export type Twist = (typeof twists)[number]

export interface FlowChoice {
  readonly world: World
  /** The first of the random programs. */
  readonly seed: number
  /** The code has changed: each twist has happened. */
  readonly twisted?: boolean | undefined
  /** Of the flow `aged`. Default '1'. */
  readonly version?: string | undefined
  /** That version says how runs of '1' are carried over. */
  readonly carries?: boolean | undefined
  /** This process stops itself while it carries out the step `b` of `slow`. */
  readonly stops?: boolean | undefined
}

export const WORDS = 'one two three four five six seven eight nine ten eleven twelve'.split(/(?= )/)
const WORD_MS = 60
/** Every other random program has no races: what it gives is known beforehand. */
export const RANDOM_PROGRAMS = 12
export const isRaceFree = (n: number): boolean => n % 2 === 0
const programsFrom = (seed: number): readonly Node[] =>
  Array.from({ length: RANDOM_PROGRAMS }, (_, n) => randomProgram(seed * 31 + n, { races: !isRaceFree(n) }))
/** Text that one step of `bulk` records. */
export const BULK_CHARS = 10_000

export function engineFlows(choice: FlowChoice): readonly Flow<number, string>[] {
  const { world, seed, version = '1', carries } = choice
  const work = async (run: Run, { idempotencyKey: key, attempt }: StepContext, ms = 2): Promise<string> => {
    world.executed({ run: run.id, key, attempt, sort: 'plain' })
    await later(ms)
    return resultOf(key)
  }
  const step = (run: Run, name: string, input: number | string = 0): Promise<string> => run.step(name, input, (_, ctx) => work(run, ctx))

  const bends = twists.map((twist) => flow(`bend-${twist}`, async (_: number, run) => bent(run, twist, choice.twisted === true, step)))
  const aged = flow('aged', { version, ...(carries && { migrations: { '1': true } }) }, async (_: number, run) => {
    const first = await step(run, 'first')
    return `${first} ${await run.wait(Go)} ${await step(run, 'last')} by ${version}`
  })
  const slow = flow('slow', async (_: number, run) => {
    const parts: string[] = []
    for (const name of ['a', 'b', 'c', 'd'])
      parts.push(
        await run.step(
          name,
          async (ctx) => {
            const result = await work(run, ctx, 30)
            if (name === 'b' && choice.stops) process.kill(process.pid, 'SIGSTOP')
            return result
          },
          { effect: 'idempotent' },
        ),
      )
    return parts.join(' ')
  })
  const asks = flow('asks', async (_: number, run) => {
    const first = await run.wait(Go)
    const second = await run.wait(Go, { timeout: 1_000, onTimeout: 'too late' })
    return `${first}, ${second}`
  })
  const books = flow('books', async (count: number, run) => {
    const undo = async (_output: string, _input: number, ctx: StepContext): Promise<void> => void (await work(run, ctx))
    for (let n = 0; n < count; n++) await run.step('book', n, (_, ctx) => work(run, ctx, 15), { effect: 'idempotent', undo })
    return run.wait(Go)
  })
  const sleeps = flow('sleeps', async (days: number, run) => {
    await run.sleep('long', days === 0 ? 400 : `${days}d`)
    return step(run, 'awake')
  })
  const bulk = flow('bulk', async (count: number, run) => {
    const parts = await run.map('m', [...Array(count).keys()], (n: number) => `${n}`.padEnd(BULK_CHARS, 'x'), { concurrency: 100 })
    return `${await run.wait(Go)} ${parts.reduce((sum, part) => sum + part.length, 0)}`
  })
  const says = flow('says', async (_: number, run) => spoken(run, world))
  const random = flowOfAll(programsFrom(seed), (run) => fileWorld(world, run))
  return [...bends, aged, slow, asks, books, sleeps, bulk, says, random]
}

/** Four flows, each with one change: a step renamed, two in another order, one put in between, another input. */
async function bent(run: Run, twist: Twist, isTwisted: boolean, step: (run: Run, name: string, input?: string) => Promise<string>): Promise<string> {
  const is = (one: Twist): boolean => isTwisted && twist === one
  const first = await step(run, is('rename') ? 'look' : 'search', is('input') ? 'b' : 'a')
  if (is('insert')) await step(run, 'between')
  const pair = is('reorder') ? ['right', 'left'] : ['left', 'right']
  const both = [await step(run, pair[0] as string), await step(run, pair[1] as string)]
  return `${first} ${both.join(' ')} ${await run.wait(Go)} ${await step(run, 'after')}`
}

/** Says its words one after the other, as a model does. */
const spoken = (run: Run, world: World): Promise<string> =>
  run['~core'].ask<string>({
    ...{ name: 'answer', kind: 'model', effect: 'idempotent', fingerprint: 'f' },
    plan: () => ({
      execute: async (ctx) => {
        world.executed({ run: run.id, key: ctx.idempotencyKey, attempt: ctx.attempt, sort: 'plain' })
        for (const text of WORDS) {
          ctx.stream({ type: 'text', text })
          await later(WORD_MS)
        }
        return { value: WORDS.join('') }
      },
    }),
  })

/** A random program in a world that outlives processes: a result depends on the key alone. */
const fileWorld = (world: World, run: string): RandomWorld => ({
  executed: [],
  async work({ throws }, { idempotencyKey: key, attempt }) {
    world.executed({ run, key, attempt, sort: 'plain' })
    await later(1 + (key.charCodeAt(0) % 6))
    if (attempt <= throws) throw new Error('by design')
    return resultOf(key)
  },
})
