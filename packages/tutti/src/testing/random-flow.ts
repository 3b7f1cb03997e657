/** A random program as a flow, and the world its steps work in: latencies, failures and results from a seed. */

import { nothing } from '../budget/index.ts'
import { hash128, type RunId, type Schema } from '../primitives/index.ts'
import { type EffectContext, type EffectSpec, type Executed, type Flow, type FlowOptions, flow, type Run, type StepContext, signal } from '../run/index.ts'
import type { Journal } from './failpoint-store.ts'
import { ATTEMPTS, type Node, type StepNode, seeded } from './random-program.ts'

export interface World {
  /** The idempotency key of each execution, in order. */
  readonly executed: readonly string[]
  work(step: StepNode, ctx: StepContext): string | Promise<string>
  /** What a call with a price costs (micro-USD). Default: its worst case. */
  price?(worst: number, ctx: EffectContext): Promise<number>
  /** The flow was given this result of a step. */
  delivered?(value: string): void
}

/**
 * @param pure true: a step of one key always gives the same result. False: every execution gives another, so that a repeated one is seen.
 */
export function randomWorld(seed: number, { pure = false }: { readonly pure?: boolean } = {}): World {
  const random = seeded(seed)
  const executed: string[] = []
  return {
    executed,
    work(step, ctx) {
      executed.push(ctx.idempotencyKey)
      const latency = random()
      const result = pure ? hash128(`${ctx.idempotencyKey}|${step.input}`).slice(0, 6) : `${executed.length}.${Math.floor(random() * 1e6)}`
      if (ctx.attempt <= step.throws) return latency < 0.3 ? raise() : after(latency, raise)
      return latency < 0.3 ? result : after(latency, () => result)
    },
  }
}

/** The keys that were executed in `world` though the first `length` entries of the journal hold what became of them. */
export function executedAgain(world: World, { run, entries }: Journal, length: number): readonly string[] {
  const recorded = new Set<string>()
  for (const entry of entries.slice(0, length))
    if (entry.type === 'step.completed' || (entry.type === 'step.failed' && entry.final)) recorded.add(hash128(`${run}|${entry.key}`))
  return world.executed.filter((key) => recorded.has(key))
}

const raise = (): never => {
  throw new Error('by design')
}

