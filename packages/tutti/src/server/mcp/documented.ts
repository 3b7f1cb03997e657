/**
 * What an MCP client is shown of the documentation installed here: three tools, and every page as a resource.
 *
 * Owns: the names of the tools, how passages and pages are said. Does not own: what is found (`retrieval/documentation.ts`).
 * Invariants: 1. an answer has a length that a model can take; what is left out is said, with how to go on. 2. Whatever does not exist is answered with what comes near.
 */
import type { CallToolResult, McpServer } from '@modelcontextprotocol/server'
import { TuttiError } from '../../errors/index.ts'
import type { Documentation, Passage } from '../../retrieval/index.ts'
import { jsonSchemaAsSchema } from '../../tool/index.ts'
import type { McpFactory, ServerPackage } from './server-package.ts'

export interface DocumentedOptions {
  readonly documentation: Documentation
  readonly version: string
  /** Told to clients when they connect. */
  readonly instructions: string
}

const PASSAGES = 6
const MOST_PASSAGES = 20
/** Of one answer; about 5,000 tokens. */
const MOST_CHARACTERS = 20_000

const SEARCH = {
  name: 'search_docs',
  description:
    'Searches the documentation of the packages installed in this project, in exactly the installed versions. Answers passages, each with its page, line, headings and version. Words decide, not meaning: use those that the documentation would use.',
  input: {
    type: 'object',
    properties: {
      query: { type: 'string', minLength: 1, maxLength: 8_000, description: 'What to look for: a question or a few words.' },
      package: { type: 'string', description: 'Only in this package, as in `zod`.' },
      top: { type: 'integer', minimum: 1, maximum: MOST_PASSAGES, description: `Passages to answer. Default ${PASSAGES}.` },
    },
    required: ['query'],
    additionalProperties: false,
  },
}
const READ = {
  name: 'read_doc',
  description: 'Reads one page of the documentation, from a line on; a long page comes in parts, and each says how to go on.',
  input: {
    type: 'object',
    properties: {
      page: { type: 'string', description: 'As search_docs and list_docs name it: `zod/README.md`.' },
      from: { type: 'integer', minimum: 1, description: 'The line to begin at. Default 1.' },
    },
    required: ['page'],
    additionalProperties: false,
  },
}
const LIST = {
  name: 'list_docs',
  description: 'Lists the packages whose documentation is here, with their versions; with `package`, the pages of that one.',
  input: {
    type: 'object',
    properties: {
      package: { type: 'string', description: 'The package whose pages are listed.' },
      from: { type: 'integer', minimum: 1, description: 'The line of the list to begin at. Default 1.' },
    },
    additionalProperties: false,
  },
}

export function documentedFactory(sdk: ServerPackage, o: DocumentedOptions): McpFactory {
  return () => {
    const server = new sdk.McpServer({ name: 'tutti-docs', version: o.version }, { capabilities: { tools: {}, resources: {} }, instructions: o.instructions })
    const { documentation } = o
    register(server, SEARCH, (input: { query: string; package?: string; top?: number }) => found(documentation, input))
    register(server, READ, async ({ page, from = 1 }: { page: string; from?: number }) => {
      const { text, meta } = await documentation.page(page)
      return inParts(`${page} (${meta.package} ${meta.version})`, text.split(/\r\n?|\n/), from)
    })
    register(server, LIST, async ({ package: of, from = 1 }: { package?: string; from?: number }) => inParts(...(await listed(documentation, of)), from))
    offerPages(sdk, server, documentation)
    return server
  }
}

type Declared = typeof SEARCH | typeof READ | typeof LIST

