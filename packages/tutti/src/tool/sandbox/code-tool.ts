/** Code as a tool: a model writes JavaScript or TypeScript, and it runs where it can reach nothing but the tools it was given. */
import { TuttiError } from '../../errors/index.ts'
import { checkOptions, type Declared, is, type Json, jsonSchemaOf, type ModelSchema } from '../../primitives/index.ts'
import { type Approve, defineFlow, type Run, type Tool } from '../../run/index.ts'
import { callTool } from '../call.ts'
import { checkSandboxInstalled } from '../sandbox-threads.ts'
import { isTool } from '../tool.ts'
import { type CallOutcome, type CodeResult, runCode } from './code-run.ts'
import { type CodeLimits, limitsOf } from './limits.ts'
import { inOneLine, typeOf } from './signature.ts'

// biome-ignore lint/suspicious/noExplicitAny: tools of anything
type AnyTool = Tool<any, any>

export interface CodeToolOptions<N extends string = string> {
  /** Default `'run_code'`. */
  name?: N | undefined
  /** Said before what the code may do, which is always said. */
  description?: string | undefined
  /** What the code may call, as `await tools.name(input)`. Each call is a recorded step of the run, with the approval, budget and doubt of its tool. */
  tools?: readonly AnyTool[] | undefined
  limits?: (CodeLimits & { /** Calls of tools in all. Default 100. */ calls?: number | undefined }) | undefined
  /** True, or when it answers true: a person sees the code before it runs. */
  approve?: Approve<{ code: string }> | undefined
}

const OPTIONS: Declared<CodeToolOptions> = { name: is.text, description: is.text, tools: is.list, limits: is.object, approve: true }
const LONGEST_CODE = 100_000
/** Of what was logged, with an error. */
const LOG_CHARS = 2_000

/**
 * A tool that runs code of the model's in a sandbox: QuickJS in WebAssembly, in a thread. It has no network, no files, no modules, no clock; what it returns is JSON.
 *
 * A process that ends while the code runs loses nothing that it had done: the code is played again, the calls it made are not.
 * Costs: no model call; a thread for the process, some 20 MB.
 *
 * @throws CONFIG_PACKAGE_MISSING when QuickJS is not installed; CONFIG_INVALID; TOOL_DUPLICATE
 * @example
 * const analyst = agent({ name: 'analyst', tools: [codeTool({ tools: [listOrders, findCustomer] })] })
 */
export function codeTool<const N extends string = 'run_code'>(o: CodeToolOptions<N> = {}): Tool<{ code: string }, unknown, N> {
  checkOptions('codeTool()', o, OPTIONS)
  checkSandboxInstalled()
  const name = o.name ?? ('run_code' as N)
  const tools = toolsOf(name, o.tools ?? [])
  const { calls: mostCalls = 100, ...given } = o.limits ?? {}
  if (!(Number.isInteger(mostCalls) && mostCalls >= 0))
    throw new TuttiError('CONFIG_INVALID', `the limits of '${name}' say ${String(mostCalls)} for calls`, { hint: 'It is a whole number from 0.' })
  const limits = limitsOf(given)
  const flow = defineFlow<{ code: string }, unknown>({
    kind: 'code',
    name,
    options: { description: describe(o.description, tools) },
    inputSchema: codeSchema,
    outputSchema: undefined,
    parts: [...tools.values()].flatMap((tool) => tool['~tool'].flow ?? []),
    execute: async (input, run) => {
      const program = { code: (input as { code: string }).code, input: 'null', tools: [...tools.keys()], now: run.now().getTime(), seed: run.uuid() }
      return outcomeOf(name, await runCode(run, program, { limits, mostCalls, call: (call) => callOne(run, tools, call) }))
    },
  })
  return flow.asTool({ effect: strongest(tools), ...(o.approve === undefined ? {} : { approve: o.approve }) }) as Tool<{ code: string }, unknown, N>
}

