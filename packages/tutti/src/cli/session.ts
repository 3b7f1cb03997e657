/** The engine of one command: the journal of its home, the flows it may drive, a gateway for them. It drives only what the command names. */
import { type JournalStore, type LimitBook, sqliteStore } from '../journal/index.ts'
import { type Gateway, gateway, gatewayKey, isInstalled, type TextEmbedder } from '../model/index.ts'
import { RetunedForks } from '../retuned-forks.ts'
import { type AnyFlow, EmbeddedEngine, type Schedule, type Services } from '../run/index.ts'
import type { Home } from './home.ts'
import type { Terminal } from './terminal.ts'

export interface SessionOptions {
  readonly flows: readonly AnyFlow[]
  readonly store?: JournalStore | undefined
  readonly schedules?: readonly Schedule[] | undefined
  /** Drive all that is due, not only what the command names. Default false. */
  readonly resume?: boolean | undefined
  /** Compare by words alone. */
  readonly words?: boolean | undefined
}

/** A command waits with its run, however long that rests. */
const REST_MS = 2 ** 30

export function openSession(terminal: Terminal, home: Home, o: SessionOptions): EmbeddedEngine {
  const store = o.store ?? sqliteStore(home.journal, { encryption: home.encryption })
  const services = servicesFor(terminal, { words: o.words, limits: store.limits })
  const forks = new RetunedForks(services, services.get(gatewayKey.service) as Gateway)
  return new EmbeddedEngine({
    store,
    flows: o.flows,
    services,
    retune: (run, forked) => forks.servicesFor(run, forked),
    schedules: o.schedules,
    resume: o.resume === true,
    restMs: o.resume ? undefined : REST_MS,
  })
}

interface ServiceOptions extends Pick<SessionOptions, 'words'> {
  readonly limits?: LimitBook | undefined
}

/** What the command's runs are provided with. */
export function servicesFor(terminal: Terminal, { words = false, limits }: ServiceOptions = {}): Services {
  const embedder = !words && isInstalled('@tutti/embed-minilm', terminal.cwd) ? lazyEmbedder : undefined
  const models = gateway({ env: terminal.env, cwd: terminal.cwd, embedder, limits })
  return new Map<string, unknown>([[gatewayKey.service, models]])
}

/** The embedding model is loaded when something is first compared by meaning. Without its package, words decide. */
const lazyEmbedder: TextEmbedder = {
  async embed(texts) {
    const { minilm } = await import('../retrieval/index.ts')
    return (await minilm()).embed(texts)
  },
}
