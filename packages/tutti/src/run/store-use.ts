/**
 * Who has a journal open in this process: apps that share a store, and whoever looks back at a run of an app that was closed. The last of them closes it, so that
 * none closes it under another.
 */
import type { JournalStore } from '../journal/index.ts'

class StoreUse {
  readonly #users = new Set<object>()
  #turn: Promise<unknown> = Promise.resolve()

  enter(user: object, open: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      await open()
      this.#users.add(user)
    })
  }

  leave(user: object, close: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#users.delete(user) && this.#users.size === 0) await close()
    })
  }

  /** What is being closed is not opened before it is. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }
}

const uses = new WeakMap<JournalStore, StoreUse>()

function useOf(store: JournalStore): StoreUse {
  const use = uses.get(store) ?? new StoreUse()
  uses.set(store, use)
  return use
}

export const enterStore = (store: JournalStore, user: object): Promise<void> => useOf(store).enter(user, () => store.open())
export const leaveStore = (store: JournalStore, user: object): Promise<void> => useOf(store).leave(user, () => store.close())

/** For reads of a store that may be closed, which open it again without making it anew. Answers how to leave it. */
export async function lookAt(store: JournalStore): Promise<() => Promise<void>> {
  const reader = {}
  await useOf(store).enter(reader, async () => {})
  return () => leaveStore(store, reader).catch(() => {})
}

export async function lookInto<T>(store: JournalStore, read: () => Promise<T>): Promise<T> {
  const leave = await lookAt(store)
  try {
    return await read()
  } finally {
    await leave()
  }
}