/** @throws CONFIG_INVALID | TOOL_DUPLICATE */
function toolsOf(name: string, given: readonly AnyTool[]): ReadonlyMap<string, AnyTool> {
  const tools = new Map<string, AnyTool>()
  for (const tool of given) {
    if (!isTool(tool))
      throw new TuttiError('CONFIG_INVALID', `'${name}' was given something among its tools that is none`, {
        hint: 'Declare it with tool(), or take a foreign one with adopt().',
      })
    if (tools.has(tool.name)) throw new TuttiError('TOOL_DUPLICATE', `'${name}' has two tools called '${tool.name}'`, { data: { tool: tool.name } })
    tools.set(tool.name, tool)
  }
  return tools
}

async function callOne(run: Run, tools: ReadonlyMap<string, AnyTool>, call: { id: string; tool: string; input: Json }): Promise<CallOutcome> {
  const tool = tools.get(call.tool)
  if (!tool) return { ok: false, value: `TOOL_UNKNOWN: there is no tool '${call.tool}'` }
  const { output, failed } = await callTool(run, tool, { type: 'tool-call', ...call }, call.tool)
  return { ok: !failed, value: output }
}

/** @throws TOOL_CODE_FAILED with what the code threw, and what it had logged */
function outcomeOf(name: string, { end, logs }: CodeResult): unknown {
  if (!end.ok) {
    const logged = logs.join('\n').slice(-LOG_CHARS)
    throw new TuttiError('TOOL_CODE_FAILED', `${end.says}${logged ? `\nLogged before:\n${logged}` : ''}`, { data: { tool: name, says: end.says } })
  }
  const result = JSON.parse(end.value) as Json
  return logs.length > 0 ? { result, logs } : result
}

const effects = ['read', 'idempotent', 'once'] as const
const strongest = (tools: ReadonlyMap<string, AnyTool>): AnyTool['effect'] =>
  effects[Math.max(0, ...[...tools.values()].map(({ effect }) => effects.indexOf(effect)))] ?? 'read'

function describe(said: string | undefined, tools: ReadonlyMap<string, AnyTool>): string {
  const about =
    'Runs JavaScript or TypeScript and returns what it returns, as JSON. `code` is the body of an async function: use `await`, end with `return`. ' +
    'There is no network, no file system and no `import`; the clock stands still. What `console.log` is given comes back too.'
  const lines = [...(said === undefined ? [] : [said]), about]
  if (tools.size > 0)
    lines.push(
      'The code may call:',
      '```ts',
      'declare const tools: {',
      ...[...tools.values()].map(signatureOf),
      '}',
      '```',
      'A call that fails throws an Error that says why.',
    )
  return lines.join('\n')
}

function signatureOf(tool: AnyTool): string {
  const { description, inputSchema, outputSchema } = tool['~tool']
  const shown = (outputSchema as ModelSchema | undefined)?.['~standard'].jsonSchema ? typeOf(jsonSchemaOf(outputSchema as ModelSchema, 'output')) : 'any'
  const key = /^[A-Za-z_]\w*$/.test(tool.name) ? tool.name : JSON.stringify(tool.name)
  return `  /** ${inOneLine(description)} */\n  ${key}(input: ${typeOf(jsonSchemaOf(inputSchema, 'input'))}): Promise<${shown}>`
}

const codeJsonSchema = {
  type: 'object',
  properties: { code: { type: 'string', minLength: 1, maxLength: LONGEST_CODE, description: 'The body of an async function, in JavaScript or TypeScript.' } },
  required: ['code'],
  additionalProperties: false,
}

const codeSchema: ModelSchema<{ code: string }, { code: string }> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate(value) {
      const code = typeof value === 'object' && value !== null ? (value as { code?: unknown }).code : undefined
      if (typeof code !== 'string' || code.trim() === '') return { issues: [{ message: 'the body of an async function, as text', path: ['code'] }] }
      if (code.length > LONGEST_CODE) return { issues: [{ message: `is ${code.length} characters long; it may be ${LONGEST_CODE}`, path: ['code'] }] }
      return { value: { code } }
    },
    jsonSchema: { input: () => codeJsonSchema, output: () => codeJsonSchema },
  },
}
