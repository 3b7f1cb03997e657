/**
 * A flow in one version as a Restate workflow: Restate's log holds the run as a list of commits, each one `ctx.run`.
 *
 * Owns: the order of what is asked of Restate. Does not own: the run (tutti's `HostedRun`).
 * Invariant: what is asked of Restate follows from its log alone, never from the code of the flow: a replay under other code is judged by tutti (divergence, changes,
 * migrations), not refused by Restate.
 */
import type { RestatePromise, WorkflowContext, WorkflowDefinition, WorkflowSharedContext } from '@restatedev/restate-sdk'
import type { Entry, Group, HostedMessage, HostedRun, HostedRuns, RunId } from 'tutti/engine'

type Sdk = typeof import('@restatedev/restate-sdk')

export interface RunInput {
  readonly entries: readonly Entry[]
}
type Waker = { readonly message: HostedMessage } | { readonly woken: true }
type Event = Waker | { readonly group: Group }

/** How many messages were taken, so that whoever sends one need not look at those. */
const TAKEN = 'taken'

/** A run at rest is given up after so long, and costs nothing until it is woken. */
const INACTIVITY_MS = 60_000
/** So long a step may take: Restate cuts an attempt off that says nothing for longer. */
const ABORT_MS = 24 * 3_600_000

export function flowService(sdk: Sdk, name: string, runs: HostedRuns): WorkflowDefinition<string, unknown> {
  return sdk.workflow({
    name,
    handlers: {
      run: (ctx: WorkflowContext, input: RunInput) => drive(sdk, ctx, input, runs),
      tell: sdk.handlers.workflow.shared((ctx: WorkflowSharedContext, message: HostedMessage) => tell(sdk, ctx, message)),
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
  #inbox: RestatePromise<HostedMessage>
  #taken = 0

  constructor(sdk: Sdk, ctx: WorkflowContext, run: HostedRun) {
    this.#sdk = sdk
    this.#ctx = ctx
    this.#run = run
    this.#inbox = messageAt(ctx, 0)
  }

  async toEnd(): Promise<void> {
    for (let number = 1; ; number++) {
      const { group, told } = await this.#commit(number)
      if (group.over === 'ended') return
      // What came while the group was on its way to the log may be what the run waits for.
      if ((group.rest || group.over) && !told) await this.#untilWoken(group)
    }
  }

  /** @returns the next group of the log, and whether somebody sent something meanwhile */
  async #commit(number: number): Promise<{ readonly group: Group; readonly told: boolean }> {
    let isNew = false
    const commit = this.#ctx.run(`commit ${number}`, () => {
      isNew = true
      return this.#run.next()
    })
    for (let told = false; ; told = true) {
      const event = await this.#first([commit.map((group): Event => ({ group: group as Group }))])
      if ('message' in event) {
        this.#receive(event.message)
        continue
      }
      if (!('group' in event)) continue
      if (isNew) this.#run.committed(event.group)
      else this.#run.recall(event.group)
      return { group: event.group, told }
    }
  }

  async #untilWoken({ rest }: Group): Promise<void> {
    const timer = rest?.wakeAt === undefined ? [] : [this.#ctx.sleep(Math.max(0, rest.wakeAt - rest.now)).map((): Event => ({ woken: true }))]
    const event = await this.#first(timer)
    if ('message' in event) this.#receive(event.message)
  }

  /** The first of these and of what others send. */
  async #first(events: readonly RestatePromise<Event>[]): Promise<Event> {
    return this.#sdk.RestatePromise.race([...events, this.#inbox.map((message): Event => ({ message: message as HostedMessage }))])
  }

  #receive(message: HostedMessage): void {
    this.#taken++
    this.#ctx.set(TAKEN, this.#taken)
    this.#inbox = messageAt(this.#ctx, this.#taken)
    this.#run.receive(message)
  }
}

const nameAt = (number: number): string => `message ${number}`
const messageAt = (ctx: WorkflowContext, number: number): RestatePromise<HostedMessage> => ctx.promise<HostedMessage>(nameAt(number)).get()

/** Puts a message behind those that are there: each place is a promise that is kept once. */
async function tell(sdk: Sdk, ctx: WorkflowSharedContext, message: HostedMessage): Promise<void> {
  for (let number = (await ctx.get<number>(TAKEN)) ?? 0; ; number++) {
    const place = ctx.promise<HostedMessage>(nameAt(number))
    if ((await place.peek()) !== undefined) continue
    try {
      return await place.resolve(message)
    } catch (error) {
      // Another message took the place in the meantime.
      if (!(error instanceof sdk.TerminalError)) throw error
    }
  }
}
