import type { InOf, OutOf, Schema } from '../primitives/index.ts'
import type { Signal } from './definition.port.ts'
import { checkName } from './flow.ts'

/**
 * Declares a message that a run may wait for: an approval, an answer, a webhook.
 * @example
 * const Approval = signal('approval', z.object({ ok: z.boolean() }))
 */
export function signal<S extends Schema>(name: string, schema: S): Signal<InOf<S>, OutOf<S>> {
  checkName(name, 'signal')
  return { name, '~signal': { schema } } as unknown as Signal<InOf<S>, OutOf<S>>
}
