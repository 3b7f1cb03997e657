/**
 * Calls a tool that a model asked for: as one recorded step, or, when the tool is a flow, as a scope of its own. What went wrong with the
 * arguments or in the tool goes back to the model as a result; what went wrong with the run (budget, doubt, cancellation) does not.
 */
import { nothing } from '../budget/index.ts'
import { type ErrorCode, sayThrown, TuttiError } from '../errors/index.ts'
import type { FilePart, ToolCallPart, ToolResultPart } from '../message/index.ts'
import { type Checked, canonical, check, durationMs, encode, hash128, type Json, sayComplaints, shownJson, shownText } from '../primitives/index.ts'
import {
  type Approve,
  type AttemptPlan,
  declaredSignal,
  type EffectContext,
  type EffectSpec,
  type Executed,
  executeFlow,
  type MeteredFailure,
  ownSignal,
  type Run,
  retryAfter,
  type Tool,
} from '../run/index.ts'
import { approvalOf, approvalSchema, isApproved, remember } from './approval.ts'
import { standInKey, stoodInFor } from './stand-in.ts'

/** The answer to an approval: the call as it is, with other arguments, or not at all. Its data is `{ tool, input }`. */
export const toolApproval = declaredSignal(ownSignal.approval, approvalSchema)

/** Of a tool that may be repeated, and says that trying again may help. */
const ATTEMPTS = 3
/** Characters of JSON. */
const LABEL_LENGTH = 200

// biome-ignore lint/suspicious/noExplicitAny: a tool of anything
type AnyTool = Tool<any, any>

/** These end the agent; everything else is for the model to read. */
const endsTheAgent: ReadonlySet<ErrorCode> = new Set([
  'RUN_CANCELLED',
  'RUN_DEADLINE_EXCEEDED',
  'RUN_FORK_ONCE',
  'JOURNAL_DIVERGED',
  'TOOL_IN_DOUBT',
  'BUDGET_EXCEEDED',
  'BUDGET_OVERRUN',
  'BUDGET_NO_PRICE',
  'RUN_SCOPE_MISUSED',
  'RUN_NOT_RECORDABLE',
])

/**
 * @param name the key of the call in its scope
 * @throws BUDGET_EXCEEDED | TOOL_IN_DOUBT | RUN_CANCELLED | RUN_DEADLINE_EXCEEDED
 */
export async function callTool(run: Run, declared: AnyTool, call: ToolCallPart, name: string): Promise<ToolResultPart> {
  const tool = stoodInFor(declared, run['~core'].offered(standInKey))
  const given = call.malformed === undefined ? take(tool, call.input) : { ok: false as const, says: call.malformed }
  const taken = given instanceof Promise ? await given : given
  if (!taken.ok) return declined(run, call, name, `TOOL_INPUT_INVALID: ${taken.says}`)
  try {
    const approved = tool['~tool'].approve ? await approve(run, tool, taken.input, name) : taken
    if (!approved.ok) return declined(run, call, name, `Not approved: ${approved.says}`)
    const outcome = await perform(run, tool, approved.input, name)
    const shown = tool['~tool'].shown?.(outcome)
    return shown
      ? answered(call, shown.output, shown.failed === true, shown.files as readonly FilePart[] | undefined)
      : answered(call, shownOutput(outcome), false)
  } catch (error) {
    if (!TuttiError.is(error) || endsTheAgent.has(error.code)) throw error
    return answered(call, `${error.code}: ${error.message}`, true)
  }
}

/** Nothing is done: the model is told why, and the record too, where the step would stand. */
export function declined(run: Run, call: ToolCallPart, name: string, says: string): ToolResultPart {
  run['~core'].declined(name, says)
  return answered(call, says, true)
}

function answered({ id, tool }: ToolCallPart, output: Json, failed: boolean, files?: readonly FilePart[]): ToolResultPart {
  const part: ToolResultPart = { type: 'tool-result', id, tool, output }
  return failed || files?.length ? { ...part, ...(failed ? { failed } : {}), ...(files?.length ? { files } : {}) } : part
}

/**
 * Calls a tool from a flow, without a model: its outcome as a model would be told, or what it failed with.
 * @throws TOOL_INPUT_INVALID | TOOL_FAILED | TOOL_IN_DOUBT, and what ends a run
 */
