/** What every journal store must do when runs are removed; part of `storeConformance`. */
import { expect, it } from 'vitest'
import type { Commit, Entry, JournalStore, NewRun, RunStatus } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'
import { NOW, newRun, patched, patches, readAll, started } from './sample-run.ts'

const a = 'run_a' as RunId
const b = 'run_b' as RunId
const text = JSON.stringify('shared '.repeat(400))
const hash = hash128(text)
const blobs = new Map([[hash, text]])
const naming = (seq: number): Entry => ({ seq, time: NOW + seq, type: 'step.completed', key: 'desk/a', value: { '~blob': hash, bytes: text.length } })
const forkOf = (from: RunId, run: RunId, over: Partial<NewRun> = {}): NewRun =>
  newRun(run, { entries: [started(run), { seq: 2, time: NOW + 2, type: 'run.forked', from, at: 'desk/a' }], ...over })

export function removing(store: () => JournalStore): void {
  const end = (run: RunId, over: Partial<Commit> = {}): Promise<unknown> =>
    store().append({ run, epoch: 1, entries: [], head: { status: 'completed' }, release: true, ...over })
  const isThere = async (): Promise<boolean> =>
    (await store()
      .blob(hash)
      .catch(() => undefined)) === text

  it('[R10] a run that is removed leaves nothing: no entries, head, messages or blobs; its neighbours keep all of theirs', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await Promise.all([
      store().append({ run: a, epoch: 1, entries: [...patches(2, 700), naming(701)], blobs }),
      store().append({ run: b, epoch: 1, entries: patches(2, 700) }),
      store().post(a, { id: 'm', type: 'cancel', reason: 'r' }, NOW),
      store().post(b, { id: 'm', type: 'cancel', reason: 'r' }, NOW),
    ])
    await end(a)
    const removal = await store().remove([a])
    expect(removal).toMatchObject({ removed: [a], kept: [], entries: 701 })
    expect(removal.bytes).toBeGreaterThan(700 * 20 + text.length)
    expect([await store().head(a), await readAll(store(), a), await store().inbox(a), await isThere()]).toEqual([undefined, [], [], false])
    expect((await store().list()).map(({ run }) => run)).toEqual([b])
    expect(await readAll(store(), b)).toEqual([started(b), ...patches(2, 700)])
    expect(await store().inbox(b)).toHaveLength(1)
    await store().append({ run: b, epoch: 1, entries: [patched(701)] })
    await expect(store().append({ run: a, epoch: 1, entries: [patched(702)] })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    await expect(store().post(a, { id: 'm2', type: 'cancel', reason: 'r' }, NOW)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    expect(await store().acquire(a, 'two', NOW, NOW + 1)).toBeUndefined()
    expect(await store().renew([{ run: a, epoch: 1, until: NOW }], NOW + 1)).toEqual([a])
  })

  it('[R10] a run begun after another was removed has nothing of it, also under the same id', async () => {
    await store().create(newRun(a))
    await store().append({ run: a, epoch: 1, entries: patches(2, 600) })
    await store().post(a, { id: 'm', type: 'cancel', reason: 'r' }, NOW)
    await end(a)
    await store().remove([a])
    for (const run of [b, a]) {
      expect((await store().create(newRun(run))).created).toBe(true)
      expect(await readAll(store(), run)).toEqual([started(run)])
      expect(await store().inbox(run)).toEqual([])
      expect(await store().post(run, { id: 'm', type: 'cancel', reason: 'r' }, NOW)).toBe('posted')
      await store().append({ run, epoch: 1, entries: [patched(2)] })
    }
  })

  it.each<RunStatus>(['running', 'waiting', 'suspended'])('[R10] a run that is %s is kept, and nothing of it is touched', async (status) => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await store().append({ run: a, epoch: 1, entries: [naming(2)], blobs, head: { status } })
    await end(b)
    const before = await store().head(a)
    expect(await store().remove([a, b, 'run_none' as RunId])).toMatchObject({
      removed: [b],
      kept: [
        { run: a, why: 'not-ended' },
        { run: 'run_none', why: 'not-found' },
      ],
      entries: 1,
    })
    expect(await store().head(a)).toEqual(before)
    expect(await readAll(store(), a)).toEqual([started(a), naming(2)])
    expect(await isThere()).toBe(true)
  })

  it('[R10] a run is kept while a fork of it goes on, and not after that', async () => {
    await store().create(newRun(a))
    await end(a)
    await store().create(forkOf(a, b))
    expect((await store().remove([a])).kept).toEqual([{ run: a, why: 'forked', by: b }])
    await end(b)
    expect((await store().remove([a])).removed).toEqual([a])
  })

  it('[R10] a run cannot be begun as a fork of one that was removed; one that comes from another store can', async () => {
    await expect(store().create(forkOf(a, b))).rejects.toMatchObject({ code: 'RUN_NOT_FOUND', data: { run: a } })
    expect(await store().head(b)).toBeUndefined()
    expect((await store().create(forkOf(a, b, { lease: undefined }))).created).toBe(true)
  })

  it('[R10] a blob is removed with the last run that names it, whether it brought the text or not', async () => {
    await store().create(newRun(a))
    await end(a, { entries: [naming(2)], blobs })
    await store().create(forkOf(a, b))
    await end(b, { entries: [naming(3)] })
    await store().remove([a])
    expect(await isThere()).toBe(true)
    await store().remove([b])
    expect(await isThere()).toBe(false)
    await store().create(newRun(a, { blobs }))
    expect(await isThere()).toBe(true)
  })

  it('[R10] a blob that only a message names is kept with its run', async () => {
    const value = { '~blob': hash, bytes: text.length }
    await store().create(newRun(a, { blobs, inbox: [{ id: 'm', type: 'signal', signal: 'go', value }] }))
    await store().create(newRun(b, { blobs }))
    await end(b)
    await store().remove([b])
    expect(await isThere()).toBe(true)
  })

  it('[R10] a dry run says what would be removed, and removes nothing', async () => {
    await store().create(newRun(a))
    await end(a, { entries: [naming(2)], blobs })
    const dry = await store().remove([a, a, b], { dryRun: true })
    expect(await readAll(store(), a)).toHaveLength(2)
    expect(await isThere()).toBe(true)
    expect(await store().remove([a, b])).toEqual(dry)
  })

  it('[R10] whoever reads a run while it is removed is told so, instead of taking a part for all of it', async () => {
    await store().create(newRun(a))
    await end(a, { entries: patches(2, 1_000) })
    const reading = async (): Promise<void> => {
      for await (const entry of store().read(a)) if (entry.seq === 2) await store().remove([a])
    }
    await expect(reading()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })

  it('[R10] a removal is written in the order it was asked for, in one group with others', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    const answers = await Promise.allSettled([
      store().append({ run: b, epoch: 1, entries: [patched(2)] }),
      end(a, { entries: [patched(2)] }),
      store().remove([a]),
      store().append({ run: a, epoch: 1, entries: [patched(3)] }),
      store().create(newRun(a)),
      store().append({ run: a, epoch: 1, entries: [patched(2, 'again')] }),
      store().append({ run: b, epoch: 1, entries: [patched(3)] }),
    ])
    expect(answers.map(({ status }) => status).join(' ')).toBe('fulfilled fulfilled fulfilled rejected fulfilled fulfilled fulfilled')
    expect(await readAll(store(), a)).toEqual([started(a), patched(2, 'again')])
    expect(await readAll(store(), b)).toEqual([started(b), ...patches(2, 3)])
  })
}
