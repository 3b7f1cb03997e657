import { describe, expect, it } from 'vitest'
import { TuttiError } from '../errors/index.ts'
import type { RunId } from '../primitives/index.ts'
import { CommitQueue } from './commit-queue.ts'
import { type Answer, type AppendJob, GROUP_ENTRIES, type Job } from './job.ts'
import type { RunHead } from './store.port.ts'

const append = (run: string, first = 1, entries = 1): AppendJob => ({
  op: 'append',
  run: run as RunId,
  epoch: 1,
  first,
  bodies: Array(entries).fill('{}'),
  blobs: [],
  uses: [],
  head: undefined,
  taken: [],
  release: false,
  time: 0,
  standing: undefined,
})
const create = (run: string, entries = 1): Job => ({
  op: 'create',
  run: run as RunId,
  head: {} as RunHead,
  bodies: Array(entries).fill('{}'),
  blobs: [],
  uses: [],
  inbox: [],
  priority: 0,
  source: undefined,
})
const acquire: Job = { op: 'acquire', run: 'a' as RunId, owner: 'o', now: 1, until: 2 }
const unwritable = new TuttiError('JOURNAL_UNWRITABLE', 'disk full')
const locked = new TuttiError('JOURNAL_LOCKED', 'busy')

/** A writer that keeps the groups it was given, and fails when it is told to. */
function scripted(): { groups: Job[][]; failWith: Error | undefined; queue: CommitQueue } {
  const script = {
    groups: [] as Job[][],
    failWith: undefined as Error | undefined,
    queue: new CommitQueue((jobs) => {
      script.groups.push([...jobs])
      if (script.failWith) throw script.failWith
      return jobs.map(() => undefined)
    }),
  }
  return script
}
const outcomes = async (asked: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(asked)).map((outcome) => (outcome.status === 'fulfilled' ? 'durable' : `${(outcome.reason as TuttiError).code}`))

