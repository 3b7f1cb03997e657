/** What names a run, wherever it is given: a number would be another text in the journal than it was here, and a tenant that is none would be found by nobody. */
import { TuttiError } from '../errors/index.ts'
import { checkOptions, type Declared, type Scope, sayGiven } from '../primitives/index.ts'

const SCOPE: Declared<Scope> = { tenant: true, user: true, thread: true, claims: true }

/** @param whose as it reads after "of": `a start` @throws CONFIG_INVALID */
export function checkScopeOf(whose: string, scope: Partial<Scope> | undefined): void {
  if (scope === undefined) return
  checkOptions<object>(`the scope of ${whose}`, scope, SCOPE)
  for (const part of ['tenant', 'user', 'thread'] as const) if (scope[part] !== undefined) checkLine(`the ${part} of ${whose}`, scope[part])
}

/** @throws CONFIG_INVALID */
export function checkLabelsOf(whose: string, labels: Record<string, string> | undefined): void {
  if (labels === undefined) return
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels) || Object.values(labels).some((value) => typeof value !== 'string'))
    throw new TuttiError('CONFIG_INVALID', `the labels of ${whose} are no names with a text each`, { hint: "labels: { customer: '17' }" })
}

/** @throws CONFIG_INVALID for what is no text of one line */
export function checkLine(what: string, given: unknown): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused
  if (typeof given === 'string' && given.trim() !== '' && !/[\0-\x1f\x7f]/.test(given)) return
  throw new TuttiError('CONFIG_INVALID', `${what} is ${typeof given === 'number' ? `the number ${given}` : sayGiven(given)}`, {
    hint: typeof given === 'number' ? `Give it as a text: '${given}'.` : 'Give a text of one line that is not empty.',
  })
}
