/**
 * A flow in one version as a Restate workflow: Restate's log holds the run as a list of commits, each one `ctx.run`.
 *
 * Owns: the order of what is asked of Restate. Does not own: the run (tutti's `HostedRun`).
 * Invariant: what is asked of Restate follows from its log alone, never from the code of the flow: a replay under other code is judged by tutti (divergence, changes,
 * migrations), not refused by Restate.
 */
import type { RestatePromise, Serde, WorkflowContext, WorkflowDefinition, WorkflowSharedContext } from '@restatedev/restate-sdk'
import { type Entry, type Group, groupText, type HostedRun, type HostedRuns, parseGroup, type RunId, type Told } from 'tutti/engine'

type Sdk = typeof import('@restatedev/restate-sdk')

export interface RunInput {
  readonly entries: readonly Entry[]
}
/** Which rest of the run is under way, or comes next: whoever wakes it calls off that one. */
const RESTS = 'rests'

/** A run at rest is given up after so long, and costs nothing until it is woken. */
const INACTIVITY_MS = 60_000
/** So long a step may take: Restate cuts an attempt off that says nothing for longer. */
const ABORT_MS = 24 * 3_600_000

/**
 * Restate's own default gives an invocation up after 70 attempts (about an hour): a run whose workers were away for longer would stand for ever. The largest that it takes.
 */
const MOST_ATTEMPTS = 2 ** 31 - 1

/** A group as the log holds it. What comes back is text still: a group that was made here need not be read again. */
const logged: Serde<Group | Uint8Array> = {
  contentType: 'application/x-ndjson',
  serialize: (group) => Buffer.from(groupText(group as Group)),
  deserialize: (bytes) => bytes,
}

/** @param wake calls off the rest of a run, as whoever tells it something does */
export function flowService(sdk: Sdk, name: string, runs: HostedRuns, wake: (run: string) => Promise<void>): WorkflowDefinition<string, unknown> {
  return sdk.workflow({
    name,
    handlers: {
      run: (ctx: WorkflowContext, input: RunInput) => drive({ sdk, ctx, wake: () => wake(ctx.key) }, input, runs),
      tell: sdk.handlers.workflow.shared((ctx: WorkflowSharedContext, what: Told) => tell(sdk, ctx, what)),
    },
    options: { inactivityTimeout: INACTIVITY_MS, abortTimeout: ABORT_MS, retryPolicy: { maxAttempts: MOST_ATTEMPTS } },
  })
}

interface Ground {
  readonly sdk: Sdk
  readonly ctx: WorkflowContext
  wake(): Promise<void>
}

async function drive(ground: Ground, { entries }: RunInput, runs: HostedRuns): Promise<void> {
  const { ctx } = ground
  const run = runs.attempt(ctx.key as RunId, entries)
  ctx.request().attemptCompletedSignal.addEventListener('abort', () => runs.ended(run))
  try {
    await new Driving(ground, run).toEnd()
    await run.flushed()
  } finally {
    runs.ended(run)
  }
}

interface Commit {
  readonly logged: RestatePromise<Group | Uint8Array>
  /** What it holds, when this attempt made it. */
  made?: Group
}

class Driving {
  readonly #sdk: Sdk
  readonly #ctx: WorkflowContext
  readonly #wake: () => Promise<void>
  readonly #run: HostedRun
  /** Announced while the one before it was on its way. */
  #ahead: Commit | undefined
  #rests = 0

  constructor({ sdk, ctx, wake }: Ground, run: HostedRun) {
    this.#sdk = sdk
    this.#ctx = ctx
    this.#wake = wake
    this.#run = run
  }

  async toEnd(): Promise<void> {
    for (let number = 1; ; number++) {
      const group = await this.#commit(number)
      if (group.over === 'ended') return
      if (group.rest || group.over) await this.#untilWoken(group)
    }
  }

  /** The next group of the log. */
  async #commit(number: number): Promise<Group> {
    const commit = this.#ahead ?? this.#announce(number)
    this.#ahead = undefined
    let text: Group | Uint8Array
    try {
      text = await commit.logged
    } catch (error) {
      text = await this.#afterCancelled(commit.logged, error)
    }
    if (commit.made) {
      this.#run.committed(commit.made)
      return commit.made
    }
    const group = parseGroup(Buffer.from(text as Uint8Array).toString(), this.#ctx.key as RunId)
    this.#run.recall(group)
    return group
  }

  /**
   * Restate is told that there will be a commit, and later what it holds. Where another one follows whatever this one holds, as after all but a rest and an end, that one is
   * announced with what this one holds: one message and one write of the log for each commit, where there would be two. What is asked, and its order, are the same either way.
   */
  #announce(number: number): Commit {
    const next = (): Promise<Group> =>
      this.#run.next().then((made) => {
        commit.made = made
        if (!made.rest && !made.over) this.#ahead = this.#announce(number + 1)
        return made
      })
    const commit: Commit = { logged: this.#ctx.run<Group | Uint8Array>(`commit ${number}`, next, { serde: logged }) }
    return commit
  }

  async #untilWoken({ rest }: Group): Promise<void> {
    const told = this.#ctx.promise<Told>(wakeAt(this.#rests)).get()
    const timer = rest?.wakeAt === undefined ? [] : [this.#ctx.sleep(Math.max(0, rest.wakeAt - rest.now)).map(() => undefined)]
    const woken: RestatePromise<Told | undefined> = this.#sdk.RestatePromise.race([...timer, told])
    let what: Told | undefined
    try {
      what = await woken
    } catch (error) {
      // A cancellation is not an answer that the log gives again in the same place, so it calls the rest off as anybody does.
      what = await this.#afterCancelled(woken, error, this.#wake)
    }
    if (what !== undefined) this.#ctx.set(RESTS, ++this.#rests)
    if (what === 'resume') this.#run.resume()
    this.#run.poke()
  }

  /** A run that is cancelled at Restate undoes what it did, and ends as one that tutti cancels. */
  async #afterCancelled<T>(promise: RestatePromise<T>, error: unknown, wake?: () => Promise<void>): Promise<T> {
    for (let thrown = error; ; ) {
      if (!(thrown instanceof this.#sdk.CancelledError)) throw thrown
      this.#run.cancel('cancelled at Restate')
      await wake?.()
      try {
        return await anew(promise)
      } catch (again) {
        thrown = again
      }
    }
  }
}

/** One that was told of a cancellation says nothing else any more. */
const anew = <T>(promise: RestatePromise<T>): RestatePromise<T> =>
  promise.map((value, failure) => {
    if (failure) throw failure
    return value as T
  })

const wakeAt = (rest: number): string => `wake ${rest}`

/** Calls off the rest that is under way; of a run that does not rest the next one, which then is short. */
async function tell(sdk: Sdk, ctx: WorkflowSharedContext, what: Told): Promise<void> {
  for (let rest = (await ctx.get<number>(RESTS)) ?? 0; ; rest++) {
    const wake = ctx.promise<Told>(wakeAt(rest))
    if ((await wake.peek()) !== undefined) continue
    try {
      return await wake.resolve(what)
    } catch (error) {
      // Somebody else called it off in the meantime.
      if (!(error instanceof sdk.TerminalError)) throw error
    }
  }
}
