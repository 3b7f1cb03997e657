/** What every journal store must do with accounts that outlive runs. Part of `storeConformance`. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type AccountClaim, type Amounts, type Budget, type Every, nothing, type Per, StandingBudgets } from '../budget/index.ts'
import type { AccountFilter, Commit, Entry, JournalStore, StandingHold } from '../journal/index.ts'
import type { RunId, Scope } from '../primitives/index.ts'
import { NOW, newRun, patched, readAll, started } from './sample-run.ts'

const a = 'run_a' as RunId
const b = 'run_b' as RunId
const DAY_MS = 86_400_000

const amountsOf = (microUsd: number): Amounts => ({ ...nothing, microUsd, modelCalls: 1 })

interface Account {
  readonly per?: Per
  readonly every?: Every
  readonly scope?: Scope
  readonly at?: number
}

/** The accounts of a run under one budget. */
function claimsOf(budget: Budget, { per = 'tenant', every = 'day', scope = { tenant: 'acme' }, at = NOW }: Account = {}): readonly AccountClaim[] {
  return new StandingBudgets([{ per, every, ...budget }]).claimsAt(at, { scope, flow: 'desk' })
}

const begun = (seq: number, key: string): Entry => ({
  seq,
  time: NOW + seq,
  type: 'step.started',
  key,
  at: [seq],
  fingerprint: 'f',
  attempt: 1,
  standing: true,
})

interface Asked {
  readonly run?: RunId
  readonly seq: number
  readonly epoch?: number
  readonly key?: string
  readonly worst: number
  readonly claims: readonly AccountClaim[]
}

/** The commit that begins an attempt. */
function holding({ run = a, seq, epoch = 1, key = `call ${seq}`, worst, claims }: Asked): Commit {
  const instead: StandingHold['instead'] = { seq, time: NOW + seq, type: 'step.failed', key, at: [seq], fingerprint: 'f', attempt: 1, final: true }
  return { run, epoch, entries: [begun(seq, key)], standing: { hold: { token: `t ${key}`, claims, amounts: amountsOf(worst), instead } } }
}

const settling = (seq: number, key: string, actual?: number, run: RunId = a, epoch = 1): Commit => ({
  run,
  epoch,
  entries: [{ seq, time: NOW + seq, type: 'step.completed', key, value: null }],
  standing: { settles: [{ token: `t ${key}`, ...(actual !== undefined && { actual: amountsOf(actual) }) }] },
})

