import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { linesOf } from '../testing/heard.ts'
import { type Scripted, scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { agent } from './index.ts'

let folder: string
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'tutti-skills-')), 'skills')
  onTestFinished(() => rmSync(dirname(folder), { recursive: true }))
})

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}
const skill = (name: string, fields = `name: ${name}\ndescription: When it is about ${name}.`): void =>
  write(`${name}/SKILL.md`, `---\n${fields}\n---\n\n# ${name}\nDo it so.\n`)

const load = (name: string, file?: string): Scripted => ({ call: 'load_skill', input: { name, ...(file === undefined ? {} : { file }) } })

/** What the agent heard in all its turns, and what each of its calls was told. */
async function run(turns: Scripted[], o: object = {}) {
  const model = scripted([...turns, 'done'])
  const made = agent({ name: 'desk', instructions: 'Be kind.', model, skills: folder, ...o })
  await using app = testing({ flows: [made] })
  const { id } = await app.run(made, 'go')
  return {
    app,
    lines: model.calls.map(({ options }) => linesOf(options.prompt)),
    tools: model.calls[0]?.options.tools?.map(({ name }) => name),
    prompts: model.calls.map(({ prompt }) => prompt),
    told: model.calls.slice(1).map(({ prompt }) => prompt.split('\ntool: ').at(-1) ?? ''),
    replayed: async () => (await app.replay(id, made)).output,
  }
}

const refusal = (): Promise<string> =>
  run([]).then(
    () => 'not refused',
    (error) => `${error.code}: ${error.message}`,
  )

