/** The simplest statement of what a journal store does, and the property that a store answers as it does. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Entry, JournalStore, RunHead, RunStatus } from '../journal/index.ts'
import { hash128, type RunId } from '../primitives/index.ts'

const owners = ['one', 'two'] as const
const statuses: readonly RunStatus[] = ['running', 'waiting', 'suspended', 'completed', 'failed', 'cancelled']
const LEASE_MS = 10

/** One call. Runs are numbered, so that calls meet; `epochBack` and `gap` make it wrong now and then. */
type Call =
  | { readonly do: 'create'; readonly run: number; readonly lease: boolean }
  | {
      readonly do: 'append'
      readonly run: number
      readonly entries: number
      readonly epochBack: number
      readonly gap: number
      readonly release: boolean
      readonly take: boolean
      /** Which blob it names, and whether it brings its text. */
      readonly blob: number | undefined
      readonly brings: boolean
    }
  | { readonly do: 'rest'; readonly run: number; readonly status: RunStatus; readonly wakeIn: number | undefined }
  | { readonly do: 'acquire' | 'renew'; readonly run: number; readonly owner: string }
  | { readonly do: 'post'; readonly run: number; readonly id: string }
  | { readonly do: 'remove'; readonly runs: readonly number[]; readonly dryRun: boolean }
  | { readonly do: 'later'; readonly ms: number }

const run = fc.nat(2)
const seldom = fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) })
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), run, lease: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      run,
      entries: fc.nat(3),
      epochBack: seldom,
      gap: seldom,
      release: fc.boolean(),
      take: fc.boolean(),
      blob: fc.option(fc.nat(1), { nil: undefined }),
      brings: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('rest' as const), run, status: fc.constantFrom(...statuses), wakeIn: fc.option(fc.nat(20), { nil: undefined }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('acquire' as const, 'renew' as const), run, owner: fc.constantFrom(...owners) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('post' as const), run, id: fc.constantFrom('m1', 'm2') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('remove' as const),
      runs: fc.uniqueArray(run, { minLength: 1 }),
      dryRun: fc.oneof(fc.constant(false), fc.boolean()),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('later' as const), ms: fc.nat(LEASE_MS) }) },
)

interface ModelRun {
  entries: number
  status: RunStatus
  wakeAt: number | undefined
  epoch: number
  owner: string | undefined
  until: number | undefined
  posted: Map<string, boolean>
  /** By `seq`: the blob its entry names. */
  named: Map<number, number>
}

type Answered = { readonly value: unknown } | { readonly code: string }
interface Shot {
  readonly expected: Answered
  readonly asked: Promise<unknown>
}

let campaign = 0

/** Fires random calls in random groups (a group is one turn of the event loop) and compares every answer, then all that can be read. */
export async function storeEqualsModel(store: JournalStore): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(call, { minLength: 1, maxLength: 8 }), { maxLength: 8 }), async (groups) => {
      const model = new Model(store, `flow-${++campaign}`)
      for (const group of groups) {
        const shots = group.map((one) => model.fire(one)).filter((shot) => shot !== undefined)
        const answers = await Promise.all(shots.map(({ asked }) => answerOf(asked)))
        expect(answers).toEqual(shots.map(({ expected }) => expected))
        await model.compare()
      }
    }),
    { numRuns: 150 },
  )
}

const answerOf = (asked: Promise<unknown>): Promise<Answered> =>
  asked.then(
    (value) => ({ value }),
    (error: unknown) => ({ code: (error as { code: string }).code }),
  )

class Model {
  readonly #store: JournalStore
  readonly #flow: string
  readonly #runs = new Map<number, ModelRun>()
  /** The blobs that are there: those that were brought, and that a run still names. */
  readonly #blobs = new Set<number>()
  #now = 1_000

  constructor(store: JournalStore, flow: string) {
    this.#store = store
    this.#flow = flow
  }

  /** Makes the call, and says what the store must answer; nothing when the call only passes time. */
  fire(call: Call): Shot | undefined {
    switch (call.do) {
      case 'later':
        this.#now += call.ms
        return undefined
      case 'create':
        return this.#create(call.run, call.lease)
      case 'append':
        return this.#append(call)
      case 'rest':
        return this.#rest(call)
      case 'acquire':
        return this.#acquire(call.run, call.owner)
      case 'renew':
        return this.#renew(call.run)
      case 'post':
        return this.#post(call.run, call.id)
      case 'remove':
        return this.#remove(call.runs, call.dryRun)
    }
  }

