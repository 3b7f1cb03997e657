/**
 * For tests: third-party packages as they are published. This repository runs from its sources under the condition `source`, and some packages
 * (`eventsource-parser`, the AI SDK) use the same word for TypeScript files that Node refuses to run inside `node_modules`.
 */
import { registerHooks } from 'node:module'

/** Until it is called back, what a package imports is resolved without the condition `source`. */
export function asPublished(): () => void {
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      if (!context.parentURL?.includes('/node_modules/')) return next(specifier, context)
      return next(specifier, { ...context, conditions: context.conditions.filter((condition) => condition !== 'source') })
    },
  })
  return () => hooks.deregister()
}