export async function useTool(run: Run, tool: AnyTool, given: unknown, name: string): Promise<Json> {
  const taken = await take(tool, given)
  if (!taken.ok) throw new TuttiError('TOOL_INPUT_INVALID', `the tool '${tool.name}' cannot be called: ${taken.says}`, { data: { tool: tool.name } })
  const approved = await approve(run, tool, taken.input, name)
  if (!approved.ok) throw new TuttiError('TOOL_FAILED', `the call of '${tool.name}' was not approved: ${approved.says}`, { data: { tool: tool.name } })
  const outcome = await perform(run, tool, approved.input, name)
  const { output, failed } = tool['~tool'].shown?.(outcome) ?? { output: shownOutput(outcome) }
  if (!failed) return output
  throw new TuttiError('TOOL_FAILED', `the tool '${tool.name}' failed: ${typeof output === 'string' ? output : JSON.stringify(output)}`, {
    data: { tool: tool.name, output },
  })
}

type Taken = { readonly ok: true; readonly input: unknown } | { readonly ok: false; readonly says: string }

/** What the tool is given for these arguments. A flow with a schema of its own parses them itself; parsed twice, they might not fit any more. */
function take(tool: AnyTool, args: unknown): Taken | Promise<Taken> {
  const checked = check(tool['~tool'].inputSchema, args)
  return checked instanceof Promise ? checked.then((late) => takenOf(tool, args, late)) : takenOf(tool, args, checked)
}

function takenOf(tool: AnyTool, args: unknown, checked: Checked<unknown>): Taken {
  const { flow } = tool['~tool']
  if (!checked.ok) return { ok: false, says: `the arguments do not fit: ${sayComplaints(checked.complaints)}` }
  return { ok: true, input: flow?.['~flow'].inputSchema ? args : checked.value }
}

async function approve(run: Run, tool: AnyTool, input: unknown, name: string): Promise<Taken> {
  const ask = tool['~tool'].approve
  const needed = typeof ask === 'function' ? await run['~core'].ask(judgement(run, ask, input, name)) : ask === true
  if (!needed || isApproved(run, tool.name, input)) return { ok: true, input }
  const fitting = approvalOf((other) => misfitOf(tool, other))
  const answer = await run.wait(declaredSignal(ownSignal.approval, fitting), { data: { tool: tool.name, input: encode(input) } })
  if (!answer.ok) return { ok: false, says: answer.why ?? 'a person refused the call' }
  remember(run, tool.name, answer)
  return answer.input === undefined ? { ok: true, input } : take(tool, answer.input)
}

function misfitOf(tool: AnyTool, input: Json): string | undefined | Promise<string | undefined> {
  const says = (taken: Taken): string | undefined => (taken.ok ? undefined : taken.says)
  const taken = take(tool, input)
  return taken instanceof Promise ? taken.then(says) : says(taken)
}

/** Whether a person is to be asked is recorded: what it was judged by may be different after a restart. */
function judgement(run: Run, ask: Exclude<Approve<never>, boolean>, input: unknown, name: string): EffectSpec<boolean> {
  const execute = async (): Promise<Executed<boolean>> => ({ value: await ask(input as never, { scope: run.scope }) })
  const fingerprint = hash128(canonical(input))
  return { name: `${name}:needs-approval`, kind: 'code', effect: 'read', fingerprint, reached: () => undefined, plan: () => ({ execute }) }
}

function perform(run: Run, tool: AnyTool, input: unknown, name: string): Promise<unknown> {
  const { flow, conduct } = tool['~tool']
  const call = (given: unknown): Promise<unknown> => run['~core'].ask(toolEffect(run, tool, given, name))
  if (!flow) return conduct ? conduct(input, { run, call }) : call(input)
  const { budget, deadline } = flow['~flow'].options
  return run['~core'].open(name, input, (inner) => executeFlow(flow, input, inner), { budget, deadline, apart: true })
}

