import { TuttiError } from '../errors/index.ts'
import { checkOptions } from '../primitives/index.ts'
import { type AnyFlow, type Awaitable, defineFlow, type Flow, type FlowShape, isFlow, type Run, type Step } from '../run/index.ts'
import { checkBranches, checkStep, drawn, flowsAmong, type InputOfEvery, takeStep } from './step.ts'

/** Chooses one of `K` for an input, or nothing. */
export interface Router<in I, out K extends string> {
  readonly '~router': {
    readonly choose: (input: unknown, run: Run) => Awaitable<string | undefined>
    readonly in: (i: I) => void
    readonly key: () => K | undefined
  }
}
// biome-ignore lint/suspicious/noExplicitAny: the input does not matter here
type BranchOut<B> = { [P in keyof B]: B[P] extends Flow<any, infer O> ? O : never }[keyof B]
/** What chooses: a router (as above, whatever it may choose), a flow, a function. */
type By<I, C> = ((input: I, run: Run) => Awaitable<C>) | Flow<I, C> | { readonly '~router': { readonly in: (i: I) => void; readonly key: () => C } }

/**
 * The three below are read by people, in what the compiler says: what may be chosen and has no branch (`undefined`: that nothing is chosen); a branch that is none of
 * the choices; and that `by` was not looked at yet, when nothing may be asked of the branches.
 */
interface NeedsOtherwise<Uncovered> {
  readonly otherwise: unknown
  readonly '~uncovered'?: Uncovered
}
interface NeverChosen<Choices> {
  readonly '~choices': Choices
}
interface Undecided {
  readonly '~undecided': never
}
/** Where the branches have no names that are known (one of them is no flow), nothing is said of their names. */
type Unchosen<C, B> = string extends keyof B ? never : Exclude<keyof B, C>
type IfUncovered<C, B> = [Undecided] extends [C] ? unknown : [Exclude<C, keyof B>] extends [never] ? unknown : NeedsOtherwise<Exclude<C, keyof B>>

interface RouteOptions {
  readonly by: unknown
  readonly to: Readonly<Record<string, AnyFlow>>
  readonly otherwise?: Step<never, unknown> | undefined
}

/**
 * One of several branches. `by` chooses (a function, a flow, a router); the branch gets the input itself. `otherwise` is required exactly
 * when `to` does not cover every choice. The choice is recorded.
 * @throws FLOW_NO_BRANCH when the choice has no branch at run time
 */
export function route<C extends string | undefined | Undecided, B extends { readonly [k: string]: AnyFlow }, O = never>(
  name: string,
  o: {
    to: B & { readonly [P in Unchosen<NoInfer<C>, B>]: NeverChosen<NoInfer<C>> }
    by: By<InputOfEvery<B>, C>
    otherwise?: Step<InputOfEvery<B>, O>
  } & IfUncovered<NoInfer<C>, NoInfer<B>>,
): Flow<InputOfEvery<B>, BranchOut<B> | O>
export function route(name: string, o: RouteOptions): Flow<unknown, unknown> {
  checkOptions<RouteOptions>(`the route '${name}'`, o, { by: true, to: true, otherwise: true })
  checkBranches(`the route '${name}'`, o.to)
  if (!isRouter(o.by)) checkStep(`what the route '${name}' chooses by`, o.by)
  if (o.otherwise !== undefined) checkStep(`the otherwise of the route '${name}'`, o.otherwise)
  const steps = [o.by as Step<never, unknown>, ...Object.values(o.to), ...(o.otherwise ? [o.otherwise] : [])]
  return defineFlow({
    kind: 'route',
    name,
    options: {},
    inputSchema: undefined,
    outputSchema: undefined,
    parts: flowsAmong(steps),
    shape: shapeOf(o),
    execute: async (input, run) => {
      const choice = await choose(o.by, input, run)
      const branch = choice !== undefined && Object.hasOwn(o.to, choice) ? o.to[choice] : undefined
      if (branch) return run.call(branch as Flow<unknown, unknown>, input)
      if (o.otherwise) return takeStep(o.otherwise, 'otherwise', input, run)
      throw new TuttiError('FLOW_NO_BRANCH', `'${name}' chose '${String(choice)}', which has no branch; it has ${Object.keys(o.to).join(', ')}`, {
        data: { route: name, choice: String(choice) },
      })
    },
  })
}

function shapeOf({ by, to, otherwise }: RouteOptions): FlowShape {
  const branches: [string, Step<never, unknown>][] = [...Object.entries(to), ...(otherwise ? [['otherwise', otherwise] as [string, Step<never, unknown>]] : [])]
  const chooser = isFlow(by) ? drawn('by', by as AnyFlow) : { name: 'by', chooses: true }
  return {
    nodes: [chooser, ...branches.map(([name, step]) => drawn(name, step))],
    edges: [{ to: 'by' }, ...branches.flatMap(([name]) => [{ from: 'by', to: name, says: name }, { from: name }])],
  }
}

async function choose(by: unknown, input: unknown, run: Run): Promise<string | undefined> {
  const chosen = isRouter(by) ? await by['~router'].choose(input, run) : await takeStep(by as Step<never, unknown>, 'by', input, run)
  return chosen === undefined || chosen === null ? undefined : String(chosen)
}

const isRouter = (by: unknown): by is Router<never, string> => typeof by === 'object' && by !== null && '~router' in by
