/** What `tutti doctor` says of Restate: whether it answers, which flows have workers there, and which runs hang because nobody answers where they stand. */
import type { EngineCheck } from 'tutti/engine'
import { askRestate, checkAddresses } from './ask.ts'
import { ADMIN, INGRESS, type RestateOptions } from './host.ts'
import { type Deployment, Placement, type Unfinished } from './placement.ts'
import { flowIn } from './service-name.ts'

/** @throws CONFIG_INVALID when an address is none */
export async function checkRestate({ ingress = INGRESS, admin = ADMIN, headers = {} }: RestateOptions): Promise<readonly EngineCheck[]> {
  checkAddresses({ ingress, admin })
  const [front, back] = await Promise.all([look(ingress, '/restate/health', headers), look(admin, '/deployments', headers)])
  if (front !== undefined || back !== undefined) return [checkOf('ingress', ingress, front), checkOf('admin', admin, back)]
  const placement = new Placement(admin, headers)
  const deployments = await placement.deployments()
  return [checkOf('restate', ingress, front), workersCheck(deployments), ...(await hanging(placement, deployments).catch(unknown))]
}

function workersCheck(deployments: readonly Deployment[]): EngineCheck {
  const flows = [...new Set(deployments.flatMap(({ services }) => services.flatMap(({ name }) => flowIn(name) ?? [])))]
  if (flows.length === 0) return { what: 'workers', ok: false, says: 'no flow is registered', next: START }
  const more = flows.length > 5 ? ', …' : ''
  const says = `${flows.length === 1 ? '1 flow is' : `${flows.length} flows are`} registered: ${flows.slice(0, 5).join(', ')}${more}`
  return { what: 'workers', ok: true, says }
}

/** Why nobody goes on with runs that stand at `deployment`. */
interface Cause {
  readonly why: string
  readonly next: string
}

/** Runs that nobody goes on with, and addresses that new runs are given to in vain. */
async function hanging(placement: Placement, deployments: readonly Deployment[]): Promise<readonly EngineCheck[]> {
  const found = new Map(await Promise.all(deployments.map(async (each) => [each.id, { ...each, found: await placement.answers(each) }] as const)))
  const causeOf = ({ deployment, service, paused }: Unfinished): Cause | undefined => {
    const at = deployment === undefined ? undefined : found.get(deployment)
    if (deployment !== undefined && !at) return { why: 'they began at an address that is no longer registered', next: MOVE }
    if (at && 'why' in at.found) return { why: `nobody answers at ${at.uri} (${at.found.why})`, next: MOVE }
    if (at && 'services' in at.found && !at.found.services.has(service)) return { why: `the workers at ${at.uri} do not have it`, next: KEEP }
    return paused ? { why: 'Restate makes no attempt any more', next: RESUME } : undefined
  }
  const runs = (await placement.unfinished()).flatMap((some): EngineCheck[] => {
    const cause = causeOf(some)
    if (!cause) return []
    const says = `${some.runs === 1 ? '1 run' : `${some.runs} runs`} of ${flowIn(some.service)}: ${cause.why}: ${some.run}${some.runs > 1 ? ', …' : ''}`
    return [{ what: 'hanging', ok: false, says, next: cause.next.replace('RUN', some.run) }]
  })
  const vain = [...found.values()].map(async (at): Promise<readonly EngineCheck[]> => {
    if (!('why' in at.found)) return []
    const latest = await Promise.all(at.services.map(async ({ name }) => ((await placement.latest(name)) === at.id ? [name] : [])))
    const flows = latest.flat().flatMap((name) => flowIn(name) ?? [])
    if (flows.length === 0) return []
    const says = `new runs of ${flows.slice(0, 5).join(', ')}${flows.length > 5 ? ', …' : ''} are given to ${at.uri}, where nobody answers (${at.found.why})`
    return [{ what: 'nobody', ok: false, says, next: START }]
  })
  return [...runs, ...(await Promise.all(vain)).flat()]
}

/** An admin interface that answers, and not this. */
const unknown = (error: Error): readonly EngineCheck[] => [
  {
    what: 'hanging',
    ok: false,
    says: `whether runs hang cannot be found out: ${error.message}`,
    next: 'It needs POST /query and POST /deployments of the admin interface.',
  },
]

const START = 'Start a worker: npx tutti worker --engine restate --app FILE'
const MOVE =
  '`npx tutti resume RUN` moves one to workers that answer; or start a worker at that address again. Give all workers of a version one address: --advertise (docs/scale.md).'
const KEEP = 'Start a worker that has this version beside the new one, then `npx tutti resume RUN`.'
const RESUME = '`npx tutti resume RUN` has it tried again.'

/** Why it does not answer. */
const look = (base: string, path: string, headers: Readonly<Record<string, string>>): Promise<string | undefined> =>
  askRestate(base, path, { headers, timeoutMs: 5_000 }).then(
    ({ ok, status }) => (ok ? undefined : `it says ${status}`),
    (error: Error) => error.message,
  )

const checkOf = (what: string, place: string, why: string | undefined): EngineCheck =>
  why === undefined
    ? { what, ok: true, says: `answers at ${place}` }
    : {
        what,
        ok: false,
        says: `does not answer at ${place}: ${why}`,
        next: 'Is it running, and is this its address? TUTTI_RESTATE_INGRESS, TUTTI_RESTATE_ADMIN.',
      }
