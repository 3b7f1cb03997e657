/** What every journal store must do with the messages that reach a run; part of `storeConformance`. */
import { expect, it } from 'vitest'
import { type Commit, type InboxMessage, type JournalStore, messageId } from '../journal/index.ts'
import type { RunId } from '../primitives/index.ts'
import { NOW, newRun, patched } from './sample-run.ts'

const a = 'run_a' as RunId
const b = 'run_b' as RunId
const commit = (over: Partial<Commit> = {}): Commit => ({ run: a, epoch: 1, entries: [], ...over })
export const cancel = (id: string): InboxMessage => ({ id, type: 'cancel', reason: `because of ${id}` })

export function inbox(store: () => JournalStore): void {
  it('[R4] messages wait in the order they came until a commit takes them', async () => {
    await store().create(newRun(a))
    const signal: InboxMessage = { id: 'z', type: 'signal', signal: 'approval', key: 'ask', value: { ok: true } }
    await Promise.all([store().post(a, signal, NOW), store().post(a, cancel('y'), NOW), store().post(a, cancel('x'), NOW)])
    expect(await store().inbox(a)).toEqual([signal, cancel('y'), cancel('x')])
    await store().append(commit({ entries: [patched(2)], taken: ['y', 'never posted'] }))
    expect(await store().inbox(a)).toEqual([signal, cancel('x')])
  })

  it('[R9] nothing is kept of a message that was taken, when its id is one that nobody can send again', async () => {
    await store().create(newRun(a))
    const made = messageId()
    await store().post(a, cancel(made), NOW)
    expect(await store().post(a, cancel(made), NOW)).toBe('duplicate')
    await store().append(commit({ taken: [made] }))
    expect(await store().inbox(a)).toEqual([])
    expect(await store().post(a, cancel(made), NOW)).toBe('posted')
    expect(() => messageId(made)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })

  it('[R4] a message posted twice is a duplicate, also after it was taken, and only in its own run', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    expect(await Promise.all([store().post(a, cancel('x'), NOW), store().post(a, cancel('x'), NOW)])).toEqual(['posted', 'duplicate'])
    await store().append(commit({ taken: ['x'] }))
    expect(await store().post(a, cancel('x'), NOW)).toBe('duplicate')
    expect(await store().inbox(a)).toEqual([])
    expect(await store().post(b, cancel('x'), NOW)).toBe('posted')
  })

  it('[R4] a message to a run that does not exist is RUN_NOT_FOUND', async () => {
    await expect(store().post(a, cancel('x'), NOW)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
    expect(await store().inbox(a)).toEqual([])
  })

  it('[R4] runs with a message that nobody took are found, whoever drives them, until they have ended', async () => {
    const unheard = async (flows = ['desk'], limit = 10): Promise<string[]> => (await store().unheard(flows, limit)).map(({ run }) => run)
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await Promise.all([store().post(a, cancel('x'), NOW), store().post(b, cancel('x'), NOW)])
    expect([await unheard(), await unheard(['another']), (await unheard(['desk'], 1)).length]).toEqual([[a, b], [], 1])
    await store().append(commit({ entries: [patched(2)], taken: ['x'] }))
    expect(await unheard()).toEqual([b])
    await store().append(commit({ run: b, head: { status: 'completed' } }))
    expect(await unheard()).toEqual([])
  })

  it('[R6] a fenced commit takes nothing from the inbox', async () => {
    await store().create(newRun(a))
    await store().post(a, cancel('x'), NOW)
    await expect(store().append(commit({ epoch: 7, taken: ['x'] }))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    expect(await store().inbox(a)).toEqual([cancel('x')])
  })

  it('[R4] watchers hear of a message until they stop', async () => {
    await store().create(newRun(a))
    let heard = 0
    const stop = store().watch(() => heard++)
    await store().post(a, cancel('x'), NOW)
    const before = heard
    expect(before).toBeGreaterThan(0)
    stop()
    await store().post(a, cancel('y'), NOW)
    expect(heard).toBe(before)
  })
}
