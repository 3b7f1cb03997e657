/**
 * What a compiler says of a composition that does not fit, word for word: one error, at the part that is wrong (of two neighbours in a chain: the first of them), whose last line names what differs. Nothing of ours is in it
 * that a person would have to know (no list of overloads).
 */
import { join } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { strict } from './strict.ts'

const given = `
import { byRule, chain, flow, graph, loop, map, parallel, route, type Flow } from 'tutti'
import { z } from 'zod'
interface Ticket { topic: 'order' | 'refund' | 'other'; text: string }
declare const triage: Flow<string, Ticket>, order: Flow<Ticket, string>, refund: Flow<Ticket, number>, pick: Flow<Ticket, Ticket['topic']>
declare const shout: Flow<string, string>
const input = z.object({ n: z.number() })
const to = { order, refund, other: order }
void [triage, order, refund, pick, shout, input, to, byRule, chain, flow, graph, loop, map, parallel, route, z]
`

const missing = (choice: string): string => `Property 'otherwise' is missing in type BRANCHES but required in type 'NeedsOtherwise<${choice}>'.`
const neverChosen = `Property ''~choices'' is missing in type 'Flow<Ticket, string, string>' but required in type 'NeverChosen<"order" | "refund" | "other">'.`

/** Code that does not compile; the text at which the error stands; how its last line begins. */
const refused: Record<string, [title: string, code: string, at: string, says: string]> = {
  // chains
  neighbour: [
    'a function in a chain that takes something else',
    "chain('c', triage, (s: string) => s.length)",
    'triage',
    `Type 'Ticket' is not assignable to type 'string'.`,
  ],
  flow: ['a flow in a chain that takes something else', "chain('c', triage, order, refund)", 'order', `Type 'string' is not assignable to type 'Ticket'.`],
  late: ['the same far behind', "chain('c', triage, order, shout, shout, refund, shout)", 'shout, refund', `Type 'string' is not assignable to type 'Ticket'.`],
  field: [
    'a field the step before does not make',
    "chain('c', triage, (t) => t.topik)",
    'topik',
    `Property 'topik' does not exist on type 'Ticket'. Did you mean 'topic'?`,
  ],
  lacking: [
    'a step whose schema wants more',
    "chain('c', triage, flow('f', { input: z.object({ vat: z.number() }) }, ({ vat }) => vat))",
    'triage',
    `Property 'vat' is missing in type 'Ticket' but required in type '{ vat: number; }'.`,
  ],
  // routes
  uncovered: ['a choice without a branch', "route('r', { by: (t) => t.topic, to: { order } })", '{ by', missing('"refund" | "other"')],
  inChain: ['the same inside a chain', "chain('c', triage, route('r', { by: (t) => t.topic, to: { order, refund } }))", '{ by', missing('"other"')],
  byFlow: ['a flow that chooses what has no branch', "route('r', { by: pick, to: { order } })", '{ by', missing('"refund" | "other"')],
  later: ['an asynchronous choice without a branch', "route('r', { by: async (t) => t.topic, to: { order, refund } })", '{ by', missing('"other"')],
  nothing: ['a choice that may be none', "route('r', { by: (t: Ticket) => (t.text ? t.topic : undefined), to })", '{ by', missing('undefined')],
  anything: ['a choice that may be any text', "route('r', { by: (t: Ticket): string => t.text, to: { order } })", '{ by', missing('string')],
  router: ['a router, which may choose nothing', "route('r', { by: byRule({ order: /a/ }), to: { order: shout } })", '{ by', missing('undefined')],
  extra: ['a branch that is never chosen', "route('r', { by: (t) => t.topic, to: { ...to, ordr: order }, otherwise: order })", 'ordr', neverChosen],
  typo: ['a branch that is misspelt', "route('r', { by: (t) => t.topic, to: { order, refund, othr: order }, otherwise: order })", 'othr', neverChosen],
  apart: [
    'branches that do not take one thing, where it stands',
    "chain('c', triage, route('r', { by: (t) => t.topic, to: { order, refund, other: shout } }))",
    'triage',
    `Type 'Ticket' is not assignable to type 'string'.`,
  ],
  // graphs
  takes: [
    'a node that takes something else',
    "graph('g', { input }, (i, g) => g.node('b', g.node('a', i, ({ n }) => n), (s: string) => s))",
    '(s: string)',
    `Type 'number' is not assignable to type 'string'.`,
  ],
  takesFlow: [
    'a node whose flow takes something else',
    "graph('g', { input }, (i, g) => g.node('b', g.node('a', i, ({ n }) => n), shout))",
    'shout',
    `Type 'number' is not assignable to type 'string'.`,
  ],
  skipped: [
    'a need that may have been skipped',
    "graph('g', { input }, (i, g) => { const a = g.nodeIf('a', i, ({ n }) => n > 1, ({ n }) => n); return g.node('b', { a }, (got) => got.a + 1) })",
    'got.a',
    `'got.a' is possibly 'undefined'.`,
  ],
  unnamed: [
    'a need that was not named',
    "graph('g', { input }, (i, g) => g.node('a', { i }, ({ j }) => j))",
    'j }',
    `Property 'j' does not exist on type '{ readonly i: { n: number; }; }'.`,
  ],
  byName: [
    'a need by its name instead of its handle',
    "graph('g', { input }, (_, g) => g.node('b', 'a', (x) => x))",
    "'a'",
    `Argument of type 'string' is not assignable to parameter of type 'Needs'.`,
  ],
  value: [
    'a handle taken for its value',
    "graph('g', { input }, (i, g) => { const a = g.node('a', i, ({ n }) => n); return g.node('b', a + 1, (x) => x) })",
    'a + 1',
    `Operator '+' cannot be applied to types 'Node<number>' and 'number'.`,
  ],
  // beside one another, over many, again
  policy: ['a policy that is none', "map('m', shout, { onError: 'ignore' })", 'onError', `Type '"ignore"' is not assignable to type '"`],
  collected: [
    'failures that are collected and not looked at',
    "chain('c', (s: string) => [s], map('m', shout, { onError: 'collect' }), (all) => all[0]!.toUpperCase())",
    'toUpperCase',
    `Property 'toUpperCase' does not exist on type '{ `,
  ],
  turn: [
    'a turn that makes something else than it takes',
    "loop('l', { body: (s: string) => s.length, until: () => true, max: 2 })",
    'body',
    `Type 'number' is not assignable to type 'Awaitable<string>'.`,
  ],
  beside: [
    'a branch of a parallel that is no flow',
    "parallel('p', { a: shout, b: (s: string) => s })",
    'b:',
    `Type '(s: string) => string' is not assignable to type 'AnyFlow'.`,
  ],
}

