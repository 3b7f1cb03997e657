/** What people build: an agent with tools of all three effects, nested flows, waits for a person, payments that may happen once. */
import type { LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { agent } from '../agent/index.ts'
import type { Model } from '../model/index.ts'
import { hash128 } from '../primitives/index.ts'
import { type Flow, flow, type Run, type StepContext, signal } from '../run/index.ts'
import { tool } from '../tool/index.ts'
import { latencyOf, later, resultOf } from './crash-flow.ts'
import { flatSchema, textSchema } from './flat-schema.ts'
import { type Scripted, scripted } from './scripted.ts'
import type { World } from './world.ts'

const Approval = signal('approval', flatSchema<{ ok: boolean; by: string }>({ ok: 'boolean', by: 'string' }))
const Late = signal('late', textSchema)
/** The wait that is answered only once the run is at rest. */
export const AT_REST = 'late'
/** What a signal of each name says. */
export const answers: { readonly [signal: string]: unknown } = { approval: { ok: true, by: 'a person' }, late: 'at last' }

/** What a trip books, in this order. */
export const BOOKED = ['flight', 'hotel']

export interface ShopFlows {
  readonly shop: Flow<number, string>
  /** Waits for what never comes, and is cancelled. */
  readonly doomed: Flow<number, string>
  /** Is paid for in the end, or rather not: what was booked is undone. */
  readonly trip: Flow<number, string>
  /** One at a time. */
  readonly queued: Flow<number, string>
  readonly model: Model
}

export interface ShopOptions {
  /** Nothing takes time. */
  readonly quick?: boolean | undefined
  /** `doomed` is no longer what it was. */
  readonly changed?: boolean | undefined
}

export function shopFlows(world: World, { quick = false, changed = false }: ShopOptions = {}): ShopFlows {
  const takeTime = (key: string): Promise<void> => later(quick ? 0 : latencyOf(key))
  const carryOut = async (run: string, { idempotencyKey: key, attempt }: StepContext, fails = false): Promise<string> => {
    world.executed({ run, key, attempt, sort: 'plain' })
    await takeTime(key)
    if (fails && attempt === 1) throw new Error('the first attempt of this one fails')
    return resultOf(key)
  }
  /** A process that is killed during it leaves it begun, and done or not. */
  const pay = async (run: string, { idempotencyKey: key, attempt }: StepContext): Promise<string> => {
    world.executed({ run, key, attempt, sort: 'plain' })
    await takeTime(key)
    world.executed({ run, key, attempt, sort: 'paid' })
    await takeTime(`${key} afterwards`)
    return resultOf(key)
  }
  const input = flatSchema<{ run: string }>({ run: 'string' })
  const find = tool({ name: 'find', description: 'Finds.', input, effect: 'read', execute: ({ run }, ctx) => carryOut(run, ctx) })
  const stamp = tool({ name: 'stamp', description: 'Stamps.', input, effect: 'idempotent', execute: ({ run }, ctx) => carryOut(run, ctx) })
  const charge = tool({
    name: 'charge',
    description: 'Charges.',
    input,
    effect: 'once',
    execute: ({ run }, ctx) => pay(run, ctx),
    reconcile: (key) => (world.isPaid(key) ? { done: true, output: resultOf(key) } : { done: false }),
  })
  const clerk = agent({ name: 'clerk', tools: [find, stamp, charge], limits: { turns: 5, toolCalls: 500 } })

  const pack = flow('pack', async (n: number, run) => `${await run.step('box', n, (_, ctx) => carryOut(run.id, ctx))}${await fragile(run, n)}`)
  const fragile = (run: Run, n: number): Promise<string> =>
    run.step('fragile', n, (_, ctx) => carryOut(run.id, ctx, true), { effect: 'idempotent', retry: { attempts: 50, backoff: 2, max: 4 } })
  const prepare = flow('prepare', async (n: number, run) => {
    await run.sleep('nap', 15)
    return run.call(pack, n)
  })
  const shop = flow('shop', { budget: { modelCalls: 900, toolCalls: 900 } }, async (n: number, run) => {
    const sold = await run.all([run.call(clerk, `run=${run.id} sell ${n}`), run.call(prepare, n)])
    const { approval, packed } = await run.all({
      approval: run.wait(Approval, { timeout: '1d' }),
      packed: run.map('pack', [1, 2, 3], pack, { concurrency: 2 }),
    })
    const sent = await run.step('send', n, (_, ctx) => pay(run.id, ctx), { effect: 'once' })
    const word = await run.wait(Late)
    run.note('said', { word })
    return [sold, approval.by, packed, sent, word, 'x'.repeat(1_500)].flat().join(' ')
  })
  const doomed = flow('doomed', async (n: number, run) => {
    const before = await run.step(changed ? 'changed' : 'before', n, (_, ctx) => carryOut(run.id, ctx))
    return `${before} ${await run.wait(signal('never', textSchema))}`
  })
  const trip = flow('trip', async (n: number, run) => {
    for (const what of BOOKED) {
      const undo = (_output: string, _input: number, ctx: StepContext) => carryOut(run.id, ctx, what === 'hotel').then(() => {})
      await run.step(what, n, (_, ctx) => carryOut(run.id, ctx), { effect: 'idempotent', retry: { attempts: 50, backoff: 2, max: 4 }, undo })
    }
    return run.fail('the card was declined')
  })
  const queued = flow('queued', { queue: { concurrency: 1 } }, async (n: number, run) => run.step('work', n, (_, ctx) => carryOut(run.id, ctx)))
  return { shop, doomed, trip, queued, model: clerkModel(world) }
}

/** It remembers nothing: what it says follows from what it is shown, in whichever process. */
function clerkModel(world: World): Model {
  const turn = ({ prompt }: LanguageModelV4CallOptions): Scripted => {
    const shown = JSON.stringify(prompt)
    const run = /run=([\w-]+)/.exec(shown)?.[1] ?? ''
    const results = prompt.flatMap((message) => (message.role === 'tool' ? message.content : [])).length
    world.executed({ run, key: `turn:${results}`, attempt: 1, sort: 'model' })
    if (results === 0) return ['find', 'stamp'].map((call) => ({ call, input: { run } }))
    if (results === 2) return { call: 'charge', input: { run } }
    return `Sold, ${hash128(shown).slice(0, 6)}.`
  }
  const asked = scripted([])
  return Object.assign({}, asked, {
    doGenerate: (o: LanguageModelV4CallOptions) => scripted([turn(o)]).doGenerate(o),
    doStream: (o: LanguageModelV4CallOptions) => scripted([turn(o)]).doStream(o),
  })
}