  async compare(): Promise<void> {
    for (const [number, model] of this.#runs) {
      const id = this.#id(number)
      expect(await this.#store.head(id)).toEqual(this.#headOf(number, model))
      const entries: Entry[] = []
      for await (const entry of this.#store.read(id)) entries.push(entry)
      expect(entries).toEqual(Array.from({ length: model.entries }, (_, i) => this.#entry(number, i + 1, model.named.get(i + 1))))
      expect((await this.#store.inbox(id)).map((message) => message.id)).toEqual([...model.posted].filter(([, open]) => open).map(([message]) => message))
    }
    for (const blob of [0, 1]) {
      const text = await this.#store.blob(this.#hash(blob)).catch(() => undefined)
      expect(text).toBe(this.#blobs.has(blob) ? this.#text(blob) : undefined)
    }
    const due = [...this.#runs].filter(([, model]) => this.#isDue(model)).map(([number]) => this.#id(number))
    expect(new Set((await this.#store.due([{ flow: this.#flow, version: '1' }], this.#now, 100)).map((head) => head.run))).toEqual(new Set(due))
  }

  #create(number: number, lease: boolean): Shot {
    const known = this.#runs.get(number)
    const start = {
      run: this.#id(number),
      flow: this.#flow,
      version: '1',
      scope: { tenant: 't' },
      createdAt: 1,
      startHash: 'h',
      labels: {},
      entries: [this.#entry(number, 1)],
    }
    const asked = this.#store.create({ ...start, lease: lease ? { owner: 'one', until: this.#now + LEASE_MS } : undefined }).then(({ created }) => created)
    if (known) return { expected: { value: false }, asked }
    const held = lease ? { epoch: 1, owner: 'one', until: this.#now + LEASE_MS } : { epoch: 0, owner: undefined, until: undefined }
    this.#runs.set(number, { entries: 1, status: 'running', wakeAt: undefined, posted: new Map(), named: new Map(), ...held })
    return { expected: { value: true }, asked }
  }

  #append({ run: number, entries: count, epochBack, gap, release, take, blob, brings }: Extract<Call, { do: 'append' }>): Shot {
    const model = this.#runs.get(number)
    const epoch = (model?.epoch ?? 1) - epochBack
    const first = (model?.entries ?? 1) + 1 + gap
    const named = count > 0 && blob !== undefined && (brings || this.#blobs.has(blob)) ? blob : undefined
    const entries = Array.from({ length: count }, (_, i) => this.#entry(number, first + i, i === 0 ? named : undefined))
    const blobs = named !== undefined && brings ? new Map([[this.#hash(named), this.#text(named)]]) : undefined
    const asked = this.#store.append({ run: this.#id(number), epoch, entries, blobs, release, taken: take ? ['m1'] : undefined })
    if (!model) return { expected: { code: 'RUN_NOT_FOUND' }, asked }
    if (epoch !== model.epoch || epoch === 0 || (gap > 0 && count > 0)) return { expected: { code: 'JOURNAL_FENCED' }, asked }
    if (named !== undefined) this.#blobs.add(named)
    if (named !== undefined) model.named.set(first, named)
    model.entries += count
    if (take && model.posted.has('m1')) model.posted.set('m1', false)
    if (release) model.owner = model.until = undefined
    return { expected: { value: undefined }, asked }
  }

  #rest({ run: number, status, wakeIn }: Extract<Call, { do: 'rest' }>): Shot {
    const model = this.#runs.get(number)
    const wakeAt = wakeIn === undefined ? undefined : this.#now + wakeIn
    const asked = this.#store.append({ run: this.#id(number), epoch: model?.epoch ?? 1, entries: [], head: { status, wakeAt } })
    if (!model) return { expected: { code: 'RUN_NOT_FOUND' }, asked }
    if (model.epoch === 0) return { expected: { code: 'JOURNAL_FENCED' }, asked }
    model.status = status
    model.wakeAt = wakeAt
    return { expected: { value: undefined }, asked }
  }

  #acquire(number: number, owner: string): Shot {
    const model = this.#runs.get(number)
    // Where its journal ends a store may say, or not.
    const asked = this.#store.acquire(this.#id(number), owner, this.#now, this.#now + LEASE_MS).then((lease) => lease && { ...lease, lastSeq: undefined })
    if (!model || this.#hasEnded(model) || (this.#isDriven(model) && model.owner !== owner)) return { expected: { value: undefined }, asked }
    Object.assign(model, { epoch: model.epoch + 1, owner, until: this.#now + LEASE_MS })
    return { expected: { value: { run: this.#id(number), epoch: model.epoch, until: this.#now + LEASE_MS, lastSeq: undefined } }, asked }
  }

  #renew(number: number): Shot {
    const model = this.#runs.get(number)
    const lease = { run: this.#id(number), epoch: model?.epoch ?? 1, until: 0 }
    const asked = this.#store.renew([lease], this.#now + LEASE_MS)
    if (model?.owner === undefined) return { expected: { value: [lease.run] }, asked }
    model.until = this.#now + LEASE_MS
    return { expected: { value: [] }, asked }
  }

  #post(number: number, id: string): Shot {
    const model = this.#runs.get(number)
    const asked = this.#store.post(this.#id(number), id === 'm1' ? { id, type: 'cancel', reason: 'r' } : { id, type: 'grant', more: {} }, this.#now)
    if (!model) return { expected: { code: 'RUN_NOT_FOUND' }, asked }
    if (model.posted.has(id)) return { expected: { value: 'duplicate' }, asked }
    model.posted.set(id, true)
    return { expected: { value: 'posted' }, asked }
  }

  #remove(numbers: readonly number[], dryRun: boolean): Shot {
    const asked = this.#store
      .remove(
        numbers.map((number) => this.#id(number)),
        { dryRun },
      )
      .then(({ removed }) => removed)
    const removed = numbers.filter((number) => this.#hasEnded(this.#runs.get(number) ?? { status: 'running' }))
    if (!dryRun) {
      for (const number of removed) this.#runs.delete(number)
      const named = new Set([...this.#runs.values()].flatMap((model) => [...model.named.values()]))
      for (const blob of this.#blobs) if (!named.has(blob)) this.#blobs.delete(blob)
    }
    return { expected: { value: removed.map((number) => this.#id(number)) }, asked }
  }

  #text(blob: number): string {
    return `blob ${blob} of ${this.#flow}`
  }

  #hash(blob: number): string {
    return hash128(this.#text(blob))
  }

  #id(number: number): RunId {
    return `${this.#flow}/${number}` as RunId
  }

  #entry(number: number, seq: number, blob?: number): Entry {
    if (blob !== undefined) return { seq, time: seq, type: 'step.completed', key: `${number}:${seq}`, value: { '~blob': this.#hash(blob), bytes: 1 } }
    return { seq, time: seq, type: 'run.patched', id: `${number}:${seq}` }
  }

  #headOf(number: number, { entries, status, wakeAt, epoch, owner, until }: ModelRun): RunHead {
    const fixed = { run: this.#id(number), flow: this.#flow, version: '1', scope: { tenant: 't' }, createdAt: 1, startHash: 'h', labels: {}, stalls: 0 }
    return {
      ...fixed,
      status,
      updatedAt: entries,
      lastSeq: entries,
      epoch,
      ...(wakeAt !== undefined && { wakeAt }),
      ...(owner !== undefined && { owner, leaseUntil: until }),
    }
  }

  #hasEnded({ status }: Pick<ModelRun, 'status'>): boolean {
    return status === 'completed' || status === 'failed' || status === 'cancelled'
  }

  #isDriven({ owner, until }: ModelRun): boolean {
    return owner !== undefined && until !== undefined && until > this.#now
  }

  #isDue(model: ModelRun): boolean {
    if (this.#hasEnded(model) || this.#isDriven(model)) return false
    const open = [...model.posted].filter(([, isOpen]) => isOpen).map(([id]) => id)
    if (model.status === 'suspended') return open.includes('m1')
    return model.status === 'running' || (model.wakeAt !== undefined && model.wakeAt <= this.#now) || open.length > 0
  }
}
