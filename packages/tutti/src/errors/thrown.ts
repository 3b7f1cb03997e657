/** What was thrown, in words. JavaScript lets anything be thrown, and `[object Object]` tells nobody what went wrong. */

/** Characters of the JSON of an object that is no error. */
const LONGEST = 500

/** Never throws itself, whatever was thrown. */
export function sayThrown(thrown: unknown): { readonly name: string; readonly message: string } {
  try {
    return typeof thrown === 'object' && thrown !== null ? ofObject(thrown) : { name: typeof thrown, message: String(thrown) }
  } catch {
    return { name: typeof thrown, message: 'something was thrown that cannot be read' }
  }
}

function ofObject(thrown: { readonly name?: unknown; readonly message?: unknown; readonly code?: unknown }): ReturnType<typeof sayThrown> {
  const { name, message, code } = thrown
  if (thrown instanceof Error) return { name: String(name), message: String(message) || [name, code].filter((said) => said !== undefined).join(' ') }
  const named = typeof name === 'string' && name !== '' ? name : 'object'
  return { name: named, message: typeof message === 'string' && message !== '' ? message : jsonOf(thrown) }
}

function jsonOf(thrown: object): string {
  const of = (Object.getPrototypeOf(thrown) as { readonly constructor?: { readonly name?: string } } | null)?.constructor?.name ?? 'Object'
  const text = tried(thrown) ?? `{ ${Object.keys(thrown).join(', ')} }`
  if (text === '{}' && of !== 'Object') return `an object of the class ${of} was thrown`
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text
}

/** Undefined for what has no JSON: a cycle, a bigint. */
function tried(thrown: object): string | undefined {
  try {
    return JSON.stringify(thrown)
  } catch {
    return undefined
  }
}
