/** The engine by which a command reaches one run: the one that hosts it, else one of the command's own. */
import { configuredEngine } from '../configured.ts'
import { TuttiError } from '../errors/index.ts'
import type { JournalStore, RunHead } from '../journal/index.ts'
import { EmbeddedEngine, isHosted, type RunEngine } from '../run/index.ts'
import type { Terminal } from './terminal.ts'

/**
 * @param own drives, or leaves messages, for a run of this store. Default: it leaves messages, and drives nothing
 * @throws ENGINE_UNSUPPORTED when the run is hosted and the environment does not say where
 */
export function engineReaching(head: RunHead, store: JournalStore, terminal: Terminal, own = () => leaving(store)): RunEngine {
  const { run, owner } = head
  if (!isHosted(owner) && !isUnheard(head)) return own()
  const engine = configuredEngine(terminal, false)
  if (!engine && !isHosted(owner)) return own()
  if (engine) return engine.make({ store, flows: [], schedules: [], clock: undefined, resume: false, servicesOf: () => new Map() })
  throw new TuttiError('ENGINE_UNSUPPORTED', `the run '${run}' is hosted by another engine, which alone can go on with it`, {
    data: { run, owner: owner ?? null },
    hint: 'Say which: TUTTI_ENGINE=restate, and where it is: TUTTI_RESTATE_INGRESS, TUTTI_RESTATE_ADMIN.',
  })
}

/** Nobody has driven it yet: where an engine elsewhere drives the runs, it has not heard of this one. */
const isUnheard = ({ status, epoch }: RunHead): boolean => status === 'running' && epoch === 0

const leaving = (store: JournalStore): RunEngine => new EmbeddedEngine({ store, flows: [], resume: false })
