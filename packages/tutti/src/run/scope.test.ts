import { describe, expect, it } from 'vitest'
import { testEngine } from '../testing/test-engine.ts'
import { type Flow, flow, type Run } from './index.ts'

const inner = flow('inner', async (_: null, run) => run.step('x', () => 1))
const codeOf = (work: () => unknown): Promise<string> =>
  (async () => work())().then(
    () => 'allowed',
    (error: { code?: string }) => error.code ?? String(error),
  )

/** What each use of a run answers, where it does not belong. */
const uses: Readonly<Record<string, (run: Run) => unknown>> = {
  step: (run) => run.step('y', () => 1),
  call: (run) => run.call(inner, null),
  map: (run) => run.map('m', [1], (n) => n),
  all: (run) => run.all([]),
  sleep: (run) => run.sleep('z', 1),
  emit: (run) => run.emit('e', 1),
  note: (run) => run.note('n'),
  random: (run) => run.random(),
  uuid: (run) => run.uuid(),
  now: (run) => run.now(),
}
const all = (misuse: (use: (run: Run) => unknown, run: Run) => Promise<string>): Flow<null, [string, string][]> =>
  flow('desk', async (_: null, run) => {
    const answers: [string, string][] = []
    for (const [name, use] of Object.entries(uses)) answers.push([name, await misuse(use, run)])
    return answers
  })
const refused = Object.keys(uses).map((name) => [name, 'RUN_SCOPE_MISUSED'])

describe('a run belongs to its scope', () => {
  it('[R5] no run may be used inside a step', async () => {
    const desk = all((use, run) => run.step('inside', () => codeOf(() => use(run))))
    expect((await (await testEngine([desk]).start(desk, null)).result()).output).toEqual(refused)
  })

  it('[R5] the run of the parent may not be used in a call', async () => {
    const desk = all((use, run) =>
      run.call(
        flow('child', async (_: null) => codeOf(() => use(run))),
        null,
      ),
    )
    expect((await (await testEngine([desk]).start(desk, null)).result()).output).toEqual(refused)
  })

  it('[R5] the run of a call may not be used after the call, nor beside it', async () => {
    const desk = all(async (use, run) => {
      const kept = await new Promise<Run>(
        (resolve) =>
          void run.call(
            flow('child', async (_: null, own) => resolve(own)),
            null,
          ),
      )
      const beside = codeOf(() => use(kept))
      return (await beside) === (await codeOf(() => use(kept))) ? beside : 'differs'
    })
    expect((await (await testEngine([desk]).start(desk, null)).result()).output).toEqual(refused)
  })

  it('[R5] the run of one item of a map may not be used in another', async () => {
    const desk = flow('desk', async (_: null, run) => {
      const runs: Run[] = []
      const item = flow('item', async (n: number, own) => {
        runs.push(own)
        await own.step('meet', () => 1)
        return codeOf(() => (runs[1 - n] as Run).step('y', () => 1))
      })
      return run.map('m', [0, 1], item)
    })
    expect((await (await testEngine([desk]).start(desk, null)).result()).output).toEqual(['RUN_SCOPE_MISUSED', 'RUN_SCOPE_MISUSED'])
  })

  it('[R5] the run of a flow may not be used after the flow has ended', async () => {
    let kept: Run | undefined
    const desk = flow('desk', async (_: null, run) => {
      kept = run
      return 1
    })
    await (await testEngine([desk]).start(desk, null)).result()
    for (const use of Object.values(uses)) expect(await codeOf(() => use(kept as Run))).toBe('RUN_SCOPE_MISUSED')
  })

  it('[R5] closures of one flow that run beside one another share its run', async () => {
    const desk = flow('desk', async (_: null, run) => {
      const branch = async (n: number): Promise<number> => (await run.step('first', n, (x) => x)) + (await run.step('second', n, (x) => x))
      return Promise.all([branch(1), branch(10)])
    })
    expect((await (await testEngine([desk]).start(desk, null)).result()).output).toEqual([2, 20])
  })
})
