/**
 * A folder of skills, as agentskills.io describes them: each a folder with a SKILL.md, whose front matter says what it is for, and whose text and other files are read when they are needed.
 *
 * Owns: what is a skill, and what may be read of one. Invariant: nothing outside the folder of a skill is read, whatever a path says or a link leads to.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TuttiError } from '../errors/index.ts'
import { complain, type FrontMatter, isText, readField, readFrontMatter, refuseOthers } from './front-matter.ts'

const SKILL_FILE = 'SKILL.md'
const FIELDS = ['name', 'description', 'license', 'compatibility', 'metadata', 'allowed-tools']
const NAME = /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/
const LONGEST_DESCRIPTION = 1024
const LONGEST_COMPATIBILITY = 500
/** Bytes of a file that is read whole. */
const LARGEST = 1_000_000
/** Files of a skill that are named. */
const MOST_FILES = 100

export interface ListedSkill {
  readonly name: string
  readonly description: string
}

export const folderOf = (given: string): string => (given.startsWith('file:') ? fileURLToPath(given) : resolve(given))

/** All of them, by name. @throws CONFIG_INVALID naming everything that is wrong with any of them: one that is left out would be missed by nobody */
export async function listSkills(agent: string, given: string): Promise<ListedSkill[]> {
  const folder = folderOf(given)
  const names = (await entriesOf(agent, folder)).filter((name) => !name.startsWith('.')).sort()
  const read = await Promise.all(names.map((name) => readSkill(folder, name)))
  const found = read.filter((each) => each !== undefined)
  const problems = found.flatMap((each) => each.problems)
  if (problems.length > 0)
    throw new TuttiError('CONFIG_INVALID', `the agent '${agent}' has skills that cannot be used:\n${problems.join('\n')}`, {
      hint: 'Mend what is named, or take the skill out of the folder. The rules are those of agentskills.io.',
      data: { agent, problems },
    })
  if (found.length === 0) throw noSkills(agent, folder, 'holds none')
  return found.map(({ skill }) => skill)
}

async function entriesOf(agent: string, folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw noSkills(agent, folder, `cannot be read: ${(cause as Error).message}`, cause)
  }
}

const noSkills = (agent: string, folder: string, why: string, cause?: unknown): TuttiError =>
  new TuttiError('CONFIG_INVALID', `the folder of skills of the agent '${agent}' ${why}: ${folder}`, {
    cause,
    hint: `Each skill is a folder in it, with a ${SKILL_FILE}.`,
    data: { agent },
  })

/** `undefined` for what is no skill: a file beside them, a folder without a SKILL.md. */
async function readSkill(folder: string, name: string): Promise<{ skill: ListedSkill; problems: readonly string[] } | undefined> {
  const file = `${name}/${SKILL_FILE}`
  if (!(await isFile(join(folder, name, SKILL_FILE)))) return undefined
  const skill = { name, description: '' }
  if (!(await contained(folder, join(folder, name, SKILL_FILE)))) return { skill, problems: [`${file}:1: it is a link that leads out of the folder of skills`] }
  const matter = readFrontMatter(file, await readFile(join(folder, name, SKILL_FILE), 'utf8'))
  const { description } = checkSkill(matter, name)
  return { skill: { name, description }, problems: matter.problems }
}

/** @returns its description on one line */
function checkSkill(matter: FrontMatter, folder: string): { description: string } {
  if (matter.fields.size > 0) refuseOthers(matter, FIELDS)
  const name = readField(matter, 'name', isName, "1 to 64 of a-z 0-9 -, with no '-' at its ends and no two together", true)
  if (name !== undefined && name !== folder) complain(matter, 'name', `is '${name}', and its folder is called '${folder}'`)
  const description = readField(matter, 'description', isText(LONGEST_DESCRIPTION), `text of 1 to ${LONGEST_DESCRIPTION} characters`, true)
  readField(matter, 'license', isText(Number.POSITIVE_INFINITY), 'text')
  readField(matter, 'compatibility', isText(LONGEST_COMPATIBILITY), `text of 1 to ${LONGEST_COMPATIBILITY} characters`)
  readField(matter, 'metadata', isTexts, 'names with texts')
  readField(matter, 'allowed-tools', isText(Number.POSITIVE_INFINITY), 'the names of tools, with spaces between them')
  return { description: (description ?? '').replaceAll(/\s+/g, ' ').trim() }
}

const isName = (value: unknown): value is string => typeof value === 'string' && NAME.test(value)
const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((each) => typeof each === 'string')

/** What a model reads of a skill: its instructions, and the names of its other files; or one of these. @throws TOOL_FAILED saying what there is instead */
export async function loadSkill(given: string, name: string, file: string | undefined): Promise<string> {
  const skill = join(folderOf(given), name)
  if (!NAME.test(name) || !(await isFile(join(skill, SKILL_FILE))) || !(await contained(folderOf(given), skill))) throw failed(`there is no skill '${name}'`)
  if (file !== undefined && file !== SKILL_FILE) return readText(skill, name, file)
  const { body } = readFrontMatter(`${name}/${SKILL_FILE}`, await readText(skill, name, SKILL_FILE))
  const files = await filesOf(skill)
  return files.length === 0 ? body : `${body}\n\nFiles of this skill, to be read with load_skill:\n${files.join('\n')}`
}

async function readText(skill: string, name: string, file: string): Promise<string> {
  const path = join(skill, ...file.split(/[\\/]/))
  const outside = /^([\\/]|[A-Za-z]:)/.test(file) || file.split(/[\\/]/).includes('..') || file.includes('\0')
  if (outside) throw failed(`'${file}' is not inside the skill '${name}'`)
  if (!(await isFile(path))) {
    const files = await filesOf(skill)
    throw failed(`the skill '${name}' has no file '${file}'; it has ${files.length > 0 ? files.join(', ') : `${SKILL_FILE} alone`}`)
  }
  if (!(await contained(skill, path))) throw failed(`'${file}' leads out of the skill '${name}'`)
  if ((await stat(path)).size > LARGEST) throw failed(`'${file}' is larger than ${LARGEST} bytes`)
  const text = textIn(await readFile(path))
  if (text === undefined) throw failed(`'${file}' is no text`)
  return text
}

/** All files of a skill but SKILL.md, the first of them if there are many. Links to folders are not followed. */
async function filesOf(skill: string): Promise<string[]> {
  const entries = await readdir(skill, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(skill.length + 1)
        .replaceAll(sep, '/'),
    )
    .filter((file) => file !== SKILL_FILE && !file.split('/').some((part) => part.startsWith('.')))
    .sort()
  return files.length <= MOST_FILES ? files : [...files.slice(0, MOST_FILES), `… and ${files.length - MOST_FILES} more`]
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    return bytes.includes(0) ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

/** Where it really is, links followed. */
async function contained(folder: string, path: string): Promise<boolean> {
  return (await realpath(path)).startsWith(`${await realpath(folder)}${sep}`)
}

const failed = (says: string): TuttiError => new TuttiError('TOOL_FAILED', says, { data: { tool: 'load_skill' } })

/** What it is called in the journal: where it lies may be another place tomorrow, or on another machine. */
export const calledInJournal = (given: string): string => basename(folderOf(given))
