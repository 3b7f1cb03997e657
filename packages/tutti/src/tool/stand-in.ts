/**
 * What is done in the stead of tools: by `overrides.tools` of an app, and in tests.
 *
 * A stand-in keeps the name, the schemas, the effect and the approval of its tool, so that a run of it reads like any other. It keeps nothing that reaches the world
 * the tool is of: not what takes a call back, nor what says what became of one.
 */
import { TuttiError } from '../errors/index.ts'
import type { ServiceKey } from '../run/effect.port.ts'
import type { Awaitable, StepContext, Tool } from '../run/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

/** Carries a call out instead of `tool`, or hands back what does; `undefined`: the tool itself does. */
export type StandIn = (tool: AnyTool) => ((input: unknown, ctx: StepContext) => Awaitable<unknown>) | undefined

/** Where an app keeps them among its services. */
export const standInKey: ServiceKey<StandIn> = { service: 'tool.stand-in' }

/** Functions by the names of tools. @throws CONFIG_INVALID for what is no function */
export function standIns(functions: { readonly [tool: string]: (input: never) => unknown }): StandIn {
  for (const [name, execute] of Object.entries(functions))
    if (typeof execute !== 'function') throw new TuttiError('CONFIG_INVALID', `overrides.tools: what is to stand in for '${name}' is no function`)
  return ({ name }) => (Object.hasOwn(functions, name) ? async (input) => functions[name]?.(input as never) : undefined)
}

/** The tool as it is called in this app. */
export function stoodInFor(tool: AnyTool, standIn: StandIn | undefined): AnyTool {
  const execute = standIn?.(tool)
  if (!execute) return tool
  const { description, inputSchema, outputSchema, approve, timeout, idle } = tool['~tool']
  const body = { description, inputSchema, outputSchema, approve, timeout, idle, undo: undefined, reconcile: undefined, flow: undefined, execute }
  return { ...tool, '~tool': body } as unknown as AnyTool
}
