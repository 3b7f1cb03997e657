/** The engine of one command: the journal of its home, the flows it may drive, a gateway for them. It drives only what the command names. */
import { type JournalStore, sqliteStore } from '../journal/index.ts'
import { gateway, gatewayKey, isInstalled, type ModelLike, type TextEmbedder } from '../model/index.ts'
import { type AnyFlow, EmbeddedEngine } from '../run/index.ts'
import type { Home } from './home.ts'
import type { Terminal } from './terminal.ts'

export interface SessionOptions {
  readonly flows: readonly AnyFlow[]
  readonly model?: ModelLike | undefined
  readonly store?: JournalStore | undefined
}

/** A command waits with its run, however long that rests. */
const REST_MS = 2 ** 30

export function openSession(terminal: Terminal, home: Home, o: SessionOptions): EmbeddedEngine {
  const models = gateway({
    model: o.model,
    env: terminal.env,
    cwd: terminal.cwd,
    embedder: isInstalled('@tutti/embed-minilm', terminal.cwd) ? lazyEmbedder : undefined,
  })
  return new EmbeddedEngine({
    store: o.store ?? sqliteStore(home.journal),
    flows: o.flows,
    services: new Map<string, unknown>([[gatewayKey.service, models]]),
    resume: false,
    restMs: REST_MS,
  })
}

/** The embedding model is loaded when something is first compared by meaning. Without its package, words decide. */
const lazyEmbedder: TextEmbedder = {
  async embed(texts) {
    const { minilm } = await import('../retrieval/index.ts')
    return (await minilm()).embed(texts)
  },
}
