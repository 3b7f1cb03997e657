import { createHash } from 'node:crypto'
import { type PostgresStore, postgres } from '@tutti/postgres'
import { type Admission, type Commit, type Entry, type JournalStore, type NewRun, type RunId, TuttiError } from 'tutti/store'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { cutLine } from './cut-line.ts'
import { missingPostgres, PASSWORD, type PostgresServer, startPostgres } from './postgres-server.ts'

const missing = missingPostgres()
const NOW = 1_000_000
const run = (name: string): RunId => `run_${name}` as RunId
const note = (seq: number, id = `patch ${seq}`): Entry => ({ seq, time: NOW + seq, type: 'run.patched', id })
const notes = (from: number, to: number): Entry[] => Array.from({ length: to - from + 1 }, (_, i) => note(from + i))

function newRun(id: RunId, over: Partial<NewRun> = {}): NewRun {
  const scope = { tenant: 'acme' }
  const started: Entry = { seq: 1, time: NOW, type: 'run.started', format: 1, run: id, flow: 'desk', version: '1', scope, input: 1 }
  const lease = { owner: 'one', until: NOW + 1_000 }
  return { run: id, flow: 'desk', version: '1', scope, createdAt: NOW, startHash: id, labels: {}, entries: [started], lease, ...over }
}
const admission: Admission = {
  ...{ flow: 'desk', versions: ['1'], limits: {}, first: [], lines: true },
  ...{ owner: 'one', now: NOW, until: NOW + 1_000_000, most: 10, gone: [] },
}
const commit = (id: RunId, over: Partial<Commit> = {}): Commit => ({ run: id, epoch: 1, entries: [], ...over })

async function idsOf(store: JournalStore, id: RunId): Promise<string[]> {
  const ids: string[] = []
  for await (const entry of store.read(id, { after: 1 })) ids.push(entry.type === 'run.patched' ? entry.id : entry.type)
  return ids
}

