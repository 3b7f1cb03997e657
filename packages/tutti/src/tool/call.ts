/**
 * Calls a tool that a model asked for: as one recorded step, or, when the tool is a flow, as a scope of its own. What went wrong with the
 * arguments or in the tool goes back to the model as a result; what went wrong with the run (budget, doubt, cancellation) does not.
 */
import { nothing } from '../budget/index.ts'
import { type ErrorCode, TuttiError } from '../errors/index.ts'
import type { ToolCallPart, ToolResultPart } from '../message/index.ts'
import { canonical, check, decode, durationMs, encode, hash128, type Json, sayComplaints } from '../primitives/index.ts'
import { type AttemptPlan, type EffectContext, type EffectSpec, type Executed, type Flow, retryAfter, type Run, signal, type Tool } from '../run/index.ts'
import { approvalSchema } from './approval.ts'

/** The answer to an approval: the call as it is, with other arguments, or not at all. Its data is `{ tool, input }`. */
export const toolApproval = signal('tutti.approval', approvalSchema)

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

/** These end the agent; everything else is for the model to read. */
const endsTheAgent: ReadonlySet<ErrorCode> = new Set(['RUN_CANCELLED', 'RUN_DEADLINE_EXCEEDED', 'TOOL_IN_DOUBT', 'BUDGET_EXCEEDED', 'BUDGET_OVERRUN', 'BUDGET_NO_PRICE', 'RUN_SCOPE_MISUSED', 'RUN_NOT_RECORDABLE'])

/**
 * @param name the key of the call in its scope
 * @throws BUDGET_EXCEEDED | TOOL_IN_DOUBT | RUN_CANCELLED | RUN_DEADLINE_EXCEEDED
 */
export async function callTool(run: Run, tool: AnyTool, call: ToolCallPart, name: string): Promise<ToolResultPart> {
  const answer = (output: Json, failed = false): ToolResultPart => ({ type: 'tool-result', id: call.id, tool: call.tool, output, ...(failed ? { failed } : {}) })
  const checked = await check(tool['~tool'].inputSchema, call.input)
  if (!checked.ok) return answer(`TOOL_INPUT_INVALID: the arguments do not fit: ${sayComplaints(checked.complaints)}`, true)
  try {
    const approved = await approve(run, tool, checked.value, name)
    if (!approved.ok) return answer(`Not approved: ${approved.why}`, true)
    return answer(shownOutput(await perform(run, tool, approved.input, name)))
  } catch (error) {
    if (!TuttiError.is(error) || endsTheAgent.has(error.code)) throw error
    return answer(`${error.code}: ${error.message}`, true)
  }
}

type Approved = { readonly ok: true; readonly input: unknown } | { readonly ok: false; readonly why: string }

async function approve(run: Run, tool: AnyTool, input: unknown, name: string): Promise<Approved> {
  const ask = tool['~tool'].approve
  const needed = typeof ask === 'function' ? await run.step(`${name}/needs-approval`, input, (given) => ask(given as never, { scope: run.scope })) : ask === true
  if (!needed) return { ok: true, input }
  const answer = await run.wait(toolApproval, { data: { tool: tool.name, input: encode(input) } })
  if (!answer.ok) return { ok: false, why: answer.why ?? 'a person refused the call' }
  if (answer.input === undefined) return { ok: true, input }
  const checked = await check(tool['~tool'].inputSchema, answer.input)
  return checked.ok ? { ok: true, input: checked.value } : { ok: false, why: `the arguments that were put in do not fit: ${sayComplaints(checked.complaints)}` }
}

function perform(run: Run, tool: AnyTool, input: unknown, name: string): Promise<unknown> {
  const { flow } = tool['~tool']
  return flow ? run.call(flow as Flow<unknown, unknown>, input, { name }) : run['~core'].ask(toolEffect(run, tool, input, name))
}

function toolEffect(run: Run, tool: AnyTool, input: unknown, name: string): EffectSpec<unknown> {
  const body = tool['~tool']
  const fingerprint = hash128(canonical([tool.name, input]))
  const { reconcile } = body
  return {
    name,
    kind: 'tool',
    effect: tool.effect,
    fingerprint,
    label: { tool: tool.name, input: encode(input) },
    timeoutMs: body.timeout === undefined ? undefined : durationMs(body.timeout),
    plan: () => toolAttempt(run, tool, input),
    ...(tool.effect === 'once' ? {} : { retry: (error, attempt) => retryAfter({ attempts: 3 }, toolError(error), attempt, fingerprint) }),
    ...(reconcile ? { reconcile: async (key: string) => reconciled(await reconcile(key, input as never)) } : {}),
  }
}

/** Only what says of itself that it may be tried again is tried again. */
const toolError = (error: TuttiError): TuttiError => (error.code === 'RUN_STEP_FAILED' ? new TuttiError('TOOL_FAILED', error.message) : error)

function toolAttempt(run: Run, tool: AnyTool, input: unknown): AttemptPlan<unknown> {
  const counted = { ...nothing, toolCalls: 1 }
  const limited = run['~core'].left().toolCalls !== undefined
  return {
    ...(limited ? { hold: counted } : {}),
    execute: async (ctx: EffectContext): Promise<Executed<unknown>> => {
      const output = await tool['~tool'].execute(input, ctx)
      const { outputSchema } = tool['~tool']
      if (!outputSchema) return { value: output, settle: counted }
      const checked = await check(outputSchema, output)
      if (checked.ok) return { value: checked.value, settle: counted }
      throw new TuttiError('TOOL_FAILED', `the tool '${tool.name}' answered something else than it declares: ${sayComplaints(checked.complaints)}`)
    },
  }
}

const reconciled = (verdict: Awaited<ReturnType<NonNullable<AnyTool['~tool']['reconcile']>>>): { done: true; value: unknown } | { done: false } | 'unknown' =>
  verdict !== 'unknown' && verdict.done ? { done: true, value: verdict.output } : (verdict as { done: false } | 'unknown')

/** What the model is shown of an output: JSON; dates as ISO text, maps and sets as arrays, `undefined` as null. */
function shownOutput(output: unknown): Json {
  if (output === undefined) return null
  const text = JSON.stringify(output, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value instanceof Map || value instanceof Set ? [...value] : value))
  return text === undefined ? null : (decode(JSON.parse(text) as Json) as Json)
}
