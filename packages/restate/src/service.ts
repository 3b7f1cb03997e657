/**
 * A flow in one version as a Restate workflow: Restate's log holds the run as a list of commits, each one `ctx.run`.
 *
 * Owns: the order of what is asked of Restate. Does not own: the run (tutti's `HostedRun`).
 * Invariant: what is asked of Restate follows from its log alone, never from the code of the flow: a replay under other code is judged by tutti (divergence, changes,
 * migrations), not refused by Restate.
 */
import type { RestatePromise, Serde, WorkflowContext, WorkflowDefinition, WorkflowSharedContext } from '@restatedev/restate-sdk'
import type { Entry, Group, HostedRun, HostedRuns, RunId, Told } from 'tutti/engine'

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

/** A group as the log holds it. What comes back is text still: a group that was made here need not be read again. */
const logged: Serde<Group | Uint8Array> = {
  contentType: 'application/json',
  serialize: (group) => Buffer.from(JSON.stringify(group)),
  deserialize: (bytes) => bytes,
}

export function flowService(sdk: Sdk, name: string, runs: HostedRuns): WorkflowDefinition<string, unknown> {
  return sdk.workflow({
    name,
    handlers: {
      run: (ctx: WorkflowContext, input: RunInput) => drive(sdk, ctx, input, runs),
      tell: sdk.handlers.workflow.shared((ctx: WorkflowSharedContext, what: Told) => tell(sdk, ctx, what)),
    },
    options: { inactivityTimeout: INACTIVITY_MS, abortTimeout: ABORT_MS },
  })
}

async function drive(sdk: Sdk, ctx: WorkflowContext, { entries }: RunInput, runs: HostedRuns): Promise<void> {
  const run = runs.attempt(ctx.key as RunId, entries)
  ctx.request().attemptCompletedSignal.addEventListener('abort', () => runs.ended(run))
  try {
    await new Driving(sdk, ctx, run).toEnd()
    await run.flushed()
  } finally {
    runs.ended(run)
  }
}

class Driving {
  readonly #sdk: Sdk
  readonly #ctx: WorkflowContext
  readonly #run: HostedRun
  #rests = 0

  constructor(sdk: Sdk, ctx: WorkflowContext, run: HostedRun) {
    this.#sdk = sdk
    this.#ctx = ctx
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
    let made: Group | undefined
    const next = async (): Promise<Group> => {
      made = await this.#run.next()
      return made
    }
    const text = await this.#orCancelled(this.#ctx.run<Group | Uint8Array>(`commit ${number}`, next, { serde: logged }))
    if (made) {
      this.#run.committed(made)
      return made
    }
    const group = JSON.parse(Buffer.from(text as Uint8Array).toString()) as Group
    this.#run.recall(group)
    return group
  }

  async #untilWoken({ rest }: Group): Promise<void> {
    const told = this.#ctx.promise<Told>(wakeAt(this.#rests)).get()
    const timer = rest?.wakeAt === undefined ? [] : [this.#ctx.sleep(Math.max(0, rest.wakeAt - rest.now)).map(() => undefined)]
    const what = await this.#orCancelled<Told | undefined>(this.#sdk.RestatePromise.race([...timer, told]))
    if (what !== undefined) this.#ctx.set(RESTS, ++this.#rests)
    if (what === 'resume') this.#run.resume()
    this.#run.poke()
  }

  /** A run that is cancelled at Restate undoes what it did, and ends as one that tutti cancels. */
  async #orCancelled<T>(promise: RestatePromise<T>): Promise<T> {
    for (;;) {
      try {
        return await promise
      } catch (error) {
        if (!(error instanceof this.#sdk.CancelledError)) throw error
        this.#run.cancel('cancelled at Restate')
      }
    }
  }
}

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
