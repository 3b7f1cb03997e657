/** `openapi()`: the operations of an OpenAPI document, as tools of an agent. */

import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TuttiError } from '../../errors/index.ts'
import type { Effect } from '../../journal/index.ts'
import { canonical, checkOptions, type Declared, type Duration, durationMs, hash128, is, type Scope } from '../../primitives/index.ts'
import type { Awaitable, ToolSource } from '../../run/index.ts'
import type { OpenSource, SourcedTool, SourceGround } from '../source.port.ts'
import { toolSource } from '../source.ts'
import { checkApprove, checkEffects } from '../source-options.ts'
import { type ApiDocument, toolsIn } from './operation.ts'
import { type HttpOutcome, send, shownOutcome } from './request.ts'

const PARSER = '@readme/openapi-parser'

export interface OpenapiOptions {
  /** OpenAPI 3.0 or 3.1: a file, or the document itself. Nothing is fetched. */
  document: string | object
  /** The operations that become tools: by operationId, or as `'GET /path'`. */
  only: readonly string[]
  /** Headers for a call, by whose run it is. They are in no journal. */
  auth?: ((scope: Readonly<Scope>) => Awaitable<Record<string, string>>) | undefined
  /** Default: the first server of the document, its variables at their defaults. */
  baseUrl?: string | undefined
  /** By operation. Default: GET and HEAD `'read'`, PUT and DELETE `'idempotent'`, POST and PATCH `'once'`. */
  effects?: Readonly<Record<string, Effect>> | undefined
  /** True, or the operations before which a person is asked. */
  approve?: boolean | readonly string[] | undefined
  /** Of each call. Default `'30s'`. */
  timeout?: Duration | undefined
}

const OPTIONS: Declared<OpenapiOptions> = {
  ...{ document: true, only: true, auth: is.function, baseUrl: is.text, effects: is.object, approve: true, timeout: true },
}

/**
 * The chosen operations of an OpenAPI document as tools: the model reads `<id>_<operationId>`. What an operation sends but a read carries an `Idempotency-Key`, the same on
 * every attempt. A refusal (4xx) is told to the model; failures of the server are tried again where that is safe; a POST that was cut off is in doubt.
 *
 * @throws CONFIG_INVALID; in the run, CONFIG_PACKAGE_MISSING without `@readme/openapi-parser`, CONFIG_INVALID for an operation that is not there or cannot be called
 * @example agent({ name: 'desk', tools: [openapi('shop', { document: 'shop.yaml', only: ['getOrder', 'POST /refunds'], auth })] })
 */
export function openapi(id: string, o: OpenapiOptions): ToolSource {
  checkOptions(`openapi('${id}')`, o, OPTIONS)
  if (!Array.isArray(o.only) || o.only.length === 0)
    throw new TuttiError('CONFIG_INVALID', `openapi('${id}') does not say which operations`, { hint: "Name them: only: ['getOrder', 'POST /refunds']." })
  checkEffects(`openapi('${id}')`, o.effects)
  checkApprove(`openapi('${id}')`, o.approve)
  const timeout = o.timeout ?? '30s'
  durationMs(timeout, `the timeout of openapi('${id}')`)
  return toolSource({
    id,
    asked: { only: [...o.only], document: typeof o.document === 'string' ? o.document : hash128(canonical(o.document)), effects: { ...o.effects } },
    timeout,
    approve: ({ name }) => (Array.isArray(o.approve) ? o.approve.includes(name) : o.approve === true),
    shown: (_, outcome) => shownOutcome(outcome as HttpOutcome),
    open: (ground) => openApi(id, o, ground),
  })
}

function openApi(id: string, o: OpenapiOptions, ground: SourceGround): OpenSource {
  return {
    async list(): Promise<readonly SourcedTool[]> {
      const tools = toolsIn(id, await documentOf(id, o.document, ground), o.only, o.effects ?? {})
      const [{ server } = { server: '' }] = tools.map((tool) => tool.with as { server: string })
      if (o.baseUrl === undefined && !/^https?:\/\//.test(server))
        throw new TuttiError('CONFIG_INVALID', `the API '${id}' does not say where it is${server ? `: '${server}' is no whole URL` : ''}`, {
          hint: 'Give baseUrl.',
        })
      return tools
    },
    call: async (tool, input, ctx) => send(tool, input, ctx, { baseUrl: o.baseUrl, headers: (await o.auth?.(ctx.scope)) ?? {} }),
    close: async () => {},
  }
}

interface Parser {
  dereference(document: unknown, o: object): Promise<unknown>
}

/** With all that it refers to inside itself in its place; what it refers to elsewhere is not read. */
async function documentOf(id: string, given: string | object, ground: SourceGround): Promise<ApiDocument> {
  const parser = (await ground.importPackage(PARSER)) as Parser | undefined
  if (!parser)
    throw new TuttiError('CONFIG_PACKAGE_MISSING', `tools of an OpenAPI document need the package ${PARSER}, which is not installed`, {
      hint: `npm install ${PARSER}`,
    })
  const document = await parser
    .dereference(typeof given === 'string' ? fileOf(id, given, ground.cwd) : structuredClone(given), {
      resolve: { external: false },
      dereference: { circular: 'ignore' },
    })
    .catch((cause: Error) => {
      throw new TuttiError('CONFIG_INVALID', `the document of the API '${id}' cannot be read: ${cause.message}`, { cause })
    })
  const api = document as ApiDocument
  if (!/^3\.[01]\./.test(api.openapi ?? ''))
    throw new TuttiError('CONFIG_INVALID', `the API '${id}' is described in ${api.openapi ? `OpenAPI ${api.openapi}` : 'no OpenAPI 3'}`, {
      hint: 'It must be OpenAPI 3.0 or 3.1.',
    })
  return api
}

/** @throws CONFIG_INVALID */
function fileOf(id: string, path: string, cwd: string): string {
  if (path.startsWith('file:')) return fileURLToPath(path)
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path))
    throw new TuttiError('CONFIG_INVALID', `the document of the API '${id}' is at ${path}, and nothing is fetched`, {
      hint: 'Save it beside your code, and name the file: what a tool does must not change while nobody looks.',
    })
  return resolve(cwd, path)
}
