import type { ToolSpec } from '../model/index.ts'
import { jsonSchemaOf } from '../primitives/index.ts'
import type { Tool } from '../run/index.ts'

/** A tool as a model is shown it. */
// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
export const specOf = (tool: Tool<any, any>): ToolSpec => ({
  name: tool.name,
  description: tool['~tool'].description,
  inputSchema: jsonSchemaOf(tool['~tool'].inputSchema, 'input'),
})
