/**
 * A test app that dies at a failpoint, as its process would: nothing it does from then on is durable, no effect begins, and its leases are those of a
 * process that is gone. What the journal held at that moment is what the next app finds.
 *
 * Owns: which runs are whose, whether the app is dead. Does not own: the store beneath, which the next app goes on with.
 * The real thing, a process that is killed there, is `test/crash`; this is for the tests of a flow.
 */
import { TuttiError } from '../errors/index.ts'
import type { JournalStore, Lease } from '../journal/index.ts'
import { type Failpoint, failpoints, watchFailpoints } from '../primitives/index.ts'
import { bound } from './failpoint-store.ts'

/** Places inside a commit. In memory every append is a transaction: before these it is lost, after those it is kept and nobody hears of it. */
const LOST: readonly Failpoint[] = [
  'tables made, version not set',
  'transaction begun, nothing written',
  'head and blobs written, entries not',
  'everything written, not committed',
]
const KEPT: readonly Failpoint[] = ['committed, not answered', 'committed in the worker, answer not posted', 'answer of the worker come, nobody told']

/** Behind these the code does what no store can refuse: so it is stopped right there. Elsewhere a dead app comes to its end at its next write. */
const STOPPED: readonly Failpoint[] = [
  'run created, not driven',
  'run let through, not driven',
  'budget held, call not sent',
  'intent recorded, effect not begun',
  'doubt recorded, tool not asked',
  'outcome recorded, not delivered',
  'end decided, nothing undone',
  'undo recorded, next not begun',
]

/** Whose each run is: places are named for all apps of this process at once, and the next app goes on with the runs of the one that crashed. */
const drivers = new Map<string, MortalStore>()

export class MortalStore {
  readonly store: JournalStore
  readonly #inner: JournalStore
  readonly #gone: Set<string>
  readonly #died: () => void
  readonly #owners = new Set<string>()
  readonly #unwatch: () => void
  #armed: { readonly at: Failpoint; left: number } | undefined
  #dead: TuttiError | undefined

  /**
   * @param gone owners of leases whose apps have crashed, shared by all apps on this store
   * @param died is called once, when the app has crashed
   */
  constructor(inner: JournalStore, gone: Set<string>, died: () => void) {
    this.#inner = inner
    this.#gone = gone
    this.#died = died
    this.store = this.#wrapped()
    this.#unwatch = watchFailpoints((name, run) => this.#passed(name, run))
  }

  /** @throws CONFIG_INVALID for a name that is none, or a count that is none */
  crashAt(at: Failpoint, pass: number): void {
    if (!Object.hasOwn(failpoints, at))
      throw new TuttiError('CONFIG_INVALID', `there is no failpoint '${at}'`, { hint: `It is one of: ${Object.keys(failpoints).join('; ')}.` })
    if (!Number.isInteger(pass) || pass < 1) throw new TuttiError('CONFIG_INVALID', `crashAt() counts the times a place is passed from 1; it was given ${pass}`)
    this.#armed = { at, left: pass }
  }

  /** Nothing can crash it any more. */
  forget(): void {
    this.#unwatch()
    for (const [run, driver] of drivers) if (driver === this) drivers.delete(run)
  }

  #passed(name: Failpoint, run: string | undefined): void {
    if (run === undefined || drivers.get(run) !== this) return
    this.#pass(name)
    if (this.#dead && STOPPED.includes(name)) throw this.#dead
  }

  #pass(name: Failpoint): void {
    const armed = this.#armed
    if (armed?.at !== name || --armed.left > 0) return
    this.#armed = undefined
    this.#dead = new TuttiError('ENGINE_CLOSED', `the app crashed at '${name}', as crashAt() said`, { hint: 'testing({ after: app }) goes on from there.' })
    for (const owner of this.#owners) this.#gone.add(owner)
    this.#died()
  }

  #refuseDead(): void {
    if (this.#dead) throw this.#dead
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    for (const name of LOST) this.#pass(name)
    this.#refuseDead()
    const answer = await work()
    for (const name of KEPT) this.#pass(name)
    this.#refuseDead()
    return answer
  }

  #wrapped(): JournalStore {
    const inner = this.#inner
    return {
      ...bound(inner),
      create: (run) => {
        if (run.lease) this.#owners.add(run.lease.owner)
        this.#drive(run.run)
        return this.#write(() => inner.create(run))
      },
      // Who is dead reads nothing either: whoever waits there learns nothing more.
      head: async (run) => {
        this.#refuseDead()
        return inner.head(run)
      },
      append: (commit) => this.#write(() => inner.append(commit)),
      acquire: (run, owner, now, until) => {
        this.#owners.add(owner)
        this.#drive(run)
        return this.#write(() => this.#acquire(run, owner, now, until))
      },
      admit: async (admission) => {
        this.#owners.add(admission.owner)
        const admitted = await this.#write(() => inner.admit({ ...admission, gone: [...admission.gone, ...this.#gone] }))
        for (const { lease } of admitted.runs) this.#drive(lease.run)
        return admitted
      },
      renew: (leases, until) => this.#write(() => inner.renew(leases, until)),
      post: (run, message, now) => {
        if (!drivers.has(run)) this.#drive(run)
        return this.#write(() => inner.post(run, message, now))
      },
      due: async (flows, now, limit) => {
        const running = await inner.list({ status: ['running'], limit })
        const left = running.filter(
          ({ owner, flow, version }) => owner && this.#gone.has(owner) && flows.some((one) => one.flow === flow && one.version === version),
        )
        return [...left, ...(await inner.due(flows, now, limit))]
      },
    }
  }

  #drive(run: string): void {
    if (!this.#dead) drivers.set(run, this)
  }

  /** The lease of an app that has crashed need not run out first. */
  async #acquire(...[run, owner, now, until]: Parameters<JournalStore['acquire']>): Promise<Lease | undefined> {
    const lease = await this.#inner.acquire(run, owner, now, until)
    const head = lease ? undefined : await this.#inner.head(run)
    if (!head?.owner || !this.#gone.has(head.owner)) return lease
    return this.#inner.acquire(run, owner, Math.max(now, (head.leaseUntil ?? now) + 1), until)
  }
}