function register<I>(server: McpServer, { name, description, input }: Declared, answer: (input: I) => Promise<string>): void {
  const config = { description, inputSchema: jsonSchemaAsSchema(input, name) as never, annotations: { readOnlyHint: true, openWorldHint: false } }
  const call = async (given: unknown): Promise<CallToolResult> => {
    try {
      return { content: [{ type: 'text', text: await answer(given as I) }] }
    } catch (error) {
      if (!TuttiError.is(error)) throw error
      return { content: [{ type: 'text', text: `${error.code}: ${error.message}\n${error.hint}` }], isError: true, _meta: { 'tutti/code': error.code } }
    }
  }
  server.registerTool(name, config, call as never)
}

async function found(documentation: Documentation, { query, package: of, top = PASSAGES }: { query: string; package?: string; top?: number }): Promise<string> {
  const passages = await documentation.search(query, { package: of, top })
  if (passages.length === 0)
    return `Nothing was found for '${query}'${of === undefined ? '' : ` in ${of}`}. Search with other words, or see what there is with ${LIST.name}.`
  const said: string[] = []
  let length = 0
  for (const passage of passages) {
    const text = sayPassage(passage)
    if (said.length > 0 && length + text.length > MOST_CHARACTERS) break
    said.push(text)
    length += text.length
  }
  const left = passages.length - said.length
  const [{ source, line = 1 }] = passages as [Passage]
  said.push(`${left > 0 ? `${left} more did not fit. ` : ''}Read on with ${READ.name}, as in { "page": ${JSON.stringify(source)}, "from": ${line} }.`)
  return said.join('\n\n---\n\n')
}

function sayPassage({ source, line, heading = [], meta, text }: Passage): string {
  return `${source}:${line ?? 1} (${meta?.package} ${meta?.version})${heading.length > 0 ? `\n${heading.join(' › ')}` : ''}\n\n${text}`
}

async function listed(documentation: Documentation, of: string | undefined): Promise<[string, string[]]> {
  if (of === undefined) {
    const packages = await documentation.packages()
    return ['Packages with documentation here', packages.map(({ name, version, pages }) => `${name} ${version}  ${pages === 1 ? '1 page' : `${pages} pages`}`)]
  }
  const pages = await documentation.pages(of)
  return [`Pages of ${of} ${pages[0]?.version ?? ''}`, pages.map(({ name, title }) => (title === undefined ? name : `${name}  ${title}`))]
}

/** So many lines of it as an answer may have; at least one, of which what is too long is cut. */
function inParts(what: string, lines: readonly string[], from: number): string {
  if (from > lines.length) return `${what} has ${lines.length} ${lines.length === 1 ? 'line' : 'lines'}; there is no line ${from}.`
  const said: string[] = []
  let length = 0
  for (let at = from - 1; at < lines.length; at++) {
    const line = lines[at] as string
    if (said.length > 0 && length + line.length > MOST_CHARACTERS) break
    said.push(line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)} … (${line.length - MOST_CHARACTERS} characters of this line left out)` : line)
    length += line.length + 1
  }
  const to = from + said.length - 1
  const more = to < lines.length ? `\n\nGo on with "from": ${to + 1}.` : ''
  return `${what}, lines ${from} to ${to} of ${lines.length}\n\n${said.join('\n')}${more}`
}

const SCHEME = 'docs:///'
const uriOf = (page: string): string => `${SCHEME}${page.split('/').map(encodeURIComponent).join('/')}`

function offerPages(sdk: ServerPackage, server: McpServer, documentation: Documentation): void {
  const list = async () => ({
    resources: (await documentation.pages()).map(({ name, title, package: of, version }) => ({
      uri: uriOf(name),
      name,
      title: `${title ?? name} (${of} ${version})`,
      mimeType: 'text/markdown',
    })),
  })
  const template = new sdk.ResourceTemplate(`${SCHEME}{+page}`, { list })
  server.registerResource('page', template, { description: 'A page of the documentation installed here.', mimeType: 'text/markdown' }, async (uri) => {
    const { text, mediaType } = await documentation.page(decodeURIComponent(uri.href.slice(SCHEME.length)))
    return { contents: [{ uri: uri.href, text, mimeType: mediaType === 'text/html' ? 'text/plain' : mediaType }] }
  })
}
