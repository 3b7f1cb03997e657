/**
 * Where Restate has the runs: each began at one deployment (an address of workers) and stays there, also when nobody listens at it any more.
 *
 * Owns nothing: Restate's admin interface knows. Restate itself is asked whether workers answer, because it may reach addresses that this machine does not.
 * What is moved goes on from its log: what is asked of Restate follows from that alone, so that any worker with the flow can take it up.
 */
import { setTimeout as later } from 'node:timers/promises'
import { TuttiError } from 'tutti/engine'
import { type Ask, askRestate, type Said } from './ask.ts'
import { flowIn, serviceName, versionsIn } from './service-name.ts'

const ANSWER_MS = 5_000
const LOOK_MS = 50
const UNDER_WAY_MS = 2_000

export interface Deployment {
  readonly id: string
  readonly uri: string
  readonly services: readonly { readonly name: string }[]
}

interface Invocation {
  readonly id: string
  readonly run: string
  readonly status: string
  readonly deployment: string | undefined
}

export interface Unfinished {
  readonly deployment: string | undefined
  readonly service: string
  /** Restate makes no attempt any more. */
  readonly paused: boolean
  readonly runs: number
  /** One of them. */
  readonly run: string
}

interface FlowRun {
  readonly run: string
  readonly flow: string
  readonly version: string
}

export type Answer = { readonly services: ReadonlySet<string> } | { readonly why: string }

/** As it is when it is asked: for one question, not to be kept. */
export class Placement {
  readonly #answers = new Map<string, Promise<Answer>>()
  readonly #admin: string
  readonly #headers: Readonly<Record<string, string>> | undefined

  constructor(admin: string, headers: Readonly<Record<string, string>> | undefined) {
    this.#admin = admin
    this.#headers = headers
  }

  /** Those that can have workers of tutti: with an address, and flows. */
  async deployments(): Promise<readonly Deployment[]> {
    const { deployments = [] } = (await this.#json('/deployments')) as { deployments?: readonly Partial<Deployment>[] }
    return deployments.filter((each): each is Deployment => each.uri !== undefined && (each.services ?? []).some(({ name }) => flowIn(name) !== undefined))
  }

  /** The services that workers at this address have now; why not, when none answers. Asked once: where nobody listens Restate tries for two seconds. */
  answers({ uri }: Pick<Deployment, 'uri'>): Promise<Answer> {
    const answer = this.#answers.get(uri) ?? this.#discover(uri)
    this.#answers.set(uri, answer)
    return answer
  }

  /** Restate asks the workers what they have, and registers nothing. */
  async #discover(uri: string): Promise<Answer> {
    const said = await this.#ask('/deployments', { body: { uri, force: true, dry_run: true } }).catch((error: Error) => ({ ok: false, text: error.message }))
    if (!said.ok) return { why: reasonIn(messageOf(said.text)) }
    const { services = [] } = JSON.parse(said.text) as { services?: readonly { name: string }[] }
    return { services: new Set(services.map(({ name }) => name)) }
  }