const eventually = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  const until = Date.now() + 3_000
  while (!(await holds())) {
    if (Date.now() > until) throw new Error('it never came about')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe.skipIf(missing)(`[S5] journals in Postgres${missing ? `, NOT RUN: ${missing}` : ''}`, () => {
  let server: PostgresServer
  let made = 0
  let schema = ''
  const stores: PostgresStore[] = []
  const open = (o: Parameters<typeof postgres>[1] = {}, url = server.url): PostgresStore => {
    const store = postgres(url, { schema, ...o })
    stores.push(store)
    return store
  }
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(() => server?.stop())
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()))
    await server.drop(schema)
  })
  const fresh = (): void => {
    schema = `tutti "${++made}`
  }
  const quoted = (): string => `"${schema.replaceAll('"', '""')}"`
  /** Whatever is added to this table is there, and not committed, for a while. */
  const slow = (table: string): Promise<unknown> =>
    server.ask(`
      CREATE FUNCTION ${quoted()}.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END';
      CREATE TRIGGER zz_wait AFTER INSERT ON ${quoted()}.${table} FOR EACH STATEMENT EXECUTE FUNCTION ${quoted()}.wait()`)

  it('[S5] two processes make the tables at the same moment, and one of them does it', async () => {
    fresh()
    await Promise.all(Array.from({ length: 4 }, () => open().open()))
    expect(await server.ask(`SELECT version FROM ${quoted()}.schema_version`)).toEqual([{ version: 1 }, { version: 2 }, { version: 3 }])
  })

  it('[S5] tables of a newer version are refused, and nothing is touched', async () => {
    fresh()
    await open().open()
    await server.ask(`INSERT INTO ${quoted()}.schema_version (version) VALUES (99)`)
    await expect(open().open()).rejects.toMatchObject({ code: 'JOURNAL_NEWER', data: { version: 99 } })
  })

  it('[S5] a user who may not make tables uses those that are there', async () => {
    schema = 'plain'
    await open().open()
    await server.ask(
      "CREATE ROLE worker LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA plain TO worker; GRANT ALL ON ALL TABLES IN SCHEMA plain TO worker; GRANT ALL ON ALL SEQUENCES IN SCHEMA plain TO worker",
    )
    const url = server.url.replace('tutti:', 'worker:')
    const store = open({}, url)
    expect((await store.create(newRun(run('a')))).created).toBe(true)
    await store.append(commit(run('a'), { entries: notes(2, 3) }))
    await expect(open({ schema: 'elsewhere' }, url).open()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('does not allow'),
    })
  })

  it('[S5] a wrong address says what is wrong with it, and never the password', async () => {
    fresh()
    const failures = await Promise.all(
      [server.url.replace(/:\d+\//, ':1/'), server.url.replace(/postgres$/, 'nowhere'), server.url.replace('127.0.0.1', 'no.such.host.invalid')].map((url) =>
        open({ patienceMs: 0 }, url)
          .open()
          .catch((error: unknown) => error),
      ),
    )
    const codes = failures.map((failure) => (failure as TuttiError).code)
    expect(codes).toEqual(['JOURNAL_UNWRITABLE', 'CONFIG_INVALID', 'JOURNAL_UNWRITABLE'])
    expect(() => postgres(`mysql://me:${PASSWORD}@host/db`)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(TuttiError)
      expect(`${(failure as TuttiError).message} ${(failure as TuttiError).hint} ${JSON.stringify((failure as TuttiError).data)}`).not.toContain(PASSWORD)
    }
  })

  it('[S5] what is written is read to the byte, also what Postgres cannot hold in a JSON column', async () => {
    fresh()
    const store = open()
    const odd = { nul: 'a\0b', half: '\ud800', quote: '"\\{},\n', number: 1e21, deep: [[['\u2028']]] }
    await store.create(newRun(run('a')))
    const entry: Entry = { seq: 2, time: NOW, type: 'step.completed', key: 'k', value: odd }
    await store.append(commit(run('a'), { entries: [entry], head: { waiting: [{ signal: 'x', key: 'k', data: odd }] } }))
    const read: Entry[] = []
    for await (const each of store.read(run('a'), { after: 1 })) read.push(each)
    expect(read).toEqual([entry])
    expect((await store.head(run('a')))?.waiting).toEqual([{ signal: 'x', key: 'k', data: odd }])
    expect(await server.ask(`SELECT seq, type FROM ${quoted()}.entry_list WHERE run = 'run_a' ORDER BY seq`)).toEqual([
      { seq: 1, type: 'run.started' },
      { seq: 2, type: 'step.completed' },
    ])
    await expect(store.post(run('a'), { id: 'a\0b', type: 'cancel', reason: 'r' }, NOW)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it('[S5] another process hears of what was posted, of what rests, and of progress, each by the name of its run', async () => {
    fresh()
    const [here, there] = [open(), open()]
    const heard: (RunId | string | undefined)[] = []
    await here.open()
    there.watch((id, what) => heard.push(what ? `${what} of ${id}` : id))
    await eventually(() => heard.length > 0)
    await here.create(newRun(run('a')))
    for (const [id, change] of [
      [run('a'), () => here.post(run('a'), { id: 'm', type: 'cancel', reason: 'r' }, NOW)],
      [`progress of ${run('a')}`, () => here.append(commit(run('a'), { entries: notes(2, 2) }))],
      [run('a'), () => here.append(commit(run('a'), { head: { status: 'completed' }, release: true }))],
      [undefined, () => here.keepSchedule('nightly', { considered: NOW })],
    ] as const) {
      heard.length = 0
      await change()
      await eventually(() => heard.includes(id))
      expect(heard).toContain(id)
    }
  })

  it('[S5] a listener that was cut off listens again, and looks at everything it may have missed', async () => {
    fresh()
    const [here, there] = [open(), open()]
    let everything = 0
    const named: RunId[] = []
    there.watch((id) => (id === undefined ? everything++ : named.push(id)))
    await here.create(newRun(run('a')))
    await eventually(() => everything > 0)
    const before = everything
    await server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    await eventually(() => everything > before)
    await here.post(run('a'), { id: 'm', type: 'cancel', reason: 'r' }, NOW)
    await eventually(() => named.includes(run('a')))
    expect(await there.inbox(run('a'))).toHaveLength(1)
  })

  it('[S5] a server that is killed while many runs write, and comes back: nothing acknowledged is lost, nothing is there twice', async () => {
    fresh()
    const store = open()
    const runs = Array.from({ length: 8 }, (_, i) => run(`${i}`))
    await Promise.all(runs.map((id) => store.create(newRun(id))))
    let stopped = false
    const write = async (id: RunId): Promise<number> => {
      for (let seq = 2; ; seq++) {
        if (stopped) return seq - 1
        await store.append(commit(id, { entries: [note(seq)] }))
      }
    }
    const writing = runs.map(write)
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 150))
      await server.kill()
      await server.start()
    }
    stopped = true
    const last = await Promise.all(writing)
    expect(Math.min(...last)).toBeGreaterThan(3)
    for (const [i, id] of runs.entries()) expect(await idsOf(store, id)).toEqual(notes(2, last[i] as number).map((entry) => (entry as { id: string }).id))
  }, 60_000)

  it('[R1] a call whose answer is lost on the way is answered as if it had not been, and done once', async () => {
    fresh()
    const line = await cutLine(server.url)
    const store = open({}, line.url)
    await store.open()
    const cut = <T>(call: () => Promise<T>): Promise<T> => {
      line.cutNextAnswer()
      return call()
    }
    const a = run('a')
    const cancel = { id: 'm', type: 'cancel', reason: 'r' } as const
    expect((await cut(() => store.create(newRun(a)))).created).toBe(true)
    expect((await cut(() => store.create(newRun(a, { lease: undefined })))).created).toBe(false)
    expect(await cut(() => store.post(a, cancel, NOW))).toBe('posted')
    expect(await cut(() => store.post(a, { ...cancel, reason: 'another' }, NOW))).toBe('duplicate')
    await cut(() => store.append(commit(a, { entries: notes(2, 3), taken: ['m'] })))
    await cut(() =>
      Promise.all([store.append(commit(a, { entries: notes(4, 5) })), store.append(commit(a, { entries: notes(6, 6) })), store.create(newRun(run('b')))]),
    )
    await expect(cut(() => store.append(commit(a, { entries: [note(6, 'something else')] })))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    expect(await cut(() => store.renew([{ run: a, epoch: 1, until: NOW }], NOW + 5))).toEqual([])
    expect(await cut(() => store.acquire(a, 'one', NOW, NOW + 9))).toMatchObject({ run: a, until: NOW + 9 })
    expect(await cut(() => idsOf(store, a))).toEqual(['patch 2', 'patch 3', 'patch 4', 'patch 5', 'patch 6'])
    expect(await store.inbox(a)).toEqual([])
    expect(line.cuts).toBe(10)
    await store.close()
    await line.close()
  })

  it('[R12] a run that joins a line at the moment it is found empty is not left behind', async () => {
    fresh()
    const [here, there] = [open(), open()]
    const queued = (id: RunId): Promise<unknown> => here.create(newRun(id, { lease: undefined, head: { status: 'queued' } }))
    const admitted = async (): Promise<RunId[]> => (await there.admit(admission)).runs.map(({ lease }) => lease.run)
    await queued(run('a'))
    await slow('runs')
    const joined = queued(run('b'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await admitted()).toContain(run('a'))
    await joined
    await admitted()
    expect((await there.head(run('b')))?.status).toBe('running')
  })

  it('[R12] runs that join a queue while others empty it are never left behind, and no more are let through than may be', async () => {
    fresh()
    const here = Array.from({ length: 3 }, () => open())
    const limits = { concurrency: 3, perTenant: 2 }
    const all = Array.from({ length: 90 }, (_, i) => run(`${i}`))
    const driven = new Set<RunId>()
    const begun: RunId[] = []
    const joining = all.map(async (id, i) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 300))
      await here[i % 3]?.create(newRun(id, { scope: { tenant: `t${i % 5}` }, lease: undefined, head: { status: 'queued' } }))
    })
    const serving = here.map(async (store, i) => {
      const until = Date.now() + 20_000
      while (begun.length < all.length && Date.now() < until) {
        const { runs } = await store.admit({ ...admission, limits, most: 3, owner: `process ${i}` })
        for (const { lease } of runs) {
          driven.add(lease.run)
          begun.push(lease.run)
        }
        expect(driven.size).toBeLessThanOrEqual(3)
        for (const { lease } of runs) {
          driven.delete(lease.run)
          await store.append({ run: lease.run, epoch: lease.epoch, entries: [], head: { status: 'completed' }, release: true })
        }
      }
    })
    await Promise.all([...joining, ...serving])
    expect([...begun].sort()).toEqual([...all].sort())
  }, 60_000)

  it('[R10] a blob that one process names while another removes the last run that named it is there for whoever names it', async () => {
    fresh()
    const [here, there] = [open(), open()]
    const text = JSON.stringify('x'.repeat(100))
    const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22)
    const blobs = new Map([[hash, text]])
    const naming: Entry = { seq: 2, time: NOW, type: 'step.completed', key: 'k', value: { '~blob': hash, bytes: text.length } }
    await Promise.all([here.create(newRun(run('old'))), here.create(newRun(run('next')))])
    await here.append(commit(run('old'), { entries: [naming], blobs, head: { status: 'completed' }, release: true }))
    await slow('blob_uses')
    const named = here.append(commit(run('next'), { entries: [naming], blobs }))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await there.remove([run('old')])).removed).toEqual([run('old')])
    await named
    expect(await here.blob(hash)).toBe(text)
  })

  it('[M9] a limit is one for all processes on the database, and is put right there', async () => {
    fresh()
    const takers = [open(), open(), open()]
    await Promise.all(takers.map((taker) => taker.open()))
    const asked = { name: 'fast-model', most: { requests: 7, tokens: 60 }, take: { requests: 1, tokens: 10 }, now: NOW }
    const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => takers[i % 3]?.limits?.take(asked)))
    const taken = answers.filter((answer) => answer?.taken)
    expect(taken).toHaveLength(6)
    await takers[0]?.limits?.change({ name: 'fast-model', slot: NOW / 1_000, by: { requests: 0, tokens: -10 } })
    const last = await Promise.all([takers[1]?.limits?.take(asked), takers[2]?.limits?.take(asked)])
    expect(last.map((answer) => answer?.taken).sort()).toEqual([false, true])
  })

  it('[R13] after an erasure no file of a table holds what was removed', async () => {
    fresh()
    const store = open()
    await store.create(newRun(run('a')))
    await store.append(commit(run('a'), { entries: [note(2, 'a very private matter')], head: { status: 'completed' }, release: true }))
    const before = (await store.stats()).bytes
    await store.remove([run('a')])
    expect(await store.shred({ tenant: 'acme' }, 'end')).toBe(0)
    expect((await store.stats()).bytes).toBeLessThan(before)
    await store.compact()
  })
})
