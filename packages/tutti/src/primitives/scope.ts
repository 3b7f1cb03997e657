import type { Json } from './json.ts'

/** Whose work it is. Memory, caches, retrieval and budgets are read through it. */
export interface Scope {
  /** Default `'default'` in an app without tenants. */
  tenant: string
  user?: string | undefined
  /** The conversation it belongs to. */
  thread?: string | undefined
  /** What the caller proved about the user, for tools and policies to read. */
  claims?: { readonly [key: string]: Json } | undefined
}