function toolEffect(run: Run, tool: AnyTool, input: unknown, name: string): EffectSpec<unknown> {
  const body = tool['~tool']
  const fingerprint = hash128(canonical([tool.name, input]))
  const { reconcile, undo } = body
  const retry: EffectSpec<unknown>['retry'] = (error, attempt) => retryAfter({ attempts: ATTEMPTS }, error, attempt, fingerprint)
  return {
    name,
    kind: 'tool',
    effect: tool.effect,
    fingerprint,
    label: labelOf(tool, input),
    timeoutMs: body.timeout === undefined ? undefined : durationMs(body.timeout),
    idleMs: body.idle === undefined ? undefined : durationMs(body.idle),
    plan: () => toolAttempt(run, tool, input),
    ...(tool.effect === 'once' ? {} : { retry }),
    ...(undo ? { undo: { execute: (output, ctx) => undo(output as never, input as never, ctx), retry } } : {}),
    ...(tool.effect === 'once' && body.outputSchema ? { misfit: (output: unknown) => checkedOutput(tool, output).then(() => undefined, sayMessage) } : {}),
    ...(reconcile ? { reconcile: async (key: string) => reconciled(tool, await reconcile(key, input as never)) } : {}),
  }
}

/** A short input is shown beside the name; a long one is in the model's message already. */
function labelOf({ name }: AnyTool, input: unknown): Json {
  const shown = encode(input)
  return { tool: name, ...(JSON.stringify(shown).length <= LABEL_LENGTH ? { input: shown } : {}) }
}

function toolAttempt(run: Run, tool: AnyTool, input: unknown): AttemptPlan<unknown> {
  const counted = { ...nothing, toolCalls: 1 }
  const limited = run['~core'].left().toolCalls !== undefined
  const body = tool['~tool']
  return {
    ...(limited ? { hold: counted } : {}),
    execute: (ctx: EffectContext): Executed<unknown> | Promise<Executed<unknown>> => {
      const failed = (error: unknown): never => {
        // A call that failed was a call all the same.
        const failure: MeteredFailure = { '~metered': true, error: failureOf(tool, error, ctx), settle: counted }
        throw failure
      }
      try {
        const output = body.execute(input, ctx)
        if (!isThenable(output) && !body.outputSchema) return { value: output, settle: counted }
        const checked = body.outputSchema ? Promise.resolve(output).then((late) => checkedOutput(tool, late)) : Promise.resolve(output)
        return checked.then((value) => ({ value, settle: counted }), failed)
      } catch (error) {
        return failed(error)
      }
    },
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> => typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'

async function checkedOutput(tool: AnyTool, output: unknown): Promise<unknown> {
  const { outputSchema } = tool['~tool']
  if (!outputSchema) return output
  const checked = await check(outputSchema, output)
  if (checked.ok) return checked.value
  throw new TuttiError('TOOL_FAILED', `the tool '${tool.name}' answered something else than it declares: ${sayComplaints(checked.complaints)}`)
}

const sayMessage = (error: unknown): string => sayThrown(error).message

/** What a tool throws is its own failure, unless it is one of tutti's, which says itself whether it may be tried again. */
function failureOf(tool: AnyTool, cause: unknown, ctx: EffectContext): unknown {
  if (TuttiError.is(cause) || ctx.signal.aborted) return cause
  const { name, message } = sayThrown(cause)
  return new TuttiError('TOOL_FAILED', `the tool '${tool.name}' failed: ${message}`, {
    cause,
    data: { tool: tool.name, name, message },
  })
}

/** Whoever answers something else than what can be answered knows nothing: taken for "not done", a slip would let a payment be made twice. @throws CONFIG_INVALID */
async function reconciled(tool: AnyTool, verdict: unknown): Promise<{ done: true; value: unknown } | { done: false } | 'unknown'> {
  if (verdict === 'unknown') return verdict
  const { done, output, ...rest } = (typeof verdict === 'object' && verdict !== null ? verdict : {}) as { readonly done?: unknown; readonly output?: unknown }
  const isNone = Object.keys(rest).length > 0
  if (done === true && !isNone) return { done, value: await checkedOutput(tool, output) }
  if (done === false && !isNone) return { done }
  const said = (shownText(verdict) ?? 'nothing').slice(0, LABEL_LENGTH)
  throw new TuttiError('CONFIG_INVALID', `the reconcile of '${tool.name}' answered ${said}, and not { done: true, output }, { done: false } or 'unknown'`)
}

/** What the model is shown of an output. */
const shownOutput = (output: unknown): Json => (typeof output === 'string' ? output : shownJson(output))
