/**
 * Skills of an agent: named in its instructions when its loop begins, loaded by the model when one fits. What they are is recorded in the step `skills`, what was loaded in the steps of
 * `load_skill`: a replay reads no folder, and a resumed run shows its model the list that it began with.
 */
import { TuttiError } from '../errors/index.ts'
import type { Run, Tool } from '../run/index.ts'
import { jsonSchemaAsSchema, tool } from '../tool/index.ts'
import { calledInJournal, listSkills, loadSkill } from './skill-folder.ts'

const LOAD_SKILL = 'load_skill'

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

export interface Skills {
  readonly folder: string
  /** Loads one of them, or a file of it. Always shown. */
  readonly loader: AnyTool
}

/** @throws CONFIG_INVALID for what names no folder */
export function skillsOf(agent: string, folder: string | undefined): Skills | undefined {
  if (folder === undefined) return undefined
  if (typeof folder !== 'string' || folder === '')
    throw new TuttiError('CONFIG_INVALID', `the skills of the agent '${agent}' are no folder`, { hint: "Name the folder that holds them: skills: './skills'." })
  return { folder, loader: loaderOf(folder) }
}

/** Its instructions with the list of its skills at their end. @throws CONFIG_INVALID naming every skill that cannot be used */
export async function withSkills(run: Run, agent: string, skills: Skills | undefined, instructions: string | undefined): Promise<string | undefined> {
  if (!skills) return instructions
  const { folder } = skills
  const listed = await run.step('skills', { folder: calledInJournal(folder) }, () => listSkills(agent, folder))
  const list = listed.map(({ name, description }) => `- ${name}: ${description}`)
  const says = `Skills: instructions for certain tasks. Where one fits, read it with ${LOAD_SKILL} before you begin.\n${list.join('\n')}`
  return instructions ? `${instructions}\n\n${says}` : says
}

const loaderOf = (folder: string): AnyTool =>
  tool({
    name: LOAD_SKILL,
    description: 'Reads a skill: its instructions, and which files it has. With `file`: that file of it.',
    input: jsonSchemaAsSchema(shown, `the tool '${LOAD_SKILL}'`),
    effect: 'read',
    execute: (given) => {
      const { name, file } = given as { name: string; file?: string }
      return loadSkill(folder, name, file)
    },
  })

const shown = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'Which skill, as it is listed.' },
    file: { type: 'string', minLength: 1, description: 'A file of it, as its instructions name it. Left out: the instructions.' },
  },
  required: ['name'],
  additionalProperties: false,
}