  /** The invocation that drives this run, unless it has ended or was never begun. */
  async invocationOf(of: FlowRun): Promise<Invocation | undefined> {
    const [row] = await this.#query(`SELECT id, status, pinned_deployment_id AS deployment FROM sys_invocation
      WHERE target_service_name = ${quoted(serviceName(of))} AND target_service_key = ${quoted(of.run)} AND target_handler_name = 'run' AND status <> 'completed'`)
    return row && { id: String(row.id), run: of.run, status: String(row.status), deployment: row.deployment === undefined ? undefined : String(row.deployment) }
  }

  /** How many runs that have not ended stand where, by flow and by whether Restate gave them up. */
  async unfinished(): Promise<readonly Unfinished[]> {
    const rows =
      await this.#query(`SELECT pinned_deployment_id AS deployment, target_service_name AS service, status = 'paused' AS paused, count(*) AS runs, min(target_service_key) AS run
      FROM sys_invocation WHERE target_handler_name = 'run' AND target_service_name LIKE 'tutti.%' AND status <> 'completed' GROUP BY 1, 2, 3`)
    return rows.map(({ deployment, service, paused, runs, run }) => ({
      deployment: deployment === undefined || deployment === null ? undefined : String(deployment),
      ...{ service: String(service), paused: paused === true, runs: Number(runs), run: String(run) },
    }))
  }

  /** The deployment that new runs of this service are given to. */
  async latest(service: string): Promise<string | undefined> {
    const said = await this.#ask(`/services/${encodeURIComponent(service)}`)
    return said.ok ? (JSON.parse(said.text) as { deployment_id?: string }).deployment_id : undefined
  }

  /**
   * A run that a person wants to go on, and that is held up: where nobody answers for it at the address that it began at, it goes on at the one where its flow was
   * registered last; one that Restate gave up is taken up again.
   * @throws RUN_VERSION_MISMATCH | CONFIG_FLOW_UNKNOWN when no worker that answers has it
   */
  async free(of: FlowRun): Promise<void> {
    const service = serviceName(of)
    const deployments = await this.deployments()
    let invocation = await this.invocationOf(of)
    const pinned = deployments.find(({ id }) => id === invocation?.deployment)
    if (invocation && pinned && (await this.#has(pinned, service))) return this.#resume(invocation)
    // An attempt that comes to nothing is one that runs for a moment; one that goes on has a worker that hears no new calls any more.
    for (const until = performance.now() + UNDER_WAY_MS; invocation?.status === 'running'; invocation = await this.invocationOf(of)) {
      if (performance.now() > until) return
      await later(LOOK_MS)
    }
    const to = await this.#placeFor(service, deployments)
    if (!to) throw await this.#nobody(of, pinned, deployments)
    if (invocation?.deployment !== undefined) await this.#move(invocation, to)
  }

  async #has(deployment: Deployment, service: string): Promise<boolean> {
    const found = await this.answers(deployment)
    return 'services' in found && found.services.has(service)
  }

  /** Where new runs of it are given to, if somebody answers there; else anywhere. */
  async #placeFor(service: string, deployments: readonly Deployment[]): Promise<Deployment | undefined> {
    const id = await this.latest(service)
    const latest = deployments.find((each) => each.id === id)
    const others = deployments.filter((each) => each !== latest && each.services.some(({ name }) => name === service))
    for (const each of latest ? [latest, ...others] : others) if (await this.#has(each, service)) return each
    return undefined
  }

  /** One that waits for its next attempt has it now; one that was given up is begun anew. */
  async #resume({ id, status }: Invocation): Promise<void> {
    if (status === 'paused' || status === 'backing-off') await this.#ask(`/invocations/${id}/resume`, { method: 'PATCH' })
  }

  async #move({ id, run, status }: Invocation, to: Deployment): Promise<void> {
    if (status !== 'paused' && status !== 'suspended') await this.#ask(`/invocations/${id}/pause`, { method: 'PATCH' })
    const until = performance.now() + ANSWER_MS
    for (;;) {
      const said = await this.#ask(`/invocations/${id}/resume?deployment=${to.id}`, { method: 'PATCH' })
      if (said.ok) return
      // It is being paused.
      if (performance.now() > until)
        throw new TuttiError('ENGINE_UNREACHABLE', `Restate does not move the run '${run}' to ${to.uri}: ${messageOf(said.text)}`, { data: { run } })
      await later(LOOK_MS)
    }
  }

  async #nobody({ run, flow, version }: FlowRun, at: Deployment | undefined, deployments: readonly Deployment[]): Promise<TuttiError> {
    const found = await Promise.all(deployments.map((each) => this.answers(each)))
    const registered = versionsIn(
      flow,
      found.flatMap((each) => ('services' in each ? [...each.services] : [])),
    )
    const hint = `Start a worker that has it${registered.length > 0 ? ' too' : ''}, at the address of the others (--advertise): \`npx tutti worker --engine restate --app FILE\`. Then \`npx tutti resume ${run}\`.`
    if (registered.length > 0 && !registered.includes(version))
      return new TuttiError(
        'RUN_VERSION_MISMATCH',
        `the run '${run}' began with version ${version} of '${flow}'; the workers that Restate reaches have ${registered.join(', ')}`,
        { data: { run, flow, recorded: version, registered }, hint },
      )
    const where = at ? `: at ${at.uri} nobody answers for it` : ''
    return new TuttiError('CONFIG_FLOW_UNKNOWN', `Restate reaches no worker for '${flow}', version ${version}${where}`, { data: { run, flow, version }, hint })
  }

  async #query(query: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return (JSON.parse((await this.#good('/query', { body: { query } })).text) as { rows: readonly Readonly<Record<string, unknown>>[] }).rows
  }

  async #json(path: string): Promise<unknown> {
    return JSON.parse((await this.#good(path)).text)
  }

  async #good(path: string, ask?: Ask): Promise<Said> {
    const said = await this.#ask(path, ask)
    if (said.ok) return said
    throw new Error(`it says ${said.status}: ${messageOf(said.text)}`)
  }

  #ask(path: string, ask: Ask = {}): Promise<Said> {
    return askRestate(this.#admin, path, { timeoutMs: ANSWER_MS, ...ask, headers: this.#headers })
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** What Restate says went wrong, without what is around it. */
function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? text).slice(0, 300)
  } catch {
    return text.slice(0, 300)
  }
}

/** `Connection refused (os error 111)` of `[META0003] error when calling 'http://…': h2 pool connection error: Connection refused (os error 111)`. */
const reasonIn = (message: string): string => /^(?:\[\w+\] )*error when calling '[^']*': (?:.*error: )?(.+)$/.exec(message)?.[1] ?? message
