/** How Restate calls the service of a flow in one version. */
import { createHash } from 'node:crypto'

/** Restate allows letters, digits, `_`, `.` and `-` and begins with a letter; what had to be changed is told apart by a hash. */
export function serviceName({ flow, version }: { readonly flow: string; readonly version: string }): string {
  const name = `tutti.${flow}.${version}`
  const allowed = name.replace(/[^a-zA-Z0-9_.-]/g, '_')
  return allowed === name ? name : `${allowed}.${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}
