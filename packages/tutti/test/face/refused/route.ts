// What a route does not let through, beside what it does.
import { chain, route, type Flow } from 'tutti'
type T = { topic: 'a' | 'b' | 'c'; text: string }
declare const triage: Flow<string, T>, onA: Flow<T, string>, onB: Flow<T, number>, pick: Flow<T, T['topic']>
// @ts-expect-error b and c have no branch, and there is no otherwise
route('g', { by: (t) => t.topic, to: { a: onA } })
// @ts-expect-error the same inside a chain, where the neighbour says what comes in
chain('g', triage, route('g', { by: (t) => t.topic, to: { a: onA } }))
const full = chain('g', triage, (t) => ({ ...t, x: 1 }), route('g', { by: (t) => t.topic, to: { a: onA, b: onB, c: onA } }), (o) => [o])
const outOfFull: Flow<string, (string | number)[]> = full
// @ts-expect-error the output is not any
const n: null = full
// @ts-expect-error triage makes a T, the next step takes a string
chain('bad', triage, (s: string) => s.length)
// @ts-expect-error 'd' is not a choice
route('g', { by: (t) => t.topic, to: { a: onA, b: onB, c: onA, d: onA } })
const byFlow: Flow<T, string | number> = route('g', { by: pick, to: { a: onA, b: onB, c: onA } })
// @ts-expect-error a flow that chooses covers no more than its choices
route('g', { by: pick, to: { a: onA } })
const other: Flow<T, string | number> = route('g', { by: (t) => t.topic, to: { a: onA }, otherwise: (t) => t.text.length })
const otherIn = chain('g', triage, (t) => ({ ...t, x: 1 }), route('g', { by: (t) => t.topic, to: { a: onA }, otherwise: (t) => t.text.length }))
// @ts-expect-error the output is not any
const on: null = other
export { byFlow, n, on, otherIn, outOfFull }