describe('skills of an agent', () => {
  test('[C9] are listed in the tail of the instructions by name, one line each, and nothing else of them is there until the model loads it', async () => {
    skill(
      'tea',
      'name: tea\ndescription: >\n  When tea\n  is made.\nlicense: MIT\ncompatibility: any\nmetadata: { version: "1" }\nallowed-tools: Bash(git:*) Read',
    )
    skill('coffee')
    write('tea/notes/green.md', 'Green tea at 80 degrees.')
    write('README.md', 'no skill')
    write('empty/file.txt', 'no skill either')
    const { prompts, told, tools } = await run([load('tea'), load('tea', 'notes/green.md')])
    expect(prompts[0]).toBe(
      'system: Be kind.\n\nSkills: instructions for certain tasks. Where one fits, read it with load_skill before you begin.\n- coffee: When it is about coffee.\n- tea: When tea is made.\nuser: go',
    )
    expect(tools).toEqual(['load_skill'])
    expect(told[0]).toContain('# tea\\nDo it so.\\n\\nFiles of this skill, to be read with load_skill:\\nnotes/green.md')
    expect(told[0]).not.toContain('license')
    expect(told[1]).toContain('Green tea at 80 degrees.')
  })

  test('[C9] what is listed and loaded is recorded: a replay needs no folder', async () => {
    skill('tea')
    const made = agent({ name: 'desk', model: scripted([load('tea'), 'done']), skills: folder })
    await using app = testing({ flows: [made] })
    const { id } = await app.run(made, 'go')
    rmSync(folder, { recursive: true })
    expect((await app.replay(id, made)).output).toBe('done')
    await expect(app.run(made, 'go')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('cannot be read') })
  })

  test('[C9] a run that is gone on with shows its model the list that it began with', async () => {
    skill('tea')
    const made = agent({ name: 'desk', skills: folder })
    const before = testing({ flows: [made], model: scripted([load('tea'), 'lost']) })
    before.crashAt('outcome recorded, not delivered', 2)
    const started = await before.start(made, 'go')
    await expect(started.result()).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
    skill('coffee')
    const model = scripted(['done'])
    await using app = testing({ flows: [made], model, after: before })
    await (await app.get(started.id))?.result()
    expect(model.calls[0]?.prompt).toContain('- tea')
    expect(model.calls[0]?.prompt).not.toContain('coffee')
  })

  test('[C9] [M10] loading adds to the conversation, and changes nothing that was said', async () => {
    skill('tea')
    const { lines } = await run([load('tea'), load('coffee')])
    for (let i = 1; i < lines.length; i++) expect(lines[i]?.slice(0, lines[i - 1]?.length)).toEqual(lines[i - 1])
  })

  test('[C9] can be loaded also where only some tools are shown', async () => {
    skill('tea')
    const tools = ['a', 'b', 'c'].map((name) => tool({ name, description: name, input: z.object({}), effect: 'read', execute: () => name }))
    const shown = await run([], { tools, toolSelection: { top: 0 } })
    expect(shown.tools).toEqual(['load_skill', 'find_tools'])
  })

  test('[C9] a tool of the same name is refused when the agent is declared, and so is what is no folder', () => {
    const own = tool({ name: 'load_skill', description: '', input: z.object({}), effect: 'read', execute: () => 1 })
    expect(() => agent({ name: 'a', skills: folder, tools: [own] })).toThrow(expect.objectContaining({ code: 'TOOL_DUPLICATE' }))
    expect(() => agent({ name: 'a', skills: '' })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('a skill that is not by the rules ends the run before a model is asked', () => {
  test.each([
    ['no front matter', 'Just text.', 'x/SKILL.md:1: it does not begin with front matter'],
    ['front matter that is not closed', '---\nname: x\n', 'x/SKILL.md:1: its front matter is not closed'],
    ['no fields', '---\n---\ntext', 'x/SKILL.md:2: its front matter holds no fields'],
    ['YAML that cannot be read', '---\nname: x\ndescription: [a\n---\n', 'x/SKILL.md:4: Flow sequence'],
    ['a field twice', '---\nname: x\nname: x\ndescription: d\n---\n', 'x/SKILL.md:3: Map keys must be unique'],
    ['no description', '---\nname: x\n---\n', "x/SKILL.md:1: 'description' is missing"],
    [
      'a description that is too long',
      `---\nname: x\ndescription: ${'d'.repeat(1025)}\n---\n`,
      "x/SKILL.md:3: 'description' must be text of 1 to 1024 characters",
    ],
    ['a description that is no text', '---\nname: x\ndescription: 7\n---\n', "x/SKILL.md:3: 'description' must be text"],
    ['another name than its folder', '---\ndescription: d\nname: y\n---\n', "x/SKILL.md:3: 'name' is 'y', and its folder is called 'x'"],
    [
      'a field that is none',
      '---\nname: x\ndescription: d\nversion: 1\n---\n',
      "x/SKILL.md:4: 'version' is no field of it; there are name, description, license",
    ],
    ['metadata that is no text', '---\nname: x\ndescription: d\nmetadata:\n  v: 1\n---\n', "x/SKILL.md:4: 'metadata' must be names with texts"],
  ])('[C9] %s', async (_, text, says) => {
    write('x/SKILL.md', text)
    expect(await refusal()).toContain(`CONFIG_INVALID: the agent 'desk' has skills that cannot be used:\n${says}`)
  })

  test.each(['X', 'a--b', '-a', 'a-', 'a_b', 'a'.repeat(65)])('[C9] the name %s', async (name) => {
    skill(name)
    expect(await refusal()).toContain("'name' must be 1 to 64 of a-z 0-9 -")
  })

  test('[C9] all that is wrong is told at once, and an empty folder too', async () => {
    mkdirSync(folder, { recursive: true })
    expect(await refusal()).toMatch(/CONFIG_INVALID: .* holds none: /)
    skill('a', 'name: a')
    skill('b', 'name: c\ndescription: d\nmore: 1')
    expect((await refusal()).split('\n')).toHaveLength(4)
  })
})

describe('what may be read of a skill', () => {
  test.each([
    ['../secret.txt', 'is not inside the skill'],
    ['notes/../../secret.txt', 'is not inside the skill'],
    ['..\\secret.txt', 'is not inside the skill'],
    ['/etc/hostname', 'is not inside the skill'],
    ['link.txt', 'leads out of the skill'],
    ['out/secret.txt', 'leads out of the skill'],
    ['gone.md', "the skill 'tea' has no file 'gone.md'; it has bytes.bin"],
    ['notes', "the skill 'tea' has no file 'notes'"],
    ['bytes.bin', 'is no text'],
  ])('[C9] %s is refused to the model, which is told why', async (file, says) => {
    skill('tea')
    write('secret.txt', 'the secret')
    write('tea/notes/a.md', 'a')
    write('tea/bytes.bin', '\0\0')
    symlinkSync(join(folder, 'secret.txt'), join(folder, 'tea/link.txt'))
    symlinkSync(folder, join(folder, 'tea/out'))
    const { told } = await run([load('tea', file)])
    expect(told[0]).toContain('TOOL_FAILED')
    expect(told[0]).toContain(says)
    expect(told[0]).not.toContain('the secret')
  })

  test.each(['coffee', '..', 'tea/notes', '.'])('[C9] a skill %s is not there', async (name) => {
    skill('tea')
    write('tea/notes/SKILL.md', 'hidden')
    const { told } = await run([load(name)])
    expect(told[0]).toContain(`there is no skill '${name}'`)
  })

  test('[C9] a skill that is a link out of the folder is refused when the loop begins', async () => {
    skill('tea')
    const elsewhere = mkdtempSync(join(tmpdir(), 'tutti-elsewhere-'))
    onTestFinished(() => rmSync(elsewhere, { recursive: true }))
    writeFileSync(join(elsewhere, 'SKILL.md'), '---\nname: far\ndescription: d\n---\nsecret')
    symlinkSync(elsewhere, join(folder, 'far'))
    expect(await refusal()).toContain('far/SKILL.md:1: it is a link that leads out of the folder of skills')
  })
})
