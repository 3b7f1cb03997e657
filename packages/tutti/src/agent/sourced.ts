/** An agent whose tools come, in part, from sources: its plan with what they have in this run. */
import { TuttiError } from '../errors/index.ts'
import type { Run, ToolSource } from '../run/index.ts'
import { toolsOf } from '../tool/index.ts'
import type { AgentPlan } from './loop.ts'
import { specOf } from './spec.ts'

/** @throws TOOL_DUPLICATE for two sources of one id: their tools would have one prefix */
export function checkSources(agent: string, sources: readonly ToolSource[]): void {
  const ids = sources.map((source) => source['~tools'])
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined)
    throw new TuttiError('TOOL_DUPLICATE', `the agent '${agent}' has two sources of tools called '${twice}'`, {
      data: { agent, source: twice },
      hint: 'Give each an id of its own: it stands before the names of its tools.',
    })
}

/** Asks the sources beside one another, each as a step of its own; the agent's own tools come first. @throws TOOL_DUPLICATE */
export async function withSources(run: Run, plan: AgentPlan): Promise<AgentPlan> {
  if (plan.sources.length === 0) return plan
  const found = (await run.all(plan.sources.map((source) => toolsOf(run, source)))).flat()
  const names = new Set(plan.tools.map(({ name }) => name))
  for (const { name } of found) {
    if (names.has(name))
      throw new TuttiError('TOOL_DUPLICATE', `the agent '${plan.name}' has two tools called '${name}'`, { data: { agent: plan.name, tool: name } })
    names.add(name)
  }
  return { ...plan, tools: [...plan.tools, ...found], specs: [...plan.specs, ...found.map(specOf)] }
}
