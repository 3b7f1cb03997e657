/** What becomes of a run that waits for three days when the code is deployed anew meanwhile: each deploy is an app of its own over one store file. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { type AnyFlow, type App, agent, flow, type Run, type RunHandle, signal } from '../../src/index.ts'
import { type Entry, type SqliteStore, sqliteStore } from '../../src/journal/index.ts'
import { gateway } from '../../src/model/index.ts'
import { scripted } from '../../src/testing/index.ts'
import { type SimulatedClock, simulatedClock } from '../../src/testing/simulated-clock.ts'
import { appOn } from '../../src/tutti.ts'

const Approval = signal('approval', z.object({ ok: z.boolean() }))
const THREE_DAYS = '3d'

/** One store file and one clock; every deploy closes the app before it. */
class Site {
  readonly clock: SimulatedClock = simulatedClock()
  readonly #file: string
  #app: App | undefined
  #store: SqliteStore | undefined

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-deploy-'))
    this.#file = join(folder, 'tutti.db')
    onTestFinished(async () => {
      await this.#app?.close({ graceMs: 0 })
      rmSync(folder, { recursive: true })
    })
  }

  async deploy(...flows: AnyFlow[]): Promise<App> {
    await this.#app?.close()
    const store = sqliteStore(this.#file)
    const app = appOn({ flows }, { store, gateway: gateway({ env: {}, cwd: tmpdir() }), clock: this.clock })
    this.#app = app
    this.#store = store
    return app
  }

  async entries(run: string): Promise<Entry[]> {
    const entries: Entry[] = []
    for await (const entry of (this.#store as SqliteStore).read(run as never)) entries.push(entry)
    return entries
  }
}

/** The first app of a site starts a run of `desk` and leaves it at rest; three days pass while nothing runs. */
async function threeDaysLater(desk: AnyFlow): Promise<{ site: Site; id: string; deploy: (...flows: AnyFlow[]) => Promise<RunHandle<unknown>> }> {
  const site = new Site()
  const app = await site.deploy(desk)
  const handle = await app.start(desk as never, null as never, { id: 'run_desk' })
  expect((await handle.outcome()).status).toBe('waiting')
  await app.close()
  await site.clock.advance(THREE_DAYS)
  const deploy = async (...flows: AnyFlow[]): Promise<RunHandle<unknown>> => {
    const next = await site.deploy(...flows)
    const found = await next.get(handle.id)
    if (!found) throw new Error('the run is gone')
    return found
  }
  return { site, id: handle.id, deploy }
}

const done: string[] = []
const step = (run: Run, name: string): Promise<string> =>
  run.step(name, name, () => {
    done.push(name)
    return name
  })
type Body = (run: Run) => Promise<unknown>
const desk = (body: Body, version = '1'): AnyFlow => flow('desk', { version }, (_: unknown, run) => body(run))
const wait = (run: Run): Promise<unknown> => run.wait(Approval, { timeout: THREE_DAYS, onTimeout: 'nobody' })

/** Two steps, three days, two steps. */
const asItWas: Body = async (run) => [await step(run, 'plan'), await step(run, 'price'), await wait(run), await step(run, 'write'), await step(run, 'publish')]

describe('a run that waits for three days', () => {
  it('[R5] goes on under other instructions, another model and other limits: what is recorded stands, and the journal says what is other', async () => {
    const writing = (o: { instructions: string; answers: readonly string[]; id: string; turns: number }): { desk: AnyFlow; asked: () => number } => {
      const model = scripted(o.answers, { id: o.id })
      const writer = agent({ name: 'writer', instructions: o.instructions, model, limits: { turns: o.turns } })
      const made = desk(async (run) => `${await run.call(writer, 'A plan')} | ${await wait(run)} | ${await run.call(writer, 'A text')}`)
      return { desk: made, asked: () => model.calls.length }
    }
    const first = writing({ instructions: 'Write well.', answers: ['the plan'], id: 'small', turns: 4 })
    const { site, id, deploy } = await threeDaysLater(first.desk)
    const second = writing({ instructions: 'Write briefly.', answers: ['the text'], id: 'large', turns: 9 })
    const handle = await deploy(second.desk)
    expect((await handle.result()).output).toBe('the plan | nobody | the text')
    expect([first.asked(), second.asked()]).toEqual([1, 1])
    const notes = (await site.entries(id)).filter((entry) => entry.type === 'note')
    expect(notes).toMatchObject([{ key: expect.stringMatching(/^desk\/writer\//), text: expect.stringContaining('other instructions, another model') }])
  })

  it.each<[string, Body, string, string]>([
    ['reordered', async (run) => [await step(run, 'price'), await step(run, 'plan'), await wait(run), await step(run, 'write')], 'desk/plan', 'desk/price'],
    ['renamed', async (run) => [await step(run, 'plan'), await step(run, 'cost'), await wait(run), await step(run, 'write')], 'desk/price', 'desk/cost'],
    [
      'inserted',
      async (run) => [await step(run, 'plan'), await step(run, 'check'), await step(run, 'price'), await wait(run), await step(run, 'write')],
      'desk/price',
      'desk/check',
    ],
    ['taken out', async (run) => [await step(run, 'plan'), await wait(run), await step(run, 'write')], 'desk/price', 'desk/approval'],
  ])('[R5] stops when its steps were %s, both sides named, before anything executes; the code it began with goes on', async (_, body, recorded, asked) => {
    const { site, id, deploy } = await threeDaysLater(desk(asItWas))
    done.length = 0
    const handle = await deploy(desk(body))
    while ((await handle.outcome()).status === 'waiting') await new Promise(setImmediate)
    expect(await handle.outcome()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED', data: { recorded, asked } } })
    expect((await site.entries(id)).at(-1)).toMatchObject({ type: 'run.suspended', why: 'diverged' })
    expect(done).toEqual([])

    const before = await deploy(desk(asItWas))
    expect(await before.outcome()).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_DIVERGED' } })
    await before.resume()
    expect((await before.result()).output).toEqual(['plan', 'price', 'nobody', 'write', 'publish'])
    expect(done).toEqual(['write', 'publish'])
  })

  it('[R5] is left alone by a deploy of another version, which lists it; registered beside it, the version it began with goes on', async () => {
    const { site, id, deploy } = await threeDaysLater(desk(asItWas))
    done.length = 0
    const newer = desk(async (run) => step(run, 'anything'), '2')
    const app = await site.deploy(newer)
    await expect(app.resume(id)).rejects.toMatchObject({
      code: 'RUN_VERSION_MISMATCH',
      data: { recorded: '1', registered: ['2'] },
      hint: expect.stringContaining('Register version 1 beside it'),
    })
    expect(await app.stranded()).toEqual([
      { id, flow: 'desk', version: '1', status: 'waiting', startedAt: new Date(Date.UTC(2026, 0, 1)), labels: {}, registered: ['2'] },
    ])
    const other = await site.deploy(flow('other', async () => 1))
    await expect(other.resume(id)).rejects.toMatchObject({ code: 'CONFIG_FLOW_UNKNOWN', hint: expect.stringContaining("Add 'desk', version 1") })
    expect(await other.stranded()).toMatchObject([{ id, registered: [] }])
    expect((await site.entries(id)).at(-1)).toMatchObject({ type: 'run.suspended', why: 'drain' })
    expect(done).toEqual([])

    const handle = await deploy(newer, desk(asItWas))
    expect((await handle.result()).output).toEqual(['plan', 'price', 'nobody', 'write', 'publish'])
    expect(await (await site.deploy(newer, desk(asItWas))).stranded()).toEqual([])
  })

  it('[R5] goes the old way where it went past a change, and the new way where it had not got there', async () => {
    const patched: Body = async (run) => {
      const price = run.changed('better-price') ? await step(run, 'cost') : await step(run, 'price')
      const answer = [await step(run, 'plan'), price, await wait(run)]
      return [...answer, run.changed('better-text') ? await step(run, 'draft') : await step(run, 'write')]
    }
    const before: Body = async (run) => {
      const price = await step(run, 'price')
      return [await step(run, 'plan'), price, await wait(run), await step(run, 'write')]
    }
    const { deploy } = await threeDaysLater(desk(before))
    const handle = await deploy(desk(patched))
    expect((await handle.result()).output).toEqual(['plan', 'price', 'nobody', 'draft'])
  })
})
