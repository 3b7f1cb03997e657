/** The address of a database, as a message may show it: nothing of it that could be part of a password, also where it is written wrongly. */
import { parse } from 'pg-connection-string'
import { TuttiError } from 'tutti/store'

/** Parameters whose value may hold an `@` as it is. */
const FREE = new Set(['user', 'password', 'application_name', 'options'])

/** `127.0.0.1:5432/tutti`. @throws CONFIG_INVALID when it is no address of Postgres, which shows nothing of it */
export function placeOf(url: string): string {
  if (!/^postgres(ql)?:\/\//.test(url)) throw invalid('it does not begin with postgres://')
  // The user and the password end at the last `@` before the first `/`, `?` or `#`: one that stands behind these means that the password was cut there.
  if (isCut(url)) throw invalid("an '@' stands behind its host, so a '/', '?' or '#' before that belongs to the password")
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(url)
  } catch {
    throw invalid('it cannot be taken apart')
  }
  return `${parsed.host || 'localhost'}:${parsed.port || 5432}/${parsed.database ?? ''}`
}

function isCut(url: string): boolean {
  const rest = /^postgres(?:ql)?:\/\/[^/?#]*(.*)$/s.exec(url)?.[1] ?? ''
  const [, path = '', search = '', hash = ''] = /^([^?#]*)\??([^#]*)(.*)$/s.exec(rest) ?? []
  const cutParameter = search.split('&').some((each) => each.includes('@') && !FREE.has(each.split('=', 1)[0] ?? ''))
  return path.includes('@') || hash.includes('@') || cutParameter
}

const invalid = (why: string): TuttiError =>
  new TuttiError('CONFIG_INVALID', `this is not an address of Postgres: ${why}`, {
    hint: 'Write postgres://USER:PASSWORD@HOST:5432/DATABASE, with every character of the user and the password that is no letter or digit percent-encoded: @ as %40, / as %2F, # as %23, ? as %3F, % as %25, : as %3A.',
  })
