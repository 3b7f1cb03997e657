import type { Json, Schema } from '../primitives/index.ts'

/** What a person answers when a tool call waits for approval: `input` replaces the arguments. */
export interface ApprovalAnswer {
  readonly ok: boolean
  readonly why?: string | undefined
  readonly input?: Json | undefined
}

export const approvalSchema: Schema<ApprovalAnswer, ApprovalAnswer> = {
  '~standard': {
    version: 1,
    vendor: 'tutti',
    validate: (value) => {
      const answer = value as ApprovalAnswer | null
      if (typeof answer !== 'object' || answer === null || typeof answer.ok !== 'boolean')
        return { issues: [{ message: 'expected { ok: boolean, why?: string, input?: arguments }' }] }
      return { value: answer }
    },
  },
}
