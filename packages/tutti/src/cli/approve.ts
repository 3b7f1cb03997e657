import { TuttiError } from '../errors/index.ts'
import type { OpenWait, RunHead } from '../journal/index.ts'
import type { Json } from '../primitives/index.ts'
import { ownSignal } from '../run/index.ts'
import type { CommonOptions } from './options.ts'
import { jsonOf, leave, sayOpen } from './signal.ts'
import type { Terminal } from './terminal.ts'
import { sayWait, type Waits } from './waits.ts'

export interface ApproveOptions extends CommonOptions {
  /** Which of several calls. */
  readonly key?: string | undefined
  readonly deny?: boolean | undefined
  /** With `deny`: what the model is told. */
  readonly why?: string | undefined
  /** JSON: arguments instead of those the model chose. */
  readonly edit?: string | undefined
  /** Later calls of the tool in this run too: true, or JSON of the fields that their arguments must have. */
  readonly always?: true | string | undefined
}

/** `tutti approve RUN`: a tool call that waits for a person is made as it is, with other arguments, or not at all. */
export async function approve(terminal: Terminal, reference: string, o: ApproveOptions): Promise<number> {
  const value = answerOf(o)
  return leave(terminal, reference, o, (waits, head) => {
    const key = o.key ?? onlyCall(waits, head)
    return { id: answerId(key, waits), signal: ownSignal.approval, key: checked(key, waits, head), value }
  })
}

/** One answer a call: whoever answers second learns that it was answered. One that was refused, and left the call waiting, does not count. */
function answerId(key: string, { over, received }: Waits): string {
  const first = `approval_${key}`
  let id = first
  for (let n = 2; received.has(id) && !over.has(key); n++) id = `${first}#${n}`
  return id
}

/** @throws CONFIG_USAGE */
function answerOf({ deny, why, edit, always }: ApproveOptions): Json {
  if (deny && always !== undefined) throw new TuttiError('CONFIG_USAGE', '--deny and --always exclude each other')
  if (deny && edit !== undefined) throw new TuttiError('CONFIG_USAGE', '--deny and --edit exclude each other')
  if (why !== undefined && !deny) throw new TuttiError('CONFIG_USAGE', '--why says why a call is denied; it goes with --deny')
  if (deny) return why === undefined ? { ok: false } : { ok: false, why }
  const approved = { ok: true, ...(edit === undefined ? {} : { input: jsonOf(edit, '--edit', `Give the arguments as an object: '{"usd":20}'.`) }) }
  return always === undefined
    ? approved
    : { ...approved, always: always === true ? true : jsonOf(always, '--always', `Give nothing, or fields of the arguments: '{"to":"ops"}'.`) }
}

/** @throws CONFIG_USAGE when none waits, or several do */
function onlyCall({ open }: Waits, { run }: RunHead): string {
  const calls = open.filter(isCall)
  const [call] = calls
  if (!call) throw new TuttiError('CONFIG_USAGE', `no tool call of ${run} waits for approval`, { hint: sayOpen(open) })
  if (calls.length > 1)
    throw new TuttiError('CONFIG_USAGE', `${calls.length} tool calls of ${run} wait for approval`, {
      hint: `Say which with --key: ${calls.map(sayWait).join('; ')}`,
    })
  return call.key
}

/** A wait that is over is refused as such by `leave`. @throws CONFIG_USAGE */
function checked(key: string, { open, over }: Waits, { run }: RunHead): string {
  if (over.has(key) || open.some((wait) => isCall(wait) && wait.key === key)) return key
  throw new TuttiError('CONFIG_USAGE', `no tool call of ${run} waits for approval at '${key}'`, { hint: sayOpen(open) })
}

const isCall = ({ signal }: OpenWait): boolean => signal === ownSignal.approval
