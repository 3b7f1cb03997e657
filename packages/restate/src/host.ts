/**
 * Restate as the host of tutti's runs: over its ingress it is told of runs and messages, through an endpoint it calls for attempts.
 *
 * Owns: the endpoint of this process. Does not own: runs, logs.
 * On a crash of this process Restate makes its attempts again, at whatever answers under the endpoint's address.
 */
import { createServer, type Http2Server, type Http2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Host, type HostedRuns, type SubmittedRun, type Told, TuttiError } from 'tutti/engine'
import { askRestate, checkAddresses, type Said } from './ask.ts'
import { Placement } from './placement.ts'
import { flowService } from './service.ts'
import { serviceName } from './service-name.ts'

export const INGRESS = 'http://127.0.0.1:8080'
export const ADMIN = 'http://127.0.0.1:9070'

/**
 * Bytes that Restate may send ahead of what was read: the log of a run that is taken up again is sent at once, and with the 64 KiB that HTTP/2 begins with each of them
 * would wait for a round trip.
 */
const STREAM_WINDOW = 4 * 2 ** 20
const CONNECTION_WINDOW = 16 * 2 ** 20

export interface ServeOptions {
  /** Default 9080; 0 takes a free one. */
  readonly port?: number | undefined
  /** The address to listen at. Default `127.0.0.1`: set it to `0.0.0.0` where Restate runs on another machine. */
  readonly host?: string | undefined
  /** The URL under which Restate reaches the workers: of this process, or of what balances the load over several. Default: where it listens. */
  readonly advertise?: string | undefined
  /** Tell Restate of this worker when it opens. Default true. */
  readonly register?: boolean | undefined
}

export interface RestateOptions {
  /** Where runs are started and told of messages. Default `http://127.0.0.1:8080`. */
  readonly ingress?: string | undefined
  /** Where workers are registered. Default `http://127.0.0.1:9070`. */
  readonly admin?: string | undefined
  /** This process is a worker. Left out, it starts runs and asks of them, and drives none. */
  readonly serve?: ServeOptions | undefined
  /** Sent with every request to the ingress and the admin interface: for what stands before them. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export class RestateHost implements Host {
  readonly #o: RestateOptions
  readonly #sessions = new Set<Http2Session>()
  #server: Http2Server | undefined

  constructor(o: RestateOptions) {
    this.#o = o
  }

  async open(runs: HostedRuns): Promise<void> {
    const { serve, ingress, admin } = this.#o
    checkAddresses({ ingress, admin, advertise: serve?.advertise })
    if (!serve) return
    // It listens once, however often Restate has to be asked.
    this.#server ??= await this.#listen(runs, serve)
    const server = this.#server
    if (serve.register !== false) await this.#register(serve.advertise ?? addressOf(server))
  }

  async #listen(runs: HostedRuns, { port = 9080, host = '127.0.0.1' }: ServeOptions): Promise<Http2Server> {
    const sdk = await loadSdk()
    const services = runs.registry.versions().map((of) => flowService(sdk, serviceName(of), runs, (run) => this.#ask(of, run, 'tell/send', 'message')))
    const server = createServer({ settings: { initialWindowSize: STREAM_WINDOW } }, sdk.createEndpointHandler({ services, logger: () => {} }))
    server.on('session', (session) => {
      session.setLocalWindowSize(CONNECTION_WINDOW)
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new TuttiError('CONFIG_INVALID', `the worker cannot listen at ${host}:${port}: ${cause.message}`, { data: { host, port }, cause })),
      )
      server.listen(port, host, resolve)
    })
    return server
  }

  async #register(uri: string): Promise<void> {
    await this.#request(this.#o.admin ?? ADMIN, '/deployments', { uri, force: true })
  }

  async submit({ run, flow, version, entries }: SubmittedRun): Promise<void> {
    await this.#ask({ flow, version }, run, 'run/send', { entries })
  }

  async tell({ run, flow, version }: Pick<SubmittedRun, 'run' | 'flow' | 'version'>, what: Told): Promise<void> {
    await this.#ask({ flow, version }, run, 'tell/send', what)
  }

  /** Whoever only starts runs need not reach the admin interface: then what holds a run up is not looked for. */
  async free(of: Pick<SubmittedRun, 'run' | 'flow' | 'version'>): Promise<void> {
    const { admin = ADMIN, headers } = this.#o
    await new Placement(admin, headers).free(of).catch((error) => {
      if (TuttiError.is(error)) throw error
    })
  }

  async #ask(of: Pick<SubmittedRun, 'flow' | 'version'>, run: string, handler: string, body: unknown): Promise<void> {
    const path = `/${serviceName(of)}/${encodeURIComponent(run)}/${handler}`
    const status = await this.#request(this.#o.ingress ?? INGRESS, path, body)
    if (status === 404)
      throw new TuttiError('CONFIG_FLOW_UNKNOWN', `Restate has no worker for '${of.flow}', version ${of.version}`, {
        data: { ...of, run },
        hint: 'Start one with this flow: `npx tutti worker --engine restate --app FILE`. The run is in the journal; `npx tutti resume` hands it over then.',
      })
  }

  /** @returns the status of the answer, which is good or 404 */
  async #request(base: string, path: string, body: unknown): Promise<number> {
    const unreachable = (why: string, cause?: unknown): TuttiError =>
      new TuttiError('ENGINE_UNREACHABLE', `Restate does not answer at ${base}${path}: ${why}`, {
        data: { base },
        hint: `Is its server running, and is this its address (${path === '/deployments' ? 'TUTTI_RESTATE_ADMIN' : 'TUTTI_RESTATE_INGRESS'})? What was asked of a run is in the journal: ask again once it is back.`,
        cause,
      })
    let answer: Said
    try {
      answer = await askRestate(base, path, { body, headers: this.#o.headers })
    } catch (error) {
      throw unreachable((error as Error).message, error)
    }
    const { text } = answer
    if (answer.ok && !text.trimStart().startsWith('{')) throw unreachable('what answers there is no Restate')
    // Whatever else listens there says 404 too, but names no service: its own admin interface, for one.
    if (answer.ok || (answer.status === 404 && text.includes('service'))) return answer.status
    throw unreachable(`it says ${answer.status}: ${text.slice(0, 500)}`)
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server) return
    for (const session of this.#sessions) session.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

function addressOf(server: Http2Server): string {
  const { address, port } = server.address() as AddressInfo
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** @throws CONFIG_INVALID when it is not installed */
async function loadSdk(): Promise<typeof import('@restatedev/restate-sdk')> {
  try {
    return await import('@restatedev/restate-sdk')
  } catch (cause) {
    throw new TuttiError('CONFIG_INVALID', 'a worker on Restate needs the package @restatedev/restate-sdk', {
      hint: 'npm install @restatedev/restate-sdk',
      cause,
    })
  }
}
