/** What a person says of a call that waits for approval, and what stands for them where they have said "always". */
import { canonical, encode, type Json, type Schema } from '../primitives/index.ts'
import type { Run } from '../run/index.ts'

/** What a person answers when a tool call waits for approval: `input` replaces the arguments. */
export interface ApprovalAnswer {
  readonly ok: boolean
  readonly why?: string | undefined
  readonly input?: Json | undefined
  /** With `ok`: later calls of this tool in this run need no approval; all of them, or those whose arguments have these fields with these values. */
  readonly always?: true | { readonly [field: string]: Json } | undefined
}

export const approvalSchema: Schema<ApprovalAnswer, ApprovalAnswer> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => {
      const answer = value as ApprovalAnswer | null
      if (typeof answer !== 'object' || answer === null || typeof answer.ok !== 'boolean')
        return { issues: [{ message: 'expected { ok: boolean, why?: string, input?: arguments, always?: true or fields of the arguments }' }] }
      const { always } = answer
      if (always !== undefined && always !== true && (typeof always !== 'object' || always === null || Array.isArray(always)))
        return { issues: [{ message: 'expected true, or fields of the arguments with their values', path: ['always'] }] }
      if (always !== undefined && !answer.ok) return { issues: [{ message: 'goes with an approval only', path: ['always'] }] }
      return { value: answer }
    },
  },
}

/** As `approvalSchema`, and arguments in the place of the model's fit the tool: a slip of the pen is refused, and the run waits on. */
export function approvalOf(misfit: (input: Json) => string | undefined | Promise<string | undefined>): typeof approvalSchema {
  const { validate } = approvalSchema['~standard']
  const result = (value: ApprovalAnswer, says: string | undefined) => (says === undefined ? { value } : { issues: [{ message: says }] })
  return {
    '~standard': {
      version: 1,
      vendor: 'tutti',
      validate: (given) => {
        const answered = validate(given)
        if (answered instanceof Promise || answered.issues || !answered.value.ok || answered.value.input === undefined) return answered
        const { value } = answered
        const says = misfit(answered.value.input)
        return says instanceof Promise ? says.then((late) => result(value, late)) : result(value, says)
      },
    },
  }
}

interface Standing {
  readonly tool: string
  readonly always: true | { readonly [field: string]: Json }
}

/**
 * By run, as it is driven by this process. Not recorded by itself: it follows from the answers, which are, and which reach a replay in the same order.
 */
const standing = new WeakMap<object, Standing[]>()

export function remember(run: Run, tool: string, { ok, always }: ApprovalAnswer): void {
  if (!ok || always === undefined) return
  const { activation } = run['~core']
  standing.set(activation, [...(standing.get(activation) ?? []), { tool, always }])
}

/** Whether a person has said "always" to such a call. */
export function isApproved(run: Run, tool: string, input: unknown): boolean {
  const said = standing.get(run['~core'].activation)
  return said?.some((each) => each.tool === tool && (each.always === true || hasFields(encode(input), each.always))) ?? false
}

function hasFields(input: Json, fields: { readonly [field: string]: Json }): boolean {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return false
  const given = input as { readonly [field: string]: Json }
  return Object.entries(fields).every(([field, value]) => Object.hasOwn(given, field) && canonical(given[field]) === canonical(value))
}
