/**
 * A dataflow graph: a node starts as soon as its own needs are there; there is no barrier. Handles instead of node names, so that edges type
 * and a cycle cannot be written.
 */
import { TuttiError } from '../errors/index.ts'
import { checkOptions, checkValue, type InOf, is, type OutOf, type Schema } from '../primitives/index.ts'
import { type AnyFlow, defineFlow, FLOW_OPTIONS, type Flow, type FlowOptions, type FlowShape, isFlow, type Run, type Step } from '../run/index.ts'
import { asFlow, checkStep, drawn } from './step.ts'

export interface Node<out T> {
  readonly '~node': () => T
}
// biome-ignore lint/suspicious/noExplicitAny: a node of anything
type Needs = Node<any> | { readonly [k: string]: Node<any> }
type Got<D> = D extends Node<infer T> ? T : { [K in keyof D]: D[K] extends Node<infer T> ? T : never }

export interface GraphBuilder {
  node<const D extends Needs, O>(name: string, needs: D, step: Step<Got<D>, O>): Node<O>
  /** A node that may be skipped: what depends on it sees `undefined`. */
  nodeIf<const D extends Needs, O>(name: string, needs: D, when: (needs: Got<D>) => boolean, step: Step<Got<D>, O>): Node<O | undefined>
}

interface Planned {
  readonly name: string
  readonly needs: Needs
  readonly part: AnyFlow
  readonly when: ((needs: never) => boolean) | undefined
}

/**
 * @param wire given the input's handle and a builder; returns the handle of the output. Called once, when the graph is declared.
 * @throws CONFIG_INVALID when two nodes have one name, or a handle is of another graph
 */
export function graph<IS extends Schema, O>(
  name: string,
  o: FlowOptions & { input: IS },
  wire: (input: Node<OutOf<IS>>, g: GraphBuilder) => Node<O>,
): Flow<InOf<IS>, O> {
  checkOptions<object>(`the graph '${name}'`, o, { ...FLOW_OPTIONS, input: is.schema })
  checkValue(`the wiring of the graph '${name}'`, 'wire', wire, is.function)
  const { input: inputSchema, ...options } = o
  const entry = makeNode()
  const plan = new Map<Node<unknown>, Planned>()
  const end = wire(entry as Node<OutOf<IS>>, builder(name, plan, entry))
  if (end !== entry && !plan.has(end)) throw new TuttiError('CONFIG_INVALID', `the output of '${name}' is a node of another graph`)
  return defineFlow<InOf<IS>, O>({
    kind: 'graph',
    name,
    options,
    inputSchema,
    outputSchema: undefined,
    parts: [...plan.values()].map((planned) => planned.part).filter((part) => part['~flow'].kind !== 'code'),
    shape: shapeOf(plan, entry, end),
    execute: (input, run) => new Walk(run, plan, entry, input).to(end),
  })
}

function shapeOf(plan: ReadonlyMap<Node<unknown>, Planned>, entry: Node<unknown>, end: Node<unknown>): FlowShape {
  const nameOf = (node: Node<unknown>): string | undefined => plan.get(node)?.name
  const edges = [...plan.values()].flatMap(({ name, needs, when }) =>
    nodesOf(needs)
      .filter((need) => need !== entry || nodesOf(needs).length === 1)
      .map((need) => ({ from: nameOf(need), to: name, ...(when ? { says: 'if', dotted: true } : {}) })),
  )
  return { nodes: [...plan.values()].map(({ name, part }) => drawn(name, part)), edges: [...edges, { from: nameOf(end) }] }
}

function builder(graphName: string, plan: Map<Node<unknown>, Planned>, entry: Node<unknown>): GraphBuilder {
  const add = (name: string, needs: Needs, step: Step<never, unknown>, when: Planned['when']): Node<never> => {
    if ([...plan.values()].some((planned) => planned.name === name)) throw new TuttiError('CONFIG_INVALID', `'${graphName}' has two nodes called '${name}'`)
    checkValue(`what '${name}' of the graph '${graphName}' needs`, 'needs', needs, is.object)
    for (const need of nodesOf(needs))
      if (need !== entry && !plan.has(need)) throw new TuttiError('CONFIG_INVALID', `'${name}' needs a node that is not of '${graphName}'`)
    checkStep(`the node '${name}' of the graph '${graphName}'`, step)
    const node = makeNode()
    plan.set(node, { name, needs, part: isFlow(step) ? step : asFlow(step, name), when })
    return node as Node<never>
  }
  return {
    node: (name, needs, step) => add(name, needs, step as Step<never, unknown>, undefined),
    nodeIf: (name, needs, when, step) => add(name, needs, step as Step<never, unknown>, when as Planned['when']),
  }
}

/** One run through a graph: the value of each node, as a promise, and the calls that are under way. */
class Walk {
  readonly #run: Run
  readonly #values = new Map<Node<unknown>, Promise<unknown>>()
  readonly #calls: Record<string, Promise<unknown>> = {}
  #failed: string | undefined

  constructor(run: Run, plan: ReadonlyMap<Node<unknown>, Planned>, entry: Node<unknown>, input: unknown) {
    this.#run = run
    this.#values.set(entry, Promise.resolve(input))
    for (const [node, planned] of plan) {
      const value = this.#begin(planned)
      value.catch(() => {
        this.#failed ??= planned.name
      })
      this.#values.set(node, value)
    }
  }

  async to(end: Node<unknown>): Promise<unknown> {
    try {
      await Promise.all(this.#values.values())
    } catch (error) {
      // A node waits for its needs in a promise of its own; what is to be cancelled are the calls behind.
      const failed = this.#failed as string
      delete this.#calls[failed]
      await this.#run.all({ ...this.#calls, [failed]: Promise.reject(error) })
    }
    return this.#values.get(end)
  }

  async #begin({ needs, when, part, name }: Planned): Promise<unknown> {
    const got = await this.#gather(needs)
    if (when && !when(got as never)) return undefined
    const call = this.#run.call(part as Flow<unknown, unknown>, got, { name })
    this.#calls[name] = call
    return call
  }

  async #gather(needs: Needs): Promise<unknown> {
    if (isNode(needs)) return this.#values.get(needs)
    const got = await Promise.all(Object.values(needs).map((node) => this.#values.get(node)))
    return Object.fromEntries(Object.keys(needs).map((name, i) => [name, got[i]]))
  }
}

const isNode = (needs: Needs): needs is Node<unknown> => '~node' in needs
const nodesOf = (needs: Needs): readonly Node<unknown>[] => (isNode(needs) ? [needs] : Object.values(needs))
const makeNode = (): Node<unknown> => ({ '~node': () => undefined })