/** Mostly a few turns of the event loop, so that results of several steps are committed together; now and then milliseconds. */
async function after<T>(latency: number, give: () => T): Promise<T> {
  if (latency > 0.97) await new Promise((resolve) => setTimeout(resolve, 2))
  else for (let turns = Math.floor(latency * 6); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  return give()
}

/** What is answered to a wait for `said<n>`. */
const said = (n: number) => signal(`said${n}`, anything)
const anything: Schema<unknown, unknown> = { '~standard': { version: 1, vendor: 'tutti', validate: (value) => ({ value }) } }

/** The flow `random`, whose input says which of these programs it plays. */
export const flowOfAll = (programs: readonly Node[], worldOf: (run: RunId) => World): Flow<number, string> =>
  flow('random', async (n: number, run) => new Player(worldOf(run.id), [], undefined).play(run, programs[n] as Node))

interface PlayOptions {
  readonly ordered?: boolean
  /** Every step is more than a read and can be undone, and its outcome is told here when it is. */
  readonly undone?: string[] | undefined
}

/** The flow `random`. What it answers depends on every result and, in a program with races, on the order in which they came. */
export function flowOf(program: Node, world: World, { ordered = true, undone, version, migrations }: FlowOptions & PlayOptions = {}): Flow<null, string> {
  return flow('random', { version, migrations }, async (_: null, run) => {
    const seen: string[] = []
    const output = await new Player(world, seen, undone).play(run, program)
    return `${output}/${(ordered ? seen : seen.sort()).join(',')}`
  })
}

class Player {
  readonly #world: World
  readonly #seen: string[]
  readonly #undone: string[] | undefined

  constructor(world: World, seen: string[], undone: string[] | undefined) {
    this.#world = world
    this.#seen = seen
    this.#undone = undone
  }

  async play(run: Run, node: Node): Promise<string> {
    switch (node.t) {
      case 'step':
        return this.#saw(await this.#step(run, node))
      case 'seq': {
        let output = ''
        for (const part of node.body) output += `.${await this.play(run, part)}`
        return output
      }
      case 'race': {
        const steps = node.steps.map((step, i) => this.#step(run, step).then((value) => ({ i, value })))
        const { i, value } = await first(steps)
        return `${i}=${value}:${await this.play(run, i % 2 === 0 ? node.even : node.odd)}`
      }
      case 'par':
        return (await run.all(node.body.map((part, i) => run.call(this.#scope(`p${i}`, part), null)))).join('|')
      case 'map':
        return (await run.map('m', Array(node.items).fill(null), this.#scope('item', node.body), { concurrency: node.concurrency })).join(',')
      case 'map-steps': {
        const step: StepNode = { t: 'step', name: '', input: 0, hops: 0, effect: 'read', throws: 0 }
        return (
          await run.map('w', [...Array(node.items).keys()], (input, ctx) => this.#world.work({ ...step, input }, ctx), { concurrency: node.concurrency })
        ).join(';')
      }
      case 'early': {
        const begun = this.#step(run, node.step)
        begun.catch(() => {})
        const output = await this.play(run, node.body)
        return `${output}^${this.#saw(await begun)}`
      }
      case 'race-scopes': {
        const branches = [
          run.call(this.#scope('ra', node.a), null).then((value) => `A${value}`),
          run.call(this.#scope('rb', node.b), null).then((value) => `B${value}`),
        ]
        const won = await first(branches)
        return won.startsWith('A') ? `${won}${await this.play(run, node.after)}` : won
      }
      case 'caught':
        return this.#caught(run, node)
      case 'nap':
        await run.sleep('nap', node.ms)
        return 'z'
      case 'wait':
        return `${node.timeoutMs === undefined ? await run.wait(said(node.n)) : await run.wait(said(node.n), { timeout: node.timeoutMs, onTimeout: 'late' })}`
      case 'priced':
        return this.#priced(run, node.worst)
      case 'note':
        run.note('here')
        return 'n'
      case 'draw':
        return `${run.random()}`
    }
  }

  /** Two branches, of which one fails: the other is cancelled, wherever it is. */
  async #caught(run: Run, node: Extract<Node, { t: 'caught' }>): Promise<string> {
    const sibling = run.call(this.#scope('sibling', node.sibling), null)
    const failing = run.call(this.#scope('failing', node.failing), null)
    const why = await run.all([sibling, failing]).then(
      () => 'none',
      (error: { code: string }) => error.code,
    )
    return `${why}!${await this.play(run, node.after)}`
  }

  #scope(name: string, node: Node): Flow<null, string> {
    return flow(name, (_: null, run) => this.play(run, node))
  }

  async #step(run: Run, step: StepNode): Promise<string> {
    const { name, input, hops, effect } = step
    for (let i = 0; i < hops; i++) await null
    const undone = this.#undone
    const undo = undone && ((output: string): void => void undone.push(output))
    const said = undo && effect === 'read' ? 'idempotent' : effect
    let value: string = await run.step(name, input, (_, ctx) => this.#world.work(step, ctx), { effect: said, retry: { attempts: ATTEMPTS, backoff: 1 }, undo })
    this.#world.delivered?.(value)
    for (let i = 0; i < hops; i++) value = await Promise.resolve(value)
    return value
  }

  /** One that does not fit any more is left out. */
  #priced(run: Run, worst: number): Promise<string> {
    const execute = async (ctx: EffectContext): Promise<Executed<string>> => {
      const cost = (await this.#world.price?.(worst, ctx)) ?? worst
      return { value: 'p', settle: { ...nothing, microUsd: cost, modelCalls: 1 } }
    }
    const hold = { ...nothing, microUsd: worst, modelCalls: 1 }
    const spec: EffectSpec<string> = { name: 'priced', kind: 'model', effect: 'idempotent', fingerprint: `${worst}`, plan: () => ({ hold, execute }) }
    return run['~core'].ask(spec).catch((error: { code: string }) => {
      if (error.code === 'BUDGET_EXCEEDED') return '-'
      throw error
    })
  }

  #saw(value: string): string {
    this.#seen.push(value)
    return value
  }
}

/** The losers go on, and nobody hears of them. */
function first<T>(branches: readonly Promise<T>[]): Promise<T> {
  for (const branch of branches) branch.catch(() => {})
  return Promise.race(branches)
}