describe('the commit queue', () => {
  it('[S1] makes one group of all that one turn asks for', async () => {
    const { groups, queue } = scripted()
    await Promise.all([queue.submit(append('a')), queue.submit(append('b')), Promise.resolve().then(() => queue.submit(append('a', 2)))])
    expect(groups.map((group) => group.length)).toEqual([3])
    await queue.submit(append('a', 3))
    expect(groups).toHaveLength(2)
  })

  it('[S1] cuts a group before it passes 512 entries, and leaves a larger commit whole', async () => {
    const { groups, queue } = scripted()
    await Promise.all([
      queue.submit(append('a', 1, 500)),
      queue.submit(append('b', 1, 12)),
      queue.submit(append('c')),
      queue.submit(append('d', 1, 900)),
      queue.submit(acquire),
    ])
    expect(GROUP_ENTRIES).toBe(512)
    expect(groups.map((group) => group.length)).toEqual([2, 1, 1, 1])
  })

  it('[R1] writes one group at a time, in the order of the calls', async () => {
    const groups: string[][] = []
    let finish = (_answers: readonly Answer[]): void => {}
    const queue = new CommitQueue((jobs) => {
      groups.push(jobs.map((job) => (job as AppendJob).run))
      return new Promise((resolve) => {
        finish = resolve
      })
    })
    const first = queue.submit(append('a'))
    await new Promise(setImmediate)
    const behind = [queue.submit(append('b')), queue.submit(append('c'))]
    await new Promise(setImmediate)
    expect(groups).toEqual([['a']])
    finish([undefined])
    await first
    await new Promise(setImmediate)
    expect(groups).toEqual([['a'], ['b', 'c']])
    finish([undefined, undefined])
    await Promise.all(behind)
  })

  it('[R12] what runs at work append goes before a burst of runs to be created, which are passed over by nothing else, and never for long', async () => {
    const { groups, queue } = scripted()
    const asked: Promise<unknown>[] = Array.from({ length: 200 }, (_, i) => queue.submit(create(`new${i}`)))
    asked.push(queue.submit(append('a')), queue.submit(append('new199')), queue.submit(append('b')))
    await Promise.all(asked)
    const names = groups.map((group) => group.map((job) => `${job.op} ${'run' in job ? job.run : ''}`))
    // 'a' overtakes creations; the append to a run that is still to be created does not, and neither does anything behind that.
    expect(names[0]?.[0]).toBe('append a')
    expect(names[0]).toHaveLength(128)
    expect(names.at(-1)?.slice(-2)).toEqual(['append new199', 'append b'])
    const behind = [queue.submit(create('first', 600)), ...Array.from({ length: 600 }, () => queue.submit(append('a')))]
    await Promise.all(behind)
    expect(groups.slice(names.length).map((group) => `${group.length} ${group[0]?.op}`)).toEqual(['384 append', '1 create', '216 append'])
  })

  it('[R1] writes groups of half the size where going on takes longer than another thread needs for one, and leaves a larger commit whole', async () => {
    const sizes: number[] = []
    let awayMs: number | undefined = 1
    const queue = new CommitQueue(
      (jobs) => {
        sizes.push(jobs.length)
        return Promise.resolve(jobs.map(() => undefined))
      },
      () => awayMs,
    )
    const many = (): Promise<unknown> => Promise.all(Array.from({ length: 600 }, (_, i) => queue.submit(append(`run${i}`))))
    const measured = async (): Promise<void> => {
      await queue.submit(append('first'))
      for (const until = performance.now() + 20; performance.now() < until; );
      await new Promise(setImmediate)
    }
    await many()
    await measured()
    await many()
    expect(sizes).toEqual([512, 88, 1, 256, 256, 88])
    await measured()
    await Promise.all([queue.submit(append('large', 1, 300)), queue.submit(append('a'))])
    expect(sizes.slice(7)).toEqual([1, 1])
    awayMs = 60_000
    await many()
    awayMs = undefined
    await many()
    expect(sizes.slice(9)).toEqual([512, 88, 512, 88])
  })

  it('[R1] a failed write refuses every commit of those runs until they are read again', async () => {
    const script = scripted()
    const { queue } = script
    script.failWith = unwritable
    expect(await outcomes([queue.submit(append('a')), queue.submit(append('b')), queue.submit(acquire)])).toEqual(Array(3).fill('JOURNAL_UNWRITABLE'))
    script.failWith = undefined
    expect(await outcomes([queue.submit(append('a')), queue.submit(append('c')), queue.submit(acquire)])).toEqual(['JOURNAL_UNWRITABLE', 'durable', 'durable'])
    queue.forgive('a' as RunId)
    expect(await outcomes([queue.submit(append('a')), queue.submit(append('b'))])).toEqual(['durable', 'JOURNAL_UNWRITABLE'])
  })

  it('[R1] what the same runs had waiting behind a failed write fails with it; others go on', async () => {
    let fail = (_error: Error): void => {}
    const queue = new CommitQueue((jobs) => {
      if ((jobs[0] as AppendJob).run === 'b') return [undefined]
      return new Promise((_resolve, reject) => {
        fail = reject
      })
    })
    const first = queue.submit(append('a'))
    await new Promise(setImmediate)
    const behind = [queue.submit(append('a', 2)), queue.submit(append('b'))]
    fail(locked)
    expect(await outcomes([first, ...behind])).toEqual(['JOURNAL_LOCKED', 'JOURNAL_LOCKED', 'durable'])
  })

  it('[R1] a commit that found the file busy may be tried again as it is', async () => {
    const script = scripted()
    script.failWith = locked
    expect(await outcomes([script.queue.submit(append('a'))])).toEqual(['JOURNAL_LOCKED'])
    script.failWith = undefined
    expect(await outcomes([script.queue.submit(append('a'))])).toEqual(['durable'])
  })

  it('[R1] what another thread has written is followed by the next group before those who waited go on, once they have more to do than it', async () => {
    const seen: string[] = []
    const finishers: (() => void)[] = []
    const queue = new CommitQueue(
      (jobs) => {
        seen.push(`write ${jobs.map((job) => (job as AppendJob).run)}`)
        return new Promise((resolve) => finishers.push(() => resolve(jobs.map(() => undefined))))
      },
      () => 1,
    )
    const goOn = async (run: string): Promise<void> => {
      await queue.submit(append(run))
      seen.push(`told ${run}`)
      for (const until = performance.now() + 40; performance.now() < until; );
    }
    const next = async (): Promise<void> => {
      finishers.shift()?.()
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    }
    for (const run of ['a', 'b', 'c', 'd']) {
      void goOn(run)
      await new Promise(setImmediate)
    }
    // Nothing is known yet of how long they go on; of the first it is then seen, while the rest waits.
    await next()
    expect(seen).toEqual(['write a', 'told a', 'write b,c,d'])
    void goOn('e')
    void goOn('f')
    await next()
    expect(seen.slice(3)).toEqual(['write e,f', 'told b', 'told c', 'told d'])
    await next()
    await queue.idle()
    expect(seen.slice(7)).toEqual(['told e', 'told f'])
  })

  it('[R7] is idle only when nothing waits and nothing is under way', async () => {
    const { queue, groups } = scripted()
    await queue.idle()
    void queue.submit(append('a'))
    await queue.idle()
    expect(groups).toHaveLength(1)
  })
})
