import { setTimeout as later } from 'node:timers/promises'
import { type PostgresStore, postgres } from '@tutti/postgres'
import { flow, type RunEvent, tutti } from 'tutti'
import type { Entry, Json, PartReader, RunId, ShownPart } from 'tutti/store'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { missingPostgres, type PostgresServer, startPostgres } from './postgres-server.ts'

const missing = missingPostgres()
const run = 'run_a' as RunId
const text = (said: string): Json => ({ type: 'text', text: said })
const shown = (said: string, over: Partial<ShownPart> = {}): ShownPart => ({ key: 'k', activation: 1, attempt: 1, after: 1, part: text(said), ...over })

/** Says these words, each after a while; the first attempts fail after as many words as they are given. */
const says = (words: readonly string[], fails: readonly number[] = [], pauseMs = 15) =>
  flow('says', async (_: null, own) =>
    own['~core'].ask<string>({
      ...{ name: 'w', kind: 'model', effect: 'idempotent', fingerprint: 'f' },
      retry: (_error, attempt) => (attempt <= fails.length ? { afterMs: 0 } : undefined),
      plan: (attempt) => ({
        execute: async (ctx) => {
          for (const [i, word] of words.entries()) {
            if (i === fails[attempt - 1]) throw new Error('cut off')
            ctx.stream({ type: 'text', text: word })
            await later(pauseMs)
          }
          return { value: words.join('') }
        },
      }),
    }),
  )

const told = (event: RunEvent): string => (event.type === 'text.delta' ? event.text : event.type === 'text.reset' ? '<reset>' : `[${event.type}]`)

