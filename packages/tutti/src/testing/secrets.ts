/** Keys and passwords, kept out of what is written into a repository: those of this environment by their values, others by how they look. */
import type { Json } from '../primitives/index.ts'

/** Names of variables whose values are not shown. */
const secretName = /(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|ACCESS_KEY_ID)(_|$)/i
/** Shorter values stand in other text by chance. */
const leastLength = 8

/** As their issuers make them: OpenAI and Anthropic, AWS, GitHub, Google, Slack, JWTs, and what follows `Bearer`. */
const looks =
  /\b(sk-[A-Za-z0-9_-]{16,}|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|AIza[A-Za-z0-9_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})|(?<=\bBearer )[A-Za-z0-9._~+/=-]{8,}/g

/** The same value, with `[secret]`, or `[NAME]` of the variable, in the place of each. */
export function withoutSecrets(value: Json): Json {
  const known = Object.entries(process.env).flatMap(([name, secret]) =>
    secret !== undefined && secret.length >= leastLength && secretName.test(name) ? [{ secret, shown: `[${name}]` }] : [],
  )
  const clean = (text: string): string => known.reduce((rest, { secret, shown }) => rest.replaceAll(secret, shown), text).replace(looks, '[secret]')
  const walk = (node: Json): Json => {
    if (typeof node === 'string') return clean(node)
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([name, inner]) => [name, walk(inner)]))
  }
  return walk(value)
}
