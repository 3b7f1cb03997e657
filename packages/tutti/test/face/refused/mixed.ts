// What the face refuses, beside the nearest thing that it takes.
import { agent, flow, tool, tutti, adopt, chain, type Recorded, type Json, type Flow, type Duration } from 'tutti'
import { z } from 'zod'
import * as v from 'valibot'
import { type } from 'arktype'
// what is recorded
interface Person { name: string; born: Date; tags?: string[] }
type Id = string & { readonly brand: 'id' }
const r1: Recorded<Person> = { name: 'a', born: new Date() }; const p1: Person = r1
const r2: Recorded<Json> = { a: [1] }; const j: Json = r2
const r3: Recorded<Id> = 'x' as Id; const i3: Id = r3
interface T { d: Date; kids: T[] }
declare const rt: Recorded<T>; const back: T = rt
class Money { readonly cents: number; constructor(cents: number) { this.cents = cents } plus(o: Money): Money { return new Money(this.cents + o.cents) } }
// @ts-expect-error a method is gone once a class instance is recorded
flow('m', async (_: string, run) => (await run.step('m', () => new Money(1))).plus(new Money(2)))
const leak = flow('leak', async () => new Money(1))
// @ts-expect-error the same for what a flow returns
const out: Money = (await app.run(leak, undefined)).output
// recursion
const tree: Flow<number, number> = flow('tree', async (n: number, run): Promise<number> => n <= 0 ? 0 : run.call(tree, n - 1))
const tree2 = flow('tree2', { input: z.number(), output: z.number() }, async (n, run): Promise<number> => n <= 0 ? 0 : run.call(tree2, n - 1))
// @ts-expect-error a flow that calls itself says what it returns
const t3 = flow('t3', { input: z.number(), output: z.number() }, async (n, run) => n <= 0 ? 0 : run.call(t3, n - 1))
// schemas
tool({ name: 'a', description: '', input: type({ id: 'string' }), effect: 'read', execute: ({ id }) => id.length })
// @ts-expect-error valibot's own schema has no JSON Schema part: toStandardJsonSchema gives it one
tool({ name: 'v', description: '', input: v.object({ id: v.string() }), effect: 'read', execute: (_i: unknown) => 1 })
flow('vf', { input: v.object({ id: v.string() }) }, ({ id }) => id)
// @ts-expect-error an effect is always said
tool({ name: 'a', description: '', input: z.object({ id: z.string() }), execute: (_i: unknown) => 1 })
// options that may be undefined
declare const maybe: Duration | undefined
declare const app: ReturnType<typeof tutti>
const f = flow('f', (x: string) => x.length)
void app.run(f, 'x', { deadline: maybe })
// LangChain, by shape
class LC { name = 'x'; description = 'd'; schema = z.object({}); async invoke(_input: { a: string }, _config?: unknown): Promise<string> { return '' } }
adopt([new LC()])
// generics
function wrap<I, O>(inner: Flow<I, O>) { return flow('wrap', async (i: I, run) => run.call(inner, i)) }
const w = wrap(f); const wn: Promise<{ output: number }> = app.run(w, 'x')
// @ts-expect-error this is no tool
agent({ name: 'x', tools: [{ foo: 1 }] })
const plan = agent({ name: 'plan', output: z.object({ steps: z.array(z.string()) }) })
const writer = agent({ name: 'writer' })
// @ts-expect-error an agent without an input schema takes a prompt, not an object
chain('pw', plan, writer)
// @ts-expect-error an input schema needs a prompt
agent({ name: 'x', input: z.object({ a: z.string() }) })
// flows without an input
const tick = flow('tick', async (_: void, run) => run.now())
void app.run(tick)
const neverLinked: Promise<unknown> = app.run(tick)
// @ts-expect-error this one has an input
void app.run(f)
export { back, i3, j, neverLinked, out, p1, wn }
