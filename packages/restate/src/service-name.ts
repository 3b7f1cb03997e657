/** How Restate calls the service of a flow in one version. */
import { createHash } from 'node:crypto'

/** Restate allows letters, digits, `_`, `.` and `-` and begins with a letter; what had to be changed is told apart by a hash. */
export function serviceName({ flow, version }: { readonly flow: string; readonly version: string }): string {
  const name = `tutti.${flow}.${version}`
  const allowed = inLetters(name)
  return allowed === name ? name : `${allowed}.${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}

const inLetters = (name: string): string => name.replace(/[^a-zA-Z0-9_.-]/g, '_')

/** The flow and its version, `flow.version`, that a service is of; nothing when it is none of tutti's. */
export const flowIn = (service: string): string | undefined => (service.startsWith('tutti.') ? service.slice('tutti.'.length) : undefined)

/** The versions of a flow that are among these services, each once. */
export function versionsIn(flow: string, services: readonly string[]): readonly string[] {
  const start = inLetters(`tutti.${flow}.`)
  return [...new Set(services.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length)))].sort()
}