describe.skipIf(missing)(`[S5] parts of steps in Postgres${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  let server: PostgresServer
  let made = 0
  const open: { close(): Promise<unknown> }[] = []
  const closed = <T extends { close(): Promise<unknown> }>(one: T): T => {
    open.push(one)
    return one
  }
  const store = (): PostgresStore => postgres(server.url, { schema: `tutti_${made}` })
  beforeAll(async () => {
    server = await startPostgres({ fsync: 'off' })
  }, 60_000)
  afterAll(() => server?.stop())
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()))
    await server.drop(`tutti_${made++}`)
  })

  async function twoStores() {
    const [here, there] = [closed(store()), closed(store())]
    const started: Entry = { seq: 1, time: 1, type: 'run.started', format: 1, run, flow: 'f', version: '1', scope: { tenant: 'a' }, input: 1 }
    await here.create({ run, flow: 'f', version: '1', scope: { tenant: 'a' }, createdAt: 1, startHash: 's', labels: {}, entries: [started] })
    const lease = await here.acquire(run, 'one', 1, 10)
    await there.open()
    return { here, there, epoch: lease?.epoch ?? 0 }
  }
  const eventually = async (reader: PartReader, count: number): Promise<readonly ShownPart[]> => {
    const all: ShownPart[] = []
    for (const until = Date.now() + 5_000; all.length < count && Date.now() < until; await later(10)) all.push(...(await reader.read()))
    return all
  }
  const rowsOf = (table: string): Promise<readonly Record<string, unknown>[]> => server.ask(`SELECT * FROM tutti_${made}.${table}`)

  it('[S5] [M7] what one process shows of a step another reads, gathered, in order, with its activation, its attempt and the entry before it', async () => {
    const { here, there } = await twoStores()
    const reader = there.parts.follow(run, () => {})
    await reader.read()
    for (const word of ['a', 'b', 'c']) here.parts.show(run, shown(word))
    expect(await eventually(reader, 1)).toEqual([shown('abc')])
    here.parts.show(run, shown('d', { after: 2 }))
    here.parts.show(run, shown('', { attempt: 2, after: 3, part: { type: 'reset' } }))
    here.parts.show(run, shown('e', { attempt: 2, after: 3 }))
    const more = await eventually(reader, 2)
    // The first attempt was over before anybody was told of its last word.
    expect(more).toEqual([shown('', { attempt: 2, after: 3, part: { type: 'reset' } }), shown('e', { attempt: 2, after: 3 })])
    expect(here.parts.show(run, shown('f', { attempt: 2, after: 3 }))).toBe(true)
    reader.close()
  })

  it('[S5] [M7] of what nobody follows nothing is written; whoever comes later is given all of it', async () => {
    const { here, there } = await twoStores()
    for (const word of ['a', 'b']) expect(here.parts.show(run, shown(word))).toBe(false)
    await later(150)
    expect(await rowsOf('parts')).toEqual([])
    const reader = there.parts.follow(run, () => {})
    expect(await eventually(reader, 1)).toEqual([shown('ab')])
    reader.close()
  })

  it('[S5] [M7] what was shown of a step can be read before its outcome, and the appends of a run keep their order', async () => {
    const { here, there, epoch } = await twoStores()
    const reader = there.parts.follow(run, () => {})
    await reader.read()
    here.parts.show(run, shown('a'))
    const ends = { seq: 2, time: 2, type: 'step.completed', key: 'k', value: 'a' } as const
    const appends = [{ entries: [ends] }, { entries: [{ seq: 3, time: 2, type: 'run.patched', id: 'p' } as const] }]
    const seen = there.watch(() => {})
    await Promise.all(appends.map((each) => here.append({ run, epoch, ...each })))
    expect(await reader.read()).toEqual([shown('a')])
    const entries: string[] = []
    for await (const { type } of there.read(run)) entries.push(type)
    expect(entries).toEqual(['run.started', 'step.completed', 'run.patched'])
    seen()
    reader.close()
  })

  it('[S5] [M7] a row that the server forgot makes the rest of its attempt void, and the reader is told so', async () => {
    const { here, there } = await twoStores()
    const reader = there.parts.follow(run, () => {})
    await reader.read()
    here.parts.show(run, shown('a'))
    expect(await eventually(reader, 1)).toEqual([shown('a')])
    await server.ask(`CREATE FUNCTION tutti_${made}.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER lose BEFORE INSERT ON tutti_${made}.parts FOR EACH ROW EXECUTE FUNCTION tutti_${made}.lose()`)
    here.parts.show(run, shown('b'))
    await later(150)
    await server.ask(`DROP TRIGGER lose ON tutti_${made}.parts`)
    here.parts.show(run, shown('c'))
    expect(await eventually(reader, 1)).toEqual([shown('', { part: { type: 'reset' } })])
    here.parts.show(run, shown('d'))
    await later(150)
    expect(await reader.read()).toEqual([])
    reader.close()
  })

  it('[R10] [R13] the parts of a run that is removed are removed with it', async () => {
    const { here, there, epoch } = await twoStores()
    const reader = there.parts.follow(run, () => {})
    await reader.read()
    here.parts.show(run, shown('a private word'))
    await eventually(reader, 1)
    await here.append({ run, epoch, entries: [], head: { status: 'failed' }, release: true })
    await here.remove([run])
    expect(await rowsOf('parts')).toEqual([])
    reader.close()
    await expect.poll(() => rowsOf('part_readers')).toEqual([])
  })

  it('[S5] [M7] whoever watches a run from another process reads its text as it comes, once, in its place among the events; a failed attempt is marked as void', async () => {
    const words = 'one two three four five six seven eight nine ten'.split(/(?= )/)
    const of = says(words, [4], 80)
    const worker = closed(tutti({ flows: [of], store: store() }))
    const client = closed(tutti({ flows: [of], store: store(), resume: false }))
    const { id } = await worker.start(of, null)
    const handle = await client.get(id)
    const events: string[] = []
    const times: number[] = []
    for await (const event of handle?.events() ?? []) {
      events.push(told(event))
      times.push(Date.now())
    }
    const void0 = events.indexOf('<reset>')
    expect(events.slice(0, 1)).toEqual(['[step.started]'])
    expect(
      events
        .slice(void0)
        .filter((word) => !word.startsWith('['))
        .join(''),
    ).toBe(`<reset>${words.join('')}`)
    expect(events.slice(-2)).toEqual(['[step.completed]', '[run.completed]'])
    // As it came, not all at its end.
    expect(events.slice(void0).filter((word) => !/^[[<]/.test(word)).length).toBeGreaterThan(1)
    let whole = ''
    for await (const piece of (await client.get(id))?.text() ?? []) whole += piece
    expect(whole).toBe('')
    await expect.poll(() => rowsOf('parts'), { timeout: 20_000, interval: 500 }).toEqual([])
  }, 40_000)
})
