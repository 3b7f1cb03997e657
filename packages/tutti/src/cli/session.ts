/** The engine of one command: the journal of its home, the flows it may drive, a gateway for them. It drives only what the command names. */
import type { StandingBudgets } from '../budget/index.ts'
import type { EngineMaker } from '../configured.ts'
import type { JournalStore, LimitBook } from '../journal/index.ts'
import { type Gateway, gateway, gatewayKey, importPackage, isInstalled, type TextEmbedder } from '../model/index.ts'
import { RetunedForks } from '../retuned-forks.ts'
import { type AnyFlow, EmbeddedEngine, forkOf, type RunEngine, type Schedule, type Services } from '../run/index.ts'
import { toolSources, toolSourcesKey } from '../tool/index.ts'
import { type Home, openStore } from './home.ts'
import type { Terminal } from './terminal.ts'

export interface SessionOptions {
  readonly flows: readonly AnyFlow[]
  readonly store?: JournalStore | undefined
  readonly schedules?: readonly Schedule[] | undefined
  /** Drive all that is due, not only what the command names. Default false. */
  readonly resume?: boolean | undefined
  /** What accounts that outlive runs limit. */
  readonly budgets?: StandingBudgets | undefined
  /** Compare by words alone. */
  readonly words?: boolean | undefined
}

/** A command waits with its run, however long that rests. */
const REST_MS = 2 ** 30

export function openSession(terminal: Terminal, home: Home, o: SessionOptions): EmbeddedEngine {
  const store = o.store ?? openStore(home)
  const services = servicesFor(terminal, { words: o.words, limits: store.limits, home })
  const forks = new RetunedForks(services, services.get(gatewayKey.service) as Gateway)
  return new EmbeddedEngine({
    store,
    flows: o.flows,
    services,
    retune: (run, forked) => forks.servicesFor(run, forked),
    schedules: o.schedules,
    budgets: o.budgets,
    resume: o.resume === true,
    restMs: o.resume ? undefined : REST_MS,
  })
}

interface ServiceOptions extends Pick<SessionOptions, 'words'> {
  readonly limits?: LimitBook | undefined
  readonly home?: Home | undefined
}

/** The same for the runs of an engine elsewhere. */
export function hostedSession(terminal: Terminal, home: Home, o: Pick<SessionOptions, 'flows' | 'schedules' | 'budgets'>, engine: EngineMaker): RunEngine {
  const store = openStore(home)
  const services = servicesFor(terminal, { limits: store.limits, home })
  const forks = new RetunedForks(services, services.get(gatewayKey.service) as Gateway)
  return engine.make({
    ...{ store, flows: o.flows, schedules: o.schedules ?? [], clock: undefined, resume: true, budgets: o.budgets },
    servicesOf(run, record) {
      const forked = forkOf(record)
      return forked?.retuned ? forks.servicesFor(run, forked) : services
    },
  })
}

/** What the command's runs are provided with. */
export function servicesFor(terminal: Terminal, { words = false, limits, home }: ServiceOptions = {}): Services {
  const embedder = !words && isInstalled('@tutti/embed-minilm', terminal.cwd) ? lazyEmbedder : undefined
  const models = gateway({ env: terminal.env, cwd: terminal.cwd, embedder, limits, tokenizer: 'auto' })
  const { env, cwd } = terminal
  const sources = toolSources({ env, cwd, home: home?.folder, importPackage: (name, subpath) => importPackage(name, cwd, subpath) })
  return new Map<string, unknown>([
    [gatewayKey.service, models],
    [toolSourcesKey.service, sources],
  ])
}

/** The embedding model is loaded when something is first compared by meaning. Without its package, words decide. */
const lazyEmbedder: TextEmbedder = {
  async embed(texts) {
    const { minilm } = await import('../retrieval/index.ts')
    return (await minilm()).embed(texts)
  },
}
