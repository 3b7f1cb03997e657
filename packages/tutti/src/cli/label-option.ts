import { TuttiError } from '../errors/index.ts'

/** What `--label NAME=VALUE` says, once or several times. @throws CONFIG_USAGE */
export function labelsOf(given: readonly string[] | undefined): Readonly<Record<string, string>> | undefined {
  return given && Object.fromEntries(given.map(labelOf))
}

function labelOf(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new TuttiError('CONFIG_USAGE', `'${text}' is no label`, { hint: 'A label is name=value, as in --label customer=acme.' })
}
