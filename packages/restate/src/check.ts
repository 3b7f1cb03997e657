/** What `tutti doctor` says of Restate: whether it answers, and which flows have workers there. */
import type { EngineCheck } from 'tutti/engine'
import { ADMIN, INGRESS, type RestateOptions } from './host.ts'

export async function checkRestate({ ingress = INGRESS, admin = ADMIN, headers = {} }: RestateOptions): Promise<readonly EngineCheck[]> {
  const [front, back] = await Promise.all([look(`${ingress}/restate/health`, headers), look(`${admin}/deployments`, headers)])
  if (!front.ok || !back.ok) return [checkOf('ingress', ingress, front), checkOf('admin', admin, back)]
  const { deployments = [] } = (await back.answer.json()) as { deployments?: readonly { services?: readonly { name: string }[] }[] }
  const flows = [...new Set(deployments.flatMap(({ services = [] }) => services.map(({ name }) => name)))].filter((name) => name.startsWith('tutti.'))
  const workers: EngineCheck =
    flows.length > 0
      ? {
          what: 'workers',
          ok: true,
          says: `${flows.length} ${flows.length === 1 ? 'flow is' : 'flows are'} registered: ${flows
            .slice(0, 5)
            .map((name) => name.slice('tutti.'.length))
            .join(', ')}${flows.length > 5 ? ', …' : ''}`,
        }
      : { what: 'workers', ok: false, says: 'no flow is registered', next: 'Start a worker: npx tutti worker --engine restate --app FILE' }
  return [checkOf('restate', ingress, front), workers]
}

type Look = { readonly ok: true; readonly answer: Response } | { readonly ok: false; readonly why: string }

async function look(url: string, headers: Readonly<Record<string, string>>): Promise<Look> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) })
    return answer.ok ? { ok: true, answer } : { ok: false, why: `it says ${answer.status}` }
  } catch (error) {
    return { ok: false, why: ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message }
  }
}

const checkOf = (what: string, place: string, found: Look): EngineCheck =>
  found.ok
    ? { what, ok: true, says: `answers at ${place}` }
    : {
        what,
        ok: false,
        says: `does not answer at ${place}: ${found.why}`,
        next: 'Is it running, and is this its address? TUTTI_RESTATE_INGRESS, TUTTI_RESTATE_ADMIN.',
      }
