import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { expect, it, onTestFinished } from 'vitest'
import { mcpDocs } from '../../src/cli/mcp-docs.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { folder, guide, project, write } from './command.ts'

const main = join(import.meta.dirname, '../../src/cli/main.ts')

/** A client as a coding agent is one: it starts the command in the folder of the project, and speaks to it over its standard input and output. */
async function connected(cwd: string, env: Record<string, string> = {}) {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'legacy' } })
  onTestFinished(() => client.close())
  const all = { PATH: process.env.PATH ?? '', HOME: join(cwd, 'home'), ...env }
  const transport = new StdioClientTransport({ command: process.execPath, args: [main, 'mcp', 'docs'], cwd, env: all, stderr: 'pipe' })
  const heard = { said: '', errors: [] as Error[] }
  transport.stderr?.on('data', (chunk) => (heard.said += chunk))
  await client.connect(transport)
  transport.onerror = (error) => void heard.errors.push(error)
  const ask = async (name: string, input: Record<string, unknown>) => {
    const { content, isError = false } = await client.callTool({ name, arguments: input })
    return { text: (content as { text: string }[]).map(({ text }) => text).join(), isError }
  }
  return { client, heard, ask }
}

/** In this process: no other is started. */
function here(cwd: string) {
  let text = ''
  const interrupted = Promise.withResolvers<void>()
  const out = { write: (written: string) => (text += written) }
  const onInterrupt = (stop: () => void) => {
    void interrupted.promise.then(stop)
    return () => {}
  }
  return { terminal: { out, err: out, cwd, env: {}, onInterrupt } as unknown as Terminal, said: () => text, interrupt: interrupted.resolve }
}

it('[X7] a client over standard input and output finds and reads the documentation of exactly what is installed, and of tutti; the project is left as it was', async () => {
  const long = Array.from({ length: 600 }, (_, i) => `Line ${i + 1} of a long page about the colour of widgets.`).join('\n')
  const cwd = folder({ ...project(), 'node_modules/widget/docs/long.md': long })
  const { client, heard, ask } = await connected(cwd)
  expect(client.getInstructions()).toContain('widget 1.2.3')
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search_docs', 'read_doc', 'list_docs'])

  const { text: retries } = await ask('search_docs', { query: 'How often is a failed call tried?', package: 'widget' })
  expect(retries).toMatch(/^widget\/README\.md:7 \(widget 1\.2\.3\)\nWidgets › Retries\n\nSet `retries: 3` to try a failed call three times\./)
  expect((await ask('search_docs', { query: 'serve flows to MCP clients', package: 'tutti' })).text).toMatch(/tutti\/docs\/mcp\.md:\d+ \(tutti \d/)
  expect((await ask('search_docs', { query: 'zzyzx' })).text).toContain("Nothing was found for 'zzyzx'")

  expect((await ask('read_doc', { page: 'widget/README.md', from: 5 })).text).toBe(
    `widget/README.md (widget 1.2.3), lines 5 to 12 of 12\n\n${guide.split('\n').slice(4).join('\n')}`,
  )
  const { text: first } = await ask('read_doc', { page: 'widget/docs/long.md' })
  const next = Number(/Go on with "from": (\d+)\.$/.exec(first)?.[1])
  const { text: rest } = await ask('read_doc', { page: 'widget/docs/long.md', from: next })
  const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('Line '))
  expect([...linesOf(first), ...linesOf(rest)].join('\n')).toBe(long)
  expect(await ask('read_doc', { page: 'widgets/REDME.md' })).toEqual({ isError: true, text: expect.stringContaining('Nearest: widget/README.md') })
  expect(await ask('read_doc', { page: 'widget/README.md', more: 1 })).toMatchObject({ isError: true })

  expect((await ask('list_docs', {})).text).toMatch(/\ntutti \d\S+ {2}\d+ pages\nwidget 1\.2\.3 {2}2 pages$/)
  expect((await ask('list_docs', { package: 'widget' })).text).toContain('widget/README.md  Widgets')
  const { resources } = await client.listResources()
  const readme = resources.find(({ name }) => name === 'widget/README.md')
  expect(readme).toMatchObject({ uri: 'docs:///widget/README.md', title: 'Widgets (widget 1.2.3)' })
  expect((await client.readResource({ uri: String(readme?.uri) })).contents).toMatchObject([{ text: guide }])

  // As if another version had been installed while the agent is at work.
  write(cwd, project('1.3.0', guide.replace('three times', 'four times')))
  expect((await ask('search_docs', { query: 'failed call tried', package: 'widget' })).text).toContain('try a failed call four times')
  await client.close()
  expect(heard.errors).toEqual([])
  expect(heard.said).toMatch(/\d+ pages of 2 packages/)
  expect(existsSync(join(cwd, '.tutti'))).toBe(false)
})

it('[X7] where nothing is installed the documentation of tutti is served, from memory where no cache can be written; over HTTP too', async () => {
  const cwd = folder({ 'a-file': '' })
  const { client, heard, ask } = await connected(cwd, { XDG_CACHE_HOME: join(cwd, 'a-file') })
  expect((await ask('search_docs', { query: 'budget of a run' })).text).toMatch(/^tutti\/docs\/\S+:\d+ \(tutti/)
  expect((await ask('read_doc', { page: 'tutti/examples/agent.ts' })).text).toContain("from 'tutti'")
  expect(heard.said).toContain('read into memory instead')
  await client.close()

  const http = here(cwd)
  const ended = mcpDocs(http.terminal, { http: 0, home: 'kept' })
  await expect.poll(() => http.said()).toContain('Listens at')
  const web = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await web.connect(new StreamableHTTPClientTransport(new URL(String(/Listens at (\S+)\./.exec(http.said())?.[1]))))
  expect((await web.callTool({ name: 'list_docs', arguments: {} })).content).toMatchObject([{ text: expect.stringContaining('tutti') }])
  await web.close()
  http.interrupt()
  expect(await ended).toBe(0)
  expect(existsSync(join(cwd, 'kept'))).toBe(true)
})

it('[X7] a package that is not installed, or a project where nothing is, is refused before anything is served', async () => {
  const refused = mcpDocs(here(folder(project())).terminal, { http: 0, package: ['gadget'] })
  await expect(refused).rejects.toMatchObject({ code: 'RETRIEVAL_EMPTY', message: expect.stringContaining("'gadget' is not installed in") })
  const nowhere = mcpDocs(here(folder({})).terminal, { http: 0, project: 'apps' })
  await expect(nowhere).rejects.toMatchObject({ code: 'RETRIEVAL_EMPTY', message: expect.stringContaining('no packages are installed in apps or above') })
})