const accepted = `
export const covered: Flow<Ticket, string | number> = route('r', { by: (t) => t.topic, to })
export const inChain: Flow<string, string | number> = chain('c', triage, route('r', { by: async (t) => t.topic, to }))
export const rest: Flow<Ticket, string | boolean> = route('r', { by: (t) => t.topic, to: { order }, otherwise: (t) => t.text === '' })
export const router: Flow<string, string | number> = route('r', { by: byRule({ order: /a/ }), to: { order: shout }, otherwise: (t) => t.length })
declare const onError: 'fail' | 'collect'
export const open = chain('c', (s: string) => [s], map('m', shout, { onError }), (all) => all.length)
`

const root = join(import.meta.dirname, 'said')
const options: ts.CompilerOptions = { ...strict, customConditions: ['tutti-source'], allowImportingTsExtensions: true, skipLibCheck: true }

describe('what the compiler says', () => {
  let program: ts.Program
  const source = (name: string): ts.SourceFile => program.getSourceFile(join(root, `${name}.ts`)) as ts.SourceFile
  beforeAll(() => {
    const texts = new Map(Object.entries(refused).map(([name, [, code]]) => [join(root, `${name}.ts`), `${given}${code}\n`]))
    texts.set(join(root, 'accepted.ts'), given + accepted)
    const host = ts.createCompilerHost(options)
    const read = host.getSourceFile
    host.getSourceFile = (name, ...rest) =>
      texts.has(name) ? ts.createSourceFile(name, texts.get(name) as string, ts.ScriptTarget.ES2024) : read(name, ...rest)
    const exists = host.fileExists
    host.fileExists = (name) => texts.has(name) || exists(name)
    program = ts.createProgram([...texts.keys()], options, host)
  }, 120_000)

  test.each(Object.entries(refused).map(([name, [title, ...rest]]) => [title, name, ...rest] as const))(
    '[C2] %s is one error that says so, where it is',
    (_, name, code, at, says) => {
      const file = source(name)
      const [error, ...others] = program.getSemanticDiagnostics(file)
      expect(error && others.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([])
      expect(file.text.slice(error?.start).startsWith(at), `the error stands at '${file.text.slice(error?.start)}' in ${code}`).toBe(true)
      const said = ts.flattenDiagnosticMessageText(error?.messageText, '\n').split('\n')
      const last = said
        .at(-1)
        ?.trim()
        .replace(/in type '\{ (by|to).*?\}' but/, 'in type BRANCHES but')
      expect(last?.startsWith(says), `'${last}' is not '${says}'`).toBe(true)
      expect(said.join('\n')).not.toMatch(/[Oo]verload|exactOptionalPropertyTypes/)
    },
  )

  test('[C2] what is beside each of them compiles', () => {
    expect(program.getSemanticDiagnostics(source('accepted')).map(({ messageText }) => messageText)).toEqual([])
  })
})
