/**
 * Code of a model, run as a flow: each turn of the code is a recorded step, each call it makes a recorded call of a tool.
 *
 * Owns: what the code was told, in which order. Does not own: the isolate (any may be lost at any time), the calls (call.ts).
 * Invariants:
 * 1. a call is told in the order in which its outcome reached the run, so that a replay tells the same;
 * 2. every call that was made has ended before the run of the code does, also one that the code did not wait for;
 * 3. code that is played again makes the calls that were recorded, or the run stops with JOURNAL_DIVERGED before any other is made.
 * On a crash the turns and calls that are recorded stand; the code is played again from them, which costs its processor time and nothing else.
 */
import { TuttiError } from '../../errors/index.ts'
import { canonical, hash128, type Json } from '../../primitives/index.ts'
import type { EffectSpec, Executed, Run } from '../../run/index.ts'
import { sandboxThreads } from '../sandbox-threads.ts'
import type { Call, CodeEnd, Limits, Program, Told, Turn } from './turn.port.ts'

/** What a call came to, as its caller is told it. */
export interface CallOutcome {
  readonly ok: boolean
  readonly value: Json
}

export interface CodeRunOptions {
  readonly limits: Limits
  /** Calls in all. */
  readonly mostCalls: number
  call(call: { readonly id: string; readonly tool: string; readonly input: Json }): Promise<CallOutcome>
}

export interface CodeResult {
  readonly end: CodeEnd
  readonly logs: readonly string[]
}

type Arrival = { readonly told: Told } | { readonly failed: unknown }

/** Of this process: a name for the isolate, if it is still there. */
let sessions = 0

/** @throws TOOL_CODE_LIMIT | TOOL_CODE_FAILED when it waits for nothing, and what ends a run in a call */
export async function runCode(run: Run, program: Program, o: CodeRunOptions): Promise<CodeResult> {
  const player = new Player(program, o.limits)
  const inbox = new Inbox()
  const logs: string[] = []
  let made = 0
  let end: CodeEnd | undefined
  let under = 0
  for (;;) {
    if (!end) {
      const turn = await run['~core'].ask(player.step())
      player.played(turn)
      logs.push(...turn.logs)
      end = turn.end
      made += turn.calls.length
      if (made > o.mostCalls) end = tooMany(made, o.mostCalls)
      else for (const call of turn.calls) inbox.expect(o.call({ id: `call-${call.id}`, tool: call.tool, input: JSON.parse(call.input) as Json }), call.id)
      under += made > o.mostCalls ? 0 : turn.calls.length
    }
    if (under === 0) return { end: end ?? waitsForNothing, logs }
    const arrival = await inbox.next()
    if ('failed' in arrival) throw arrival.failed
    under--
    player.tell(arrival.told)
  }
}

const waitsForNothing: CodeEnd = { ok: false, says: 'the code waits for something that will never happen' }
const tooMany = (made: number, most: number): CodeEnd => ({ ok: false, says: `the code made ${made} calls; it may make ${most}` })

/** The code and what it was told, as one step a turn. */
class Player {
  readonly #program: Program
  readonly #limits: Limits
  readonly #session = ++sessions
  readonly #told: Told[] = []
  readonly #turns: Turn[] = []
  #chain: string

  constructor(program: Program, limits: Limits) {
    this.#program = program
    this.#limits = limits
    this.#chain = hash128(canonical([program.code, program.input]))
  }

  tell(told: Told): void {
    this.#told.push(told)
    this.#chain = hash128(canonical([this.#chain, told.id, told.ok, told.value]))
  }

  /** The next turn: what the code does now that it was told all of this. */
  step(): EffectSpec<Turn> {
    const known = [...this.#turns]
    const told = [...this.#told]
    const execute = async ({ signal }: { signal: AbortSignal }): Promise<Executed<Turn>> => {
      const turns = await sandboxThreads.turns({ session: this.#session, program: this.#program, limits: this.#limits, told }, signal)
      // An isolate that was kept plays the last turn only; one that is made anew plays them all.
      if (turns.length > 1) checkSame(known, turns)
      return { value: turns.at(-1) as Turn }
    }
    return { name: `code:${known.length + 1}`, kind: 'code', effect: 'read', fingerprint: this.#chain, plan: () => ({ execute }) }
  }

  played(turn: Turn): void {
    this.#turns.push(turn)
  }
}

/** @throws JOURNAL_DIVERGED naming the first call that is another */
function checkSame(recorded: readonly Turn[], played: readonly Turn[]): void {
  for (const [i, turn] of recorded.entries()) {
    const now = played[i]?.calls ?? []
    const at = Math.max(turn.calls.length, now.length)
    for (let n = 0; n < at; n++) {
      const [before, after] = [sayCall(turn.calls[n]), sayCall(now[n])]
      if (before !== after)
        throw new TuttiError('JOURNAL_DIVERGED', `the code was played again and made another call than recorded: ${after}, where it had made ${before}`, {
          data: { recorded: before, played: after },
        })
    }
  }
}

const sayCall = (call: Call | undefined): string => (call ? `${call.tool}(${call.input.slice(0, 200)})` : 'none')

/** Outcomes of calls, in the order in which they reach the run. */
class Inbox {
  readonly #arrived: Arrival[] = []
  #wake: (() => void) | undefined

  expect(outcome: Promise<CallOutcome>, id: number): void {
    outcome.then(
      ({ ok, value }) => this.#take({ told: { id, ok, value: JSON.stringify(value) } }),
      (failed: unknown) => this.#take({ failed }),
    )
  }

  async next(): Promise<Arrival> {
    while (this.#arrived.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return this.#arrived.shift() as Arrival
  }

  #take(arrival: Arrival): void {
    this.#arrived.push(arrival)
    this.#wake?.()
  }
}