export function standingConformance(store: () => JournalStore): void {
  const taken = async (filter: AccountFilter = {}): Promise<(readonly [spent: number, held: number])[]> =>
    (await store().accounts(filter)).map(({ spent, held }) => [spent.microUsd, held.microUsd] as const)
  const limit = claimsOf({ usd: 100 / 1e6 })

  it('[B4] what an attempt may use is held with the entry that begins it, and settled with the one that ends it', async () => {
    await store().create(newRun(a))
    expect(await store().append(holding({ seq: 2, worst: 60, claims: limit }))).toBeUndefined()
    expect(await taken()).toEqual([[0, 60]])
    await store().append(settling(3, 'call 2', 25))
    await store().append(settling(4, 'call 2', 25))
    expect(await taken()).toEqual([[25, 0]])
    await store().append(holding({ seq: 5, worst: 75, claims: limit }))
    await store().append(settling(6, 'call 5'))
    expect(await taken()).toEqual([[100, 0]])
    const [account] = await store().accounts()
    expect(account).toMatchObject({ per: 'tenant', tenant: 'acme', every: 'day', limits: { microUsd: 100 }, from: expect.any(Number) })
    expect(account?.spent.modelCalls).toBe(2)
  })

  it('[B4] a hold that does not fit writes the failure in the place of the beginning, names the account, and harms no other commit of its group', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    const [first, refused, beside, after] = await Promise.all([
      store().append(holding({ seq: 2, worst: 70, claims: limit })),
      store().append(holding({ run: b, seq: 2, worst: 40, claims: limit })),
      store().append({ run: a, epoch: 1, entries: [patched(3)] }),
      store().append({ run: b, epoch: 1, entries: [patched(3)] }),
    ])
    expect([first, beside, after]).toEqual([undefined, undefined, undefined])
    expect(refused).toEqual(expect.any(String))
    expect((await readAll(store(), a)).map(({ type }) => type)).toEqual(['run.started', 'step.started', 'run.patched'])
    const [, failed, patch] = await readAll(store(), b)
    expect(patch?.type).toBe('run.patched')
    const period = limit[0]?.period
    expect(failed).toMatchObject({ type: 'step.failed', key: 'call 2', at: [2], final: true })
    expect(failed).toMatchObject({
      error: {
        code: 'BUDGET_EXCEEDED',
        message: `'call 2' could use 0.000040 USD; of the 0.000100 USD allowed to tenant 'acme', day ${period}, 0.000070 USD are spent or held`,
        data: { account: `tenant 'acme', day ${period}`, limit: 'microUsd', allowed: 100, taken: 70, asked: 40 },
      },
    })
    expect(await taken()).toEqual([[0, 70]])
  })

  it('[B4] of several accounts all are held in, or none', async () => {
    await store().create(newRun(a))
    const both = [...claimsOf({ usd: 1 }), ...claimsOf({ usd: 50 / 1e6 }, { per: 'flow', every: 'month' })]
    expect(await store().append(holding({ seq: 2, worst: 50, claims: both }))).toBeUndefined()
    expect(await store().append(holding({ seq: 3, worst: 1, claims: both }))).toContain("flow 'desk', month")
    expect(await taken({ per: 'tenant' })).toEqual([[0, 50]])
    expect(await taken({ per: 'flow' })).toEqual([[0, 50]])
    await store().append(settling(4, 'call 2', 10))
    expect([...(await taken({ tenant: 'acme' })), ...(await taken({ flow: 'desk' }))]).toEqual([
      [10, 0],
      [10, 0],
    ])
    expect(await taken({ user: 'ada' })).toEqual([])
  })

  it('[B4] a hold that is asked again is held once, and judged by the limit of now', async () => {
    await store().create(newRun(a))
    const asked = (seq: number, worst: number, claims = limit): Commit => ({ ...holding({ seq, key: 'call', worst, claims }), entries: [] })
    expect(await store().append(asked(2, 80))).toBeUndefined()
    expect(await store().append(asked(2, 90))).toBeUndefined()
    expect(await taken()).toEqual([[0, 90]])
    expect(await store().append(asked(2, 95, claimsOf({ usd: 94 / 1e6 })))).toContain('BUDGET_EXCEEDED')
    expect(await taken()).toEqual([[0, 0]])
    expect(await store().append(asked(2, 95, claimsOf({ usd: 95 / 1e6 })))).toBeUndefined()
    expect(await readAll(store(), a)).toEqual([started(a)])
  })

  it('[B4] what is settled counts in the period in which it was held', async () => {
    await store().create(newRun(a))
    await store().append(holding({ seq: 2, worst: 100, claims: limit }))
    const tomorrow = claimsOf({ usd: 100 / 1e6 }, { at: NOW + DAY_MS })
    expect(await store().append(holding({ seq: 3, worst: 100, claims: tomorrow }))).toBeUndefined()
    await store().append(settling(4, 'call 2', 30))
    expect(await taken()).toEqual([
      [0, 100],
      [30, 0],
    ])
    expect(await taken({ at: limit[0]?.until })).toEqual([[0, 100]])
  })

  it('[B4] a commit that is refused holds nothing and settles nothing', async () => {
    await store().create(newRun(a))
    await store().append(holding({ seq: 2, worst: 10, claims: limit }))
    await store().acquire(a, 'two', NOW + 1_000, NOW + 2_000)
    await expect(store().append(holding({ seq: 3, worst: 10, claims: limit }))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    await expect(store().append(settling(3, 'call 2', 1))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    await expect(store().append(holding({ epoch: 2, seq: 9, worst: 10, claims: limit }))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    expect(await taken()).toEqual([[0, 10]])
    await store().append(settling(3, 'call 2', 1, a, 2))
    expect(await taken()).toEqual([[1, 0]])
  })

  it('[B4] what a run still holds when it ends, or when it is removed, counts in full; and what runs used stays when they are gone', async () => {
    await Promise.all([store().create(newRun(a)), store().create(newRun(b))])
    await store().append(holding({ seq: 2, worst: 10, claims: limit }))
    await store().append(holding({ seq: 3, worst: 5, claims: limit }))
    await store().append(holding({ run: b, seq: 2, worst: 20, claims: limit }))
    await store().append({
      ...settling(4, 'call 3', 2),
      head: { status: 'completed' },
      release: true,
      standing: { settles: [{ token: 't call 3', actual: amountsOf(2) }], closes: true },
    })
    expect(await taken()).toEqual([[12, 20]])
    await store().remove([a, b], { force: true, dryRun: true })
    expect(await taken()).toEqual([[12, 20]])
    await store().remove([a, b], { force: true })
    expect(await taken()).toEqual([[32, 0]])
  })

  it('[R13] an erased subject is named by no account, and what it used stays counted', async () => {
    await store().create(newRun(a))
    const ada = claimsOf({ usd: 100 / 1e6 }, { per: 'user', scope: { tenant: 'acme', user: 'ada' } })
    const bob = claimsOf({ usd: 100 / 1e6 }, { per: 'user', scope: { tenant: 'acme', user: 'bob' } })
    await store().append(holding({ seq: 2, worst: 60, claims: ada }))
    await store().append(holding({ seq: 3, worst: 60, claims: bob }))
    await store().shred({ tenant: 'acme', user: 'ada' }, 'begin')
    await store().shred({ tenant: 'acme', user: 'ada' }, 'end')
    expect(JSON.stringify(await store().accounts())).not.toContain('ada')
    expect(await taken({ user: 'bob' })).toEqual([[0, 60]])
    expect(await store().append(holding({ seq: 4, worst: 60, claims: ada }))).toContain('BUDGET_EXCEEDED')
    expect(await store().append(holding({ seq: 5, worst: 40, claims: ada }))).toBeUndefined()
    expect(JSON.stringify(await store().accounts())).not.toContain('ada')
    await store().shred({ tenant: 'acme' }, 'end')
    expect(JSON.stringify(await store().accounts())).not.toMatch(/acme|bob/)
    expect(await taken()).toHaveLength(2)
  })

  it(
    '[B4] whatever holds, settles and ends, in whatever groups, what is spent and held is what a plain sum says, and passes no limit',
    () => sumsEqual(store()),
    60_000,
  )
}

type Call = {
  readonly run: 0 | 1 | 2
  readonly user: number
  readonly worst: number
  readonly settles: number
  readonly part: number
  readonly together: boolean
}

/** Three runs of two users, a limit for the tenant and one for each user. */
async function sumsEqual(store: JournalStore): Promise<void> {
  const call: fc.Arbitrary<Call> = fc.record({
    run: fc.constantFrom(0, 1, 2),
    user: fc.nat(1),
    worst: fc.integer({ min: 1, max: 60 }),
    settles: fc.nat(3),
    part: fc.integer({ min: 0, max: 4 }),
    together: fc.boolean(),
  })
  let round = 0
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 30 }), fc.integer({ min: 60, max: 200 }), async (calls, most) => {
      const tenant = `t${++round}`
      const budgets = new StandingBudgets([
        { per: 'tenant', every: 'month', usd: most / 1e6 },
        { per: 'user', every: 'day', usd: most / 2 / 1e6 },
      ])
      const runs = [0, 1, 2].map((number) => ({ run: `${tenant}/${number}` as RunId, seq: 1, open: [] as { key: string; user: number; worst: number }[] }))
      await Promise.all(runs.map(({ run }) => store.create(newRun(run))))
      const sums = { tenant: 0, users: [0, 0] }
      let group: Promise<unknown>[] = []
      for (const { run: number, user, worst, settles, part, together } of calls) {
        const own = runs[number] as (typeof runs)[number]
        const claims = budgets.claimsAt(NOW, { scope: { tenant, user: `u${user}` }, flow: 'desk' })
        const fits = sums.tenant + worst <= most && (sums.users[user] as number) + worst <= most / 2
        const key = `call ${++own.seq}`
        group.push(store.append(holding({ run: own.run, seq: own.seq, key, worst, claims })).then((line) => expect(line === undefined).toBe(fits)))
        if (fits) {
          own.open.push({ key, user, worst })
          sums.tenant += worst
          sums.users[user] = (sums.users[user] as number) + worst
        }
        for (const done of own.open.splice(0, settles)) {
          const actual = Math.floor((done.worst * part) / 4)
          group.push(store.append(settling(++own.seq, done.key, actual, own.run)))
          sums.tenant -= done.worst - actual
          sums.users[done.user] = (sums.users[done.user] as number) - (done.worst - actual)
        }
        if (together) continue
        await Promise.all(group)
        group = []
      }
      await Promise.all(group)
      const total = async (filter: AccountFilter): Promise<number> =>
        (await store.accounts({ tenant, ...filter })).reduce((sum, { spent, held }) => sum + spent.microUsd + held.microUsd, 0)
      expect([await total({ per: 'tenant' }), await total({ user: 'u0' }), await total({ user: 'u1' })]).toEqual([sums.tenant, ...sums.users])
    }),
    { numRuns: 40 },
  )
}
