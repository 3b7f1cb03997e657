import { TuttiError } from '../errors/index.ts'
import { checkValue, type InOf, is, type OutOf, type Schema, sayGiven } from '../primitives/index.ts'
import type { Signal } from './definition.port.ts'
import { checkName } from './flow.ts'

/**
 * Declares a message that a run may wait for: an approval, an answer, a webhook.
 * @throws CONFIG_INVALID without a schema, or with a name that begins with `tutti.`
 * @example
 * const Approval = signal('approval', z.object({ ok: z.boolean() }))
 */
export function signal<S extends Schema>(name: string, schema: S): Signal<InOf<S>, OutOf<S>> {
  checkName(name, 'signal')
  if (name.startsWith('tutti.'))
    throw new TuttiError('CONFIG_INVALID', `the name '${name}' of a signal is one of tutti's own`, {
      hint: 'What it sends itself is exported: toolApproval, steer. Give yours a name that does not begin with tutti.',
    })
  return declaredSignal(name, schema)
}

/** As `signal()`, for those of tutti itself as well. */
export function declaredSignal<S extends Schema>(name: string, schema: S): Signal<InOf<S>, OutOf<S>> {
  checkValue(`the schema of the signal '${name}'`, 'schema', schema, is.schema)
  return { name, '~signal': { schema } } as unknown as Signal<InOf<S>, OutOf<S>>
}

/** @param what as it reads before "is" @throws CONFIG_INVALID for what `signal()` did not make */
export function checkSignal(what: string, given: unknown): void {
  const { name, '~signal': body } = (given ?? {}) as { name?: unknown; '~signal'?: { schema?: unknown } | null }
  if (typeof name === 'string' && is.schema.fits(body?.schema)) return
  throw new TuttiError('CONFIG_INVALID', `${what} is ${sayGiven(given)}`, { hint: "Declare it: const Approval = signal('approval', schema)." })
}
