import type { Json, Scope } from '../primitives/index.ts'

/** Whose a schedule is: whose the runs are that it starts. */
export function scopeOfSchedule(spec: Json | undefined): Scope {
  const { tenant, user } = (spec as { readonly scope?: Partial<Scope> } | undefined)?.scope ?? {}
  return { tenant: tenant ?? 'default', ...(user !== undefined && { user }) }
}
