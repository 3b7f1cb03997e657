import { expect, test } from 'vitest'
import { memoryStore } from '../journal/index.ts'
import { EmbeddedEngine, EmbeddedHandle, flow } from '../run/index.ts'
import { bound } from '../testing/failpoint-store.ts'
import { drive } from './drive.ts'
import { exitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

/** A terminal whose Ctrl-C is a function. */
function terminalOf(): { terminal: Terminal; interrupt: () => void; exits: number[]; said: () => string } {
  const exits: number[] = []
  let text = ''
  let interrupt = (): void => {}
  const output = { write: (more: string) => (text += more) }
  const terminal = {
    out: output,
    err: output,
    cwd: '/',
    env: {},
    readInput: () => Promise.resolve(''),
    onInterrupt: (interrupted: () => void) => {
      interrupt = interrupted
      return () => (interrupt = () => {})
    },
    exit: (code: number) => void exits.push(code),
  } as unknown as Terminal
  return { terminal, interrupt: () => interrupt(), exits, said: () => text }
}

const begun = Promise.withResolvers<void>()
const endless = flow('endless', (_: null, run) =>
  run.step('for ever', () => {
    begun.resolve()
    return new Promise<number>(() => {})
  }),
)
const short = flow('short', (n: number, run) => run.step('add', n, (n) => n + 1))

test('[O5] a run is watched to its end, and the picture holds what its journal holds', async () => {
  const { terminal, said } = terminalOf()
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [short], resume: false })
  const run = await engine.start(short, 1)
  const { outcome, picture, interrupted } = await drive<number>(engine, run, terminal)
  expect(outcome).toMatchObject({ status: 'completed', output: 2 })
  expect(picture).toMatchObject({ run, status: 'completed' })
  expect(picture.step('short/add')).toMatchObject({ state: 'done' })
  expect({ interrupted, lines: said().split('\n').length }).toEqual({ interrupted: false, lines: 3 })
})

test('[R7] the first Ctrl-C leaves the run to be resumed; the second ends the process at once', async () => {
  const { terminal, interrupt, exits, said } = terminalOf()
  const engine = new EmbeddedEngine({ store: memoryStore(), flows: [endless], resume: false })
  const driven = drive(engine, await engine.start(endless, null), terminal)
  await begun.promise
  await new Promise((resolve) => setImmediate(resolve))
  interrupt()
  expect(exits).toEqual([])
  expect(said()).toContain('Ctrl-C again')
  interrupt()
  expect(exits).toEqual([exitCode.interrupted])
  const { interrupted, picture } = await driven
  expect({ interrupted, ended: picture.ended }).toEqual({ interrupted: true, ended: false })
})

test('[O5] a run that ended elsewhere between two looks is shown to its end, though nobody told of it', async () => {
  const { terminal } = terminalOf()
  const store = memoryStore()
  const may = Promise.withResolvers<void>()
  const gated = flow('gated', (n: number, run) =>
    run.step('add', n, async (n) => {
      await may.promise
      return n + 1
    }),
  )
  const worker = new EmbeddedEngine({ store, flows: [gated], resume: false })
  const run = await worker.start(gated, 1)
  const untold = {
    ...bound(store),
    watch: () => () => {},
    head: async (of: typeof run) => {
      may.resolve()
      await new EmbeddedHandle(worker, run).outcome()
      return store.head(of)
    },
  }
  const { outcome, picture } = await drive<number>(new EmbeddedEngine({ store: untold, flows: [], resume: false }), run, terminal)
  expect(outcome).toMatchObject({ status: 'completed', output: 2 })
  expect(picture).toMatchObject({ status: 'completed' })
  expect(picture.step('gated/add')).toMatchObject({ state: 'done' })
})
