/** Asking Restate over HTTP: what answers, and what it says when nothing does. */
import { TuttiError } from 'tutti/engine'

/** An address where nobody answers, as behind a firewall, is given up after so long. */
const ANSWER_MS = 30_000

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PATCH' | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly timeoutMs?: number | undefined
}

export interface Said {
  readonly ok: boolean
  readonly status: number
  readonly text: string
}

/** @throws the reason as a person reads it, when nothing answers */
export async function askRestate(base: string, path: string, { method, body, headers, timeoutMs = ANSWER_MS }: Ask = {}): Promise<Said> {
  try {
    const answer = await fetch(`${base.replace(/\/$/, '')}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { ok: answer.ok, status: answer.status, text: await answer.text() }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error }
    throw new Error(cause?.message || message, { cause: error })
  }
}

/** What no waiting mends. Nothing of what they hold is shown: there may be a password in it. @throws CONFIG_INVALID */
export function checkAddresses(addresses: Readonly<Partial<Record<keyof typeof told, string | undefined>>>): void {
  for (const [name, { what, write }] of Object.entries(told)) {
    const address = addresses[name as keyof typeof told]
    const fault = address === undefined ? undefined : faultIn(address)
    if (fault === undefined) continue
    throw new TuttiError('CONFIG_INVALID', `the address of ${what} ${fault}`, { data: { option: name }, hint: `Write it as http://HOST:PORT: ${write}.` })
  }
}

function faultIn(address: string): string | undefined {
  const url = URL.parse(address)
  if (!url) return 'is no URL'
  if (!/^https?:$/.test(url.protocol)) return "begins neither with 'http:' nor with 'https:'"
  return url.username || url.password ? 'holds a user or a password, which are sent as a header instead (`headers`, TUTTI_RESTATE_TOKEN)' : undefined
}

const told = {
  ingress: { what: "Restate's ingress", write: '`restate({ ingress })`, TUTTI_RESTATE_INGRESS' },
  admin: { what: "Restate's admin interface", write: '`restate({ admin })`, TUTTI_RESTATE_ADMIN' },
  advertise: { what: 'the workers', write: '`restate({ serve: { advertise } })`, --advertise, TUTTI_RESTATE_ADVERTISE' },
} as const
