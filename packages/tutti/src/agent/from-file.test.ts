import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { scripted } from '../testing/scripted.ts'
import { testing } from '../testing/testing.ts'
import { tool } from '../tool/index.ts'
import { agentFrom, agentsFrom } from './index.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-agents-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})
const write = (file: string, text: string): string => {
  writeFileSync(join(folder, file), text)
  return join(folder, file)
}
const named = (name: string) => tool({ name, description: `Does ${name}.`, input: z.object({}), effect: 'read', execute: () => `did ${name}` })
const tools = [named('find'), named('refund')]

const refusal = (path: string): string => {
  try {
    agentFrom(path, { tools })
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`.replaceAll(`${folder}/`, '')
  }
  return 'not refused'
}

describe('an agent of a file', () => {
  test('[C9] has the name, description, tools, limits and skills of its front matter, and its text as instructions', async () => {
    mkdirSync(join(folder, 'skills/tea'), { recursive: true })
    write('skills/tea/SKILL.md', '---\nname: tea\ndescription: Tea.\n---\nHot.')
    const path = write(
      'desk.md',
      '---\nname: desk\ndescription: Helps.\ntools: [find]\nlimits: { turns: 2, usd: 0.5 }\nskills: skills\n---\n\nBe kind.\n\n- To all.\n',
    )
    for (const at of [path, pathToFileURL(path).href]) {
      const model = scripted([{ call: 'find', input: {} }, 'done'])
      const desk = agentFrom(at, { tools, model })
      expect([desk.name, desk.description]).toEqual(['desk', 'Helps.'])
      await using app = testing({ flows: [desk] })
      expect((await app.run(desk, 'go')).output).toBe('done')
      expect(model.calls[0]?.prompt).toMatch(/^system: Be kind\.\n\n- To all\.\n\nSkills: .*\n- tea: Tea\.\nuser: go$/s)
      expect(model.calls[0]?.options.tools?.map(({ name }) => name)).toEqual(['load_skill', 'find'])
    }
    const longer = agentFrom(path, { tools, model: scripted([{ call: 'find', input: {} }, { call: 'find', input: {} }, 'done']) })
    await using app = testing({ flows: [longer] })
    await expect(app.run(longer, 'go')).rejects.toMatchObject({ code: 'AGENT_TURN_LIMIT' })
  })

  test('[C9] answers the schema that is given beside it, and has no tools where it names none', async () => {
    const model = scripted([{ json: { n: 1 } }])
    const desk = agentFrom(write('desk.md', '---\nname: desk\n---\n'), { tools, output: z.object({ n: z.number() }), model })
    await using app = testing({ flows: [desk] })
    const { output } = await app.run(desk, 'go')
    expect(output.n satisfies number).toBe(1)
    expect(model.calls.map(({ options, prompt }) => [options.tools ?? [], prompt])).toEqual([[[], 'user: go']])
  })

  test('[C9] its own model goes before the one that is given, and a list of models is a chain', async () => {
    const desk = agentFrom(write('desk.md', '---\nname: desk\nmodel: [tutti/gone, tutti/extractive]\n---\n'), { model: scripted([]) })
    await using app = testing({ flows: [desk] })
    await expect(app.run(desk, 'go')).rejects.toMatchObject({ data: { attempts: [{ model: 'tutti/gone' }, { model: 'tutti/extractive' }] } })
  })

  test.each([
    ['name: [a]', "desk.md:2: 'name' must be text"],
    ['description: d', "desk.md:1: 'name' is missing"],
    ['name: desk\nmodel: gpt', "desk.md:3: 'model' must be a model, as 'provider/model', or a list of them"],
    ['name: desk\nmodel: []', "desk.md:3: 'model' must be"],
    ['name: desk\n\ntools: [find, pay]', "desk.md:4: 'tools' names 'pay', and it may pick from find, refund"],
    ['name: desk\ntools: find, pay', "desk.md:3: 'tools' names 'pay'"],
    ['name: desk\ntools: 7', "desk.md:3: 'tools' must be names of tools"],
    ['name: desk\nlimits: { turns: 0 }', "desk.md:3: 'limits' must be numbers above zero for turns, toolCalls"],
    ['name: desk\nlimits: { minutes: 3 }', "desk.md:3: 'limits' must be"],
    ['name: desk\nlimits: { onExhausted: panic }', "desk.md:3: 'limits' must be"],
    ['name: desk\ntemperature: 1', "desk.md:3: 'temperature' is no field of it; there are name, description, model, tools, limits, skills"],
  ])('[C9] %j is refused with file, line and field', (fields, says) => {
    expect(refusal(write('desk.md', `---\n${fields}\n---\ntext`))).toContain(`CONFIG_INVALID: an agent cannot be made of its file:\n${says}`)
  })

  test('[C9] all that is wrong is told at once; a file without front matter, or that is not there, is refused', () => {
    expect(refusal(write('desk.md', '---\nname: 1\nmodel: x\ntools: [a, b]\n---\n')).split('\n')).toHaveLength(5)
    expect(refusal(write('desk.md', 'Be kind.'))).toContain('desk.md:1: it does not begin with front matter')
    expect(refusal(join(folder, 'gone.md'))).toContain('CONFIG_INVALID: the file of an agent cannot be read: ENOENT')
  })
})

describe('the agents of a folder', () => {
  test('[C9] are those of its Markdown files, by the names of the files, each with the tools it names', async () => {
    write('b.md', '---\nname: payer\ntools: refund\n---\nPay.')
    write('a.md', '---\nname: finder\ntools: [find]\n---\nFind.')
    write('README.md', 'What these are.')
    write('notes.txt', 'no agent')
    for (const at of [folder, pathToFileURL(folder).href]) {
      const model = scripted(['found', 'paid'])
      const agents = agentsFrom(at, { tools, model })
      expect(agents.map(({ name }) => name)).toEqual(['finder', 'payer'])
      await using app = testing({ flows: agents })
      for (const each of agents) await app.run(each, 'go')
      expect(model.calls.map(({ options }) => options.tools?.map(({ name }) => name))).toEqual([['find'], ['refund']])
    }
  })

  test('[C9] two of one name, an empty folder and none are refused', () => {
    const refused = (says: string) => expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(says) })
    expect(() => agentsFrom(folder)).toThrow(refused('there are no agents in'))
    write('a.md', '---\nname: x\n---\n')
    write('b.md', '---\nname: x\n---\n')
    expect(() => agentsFrom(folder)).toThrow(refused("the agents of a.md and b.md are both called 'x'"))
    expect(() => agentsFrom(join(folder, 'gone'))).toThrow(refused('cannot be read'))
  })
})
