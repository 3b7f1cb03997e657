/**
 * Where the environment says that an app lives: its store (`TUTTI_STORE`) and its engine (`TUTTI_ENGINE`). So someone who outgrows one machine changes no code.
 *
 * What an app names itself wins. The packages of other stores and engines are loaded when they are named, from the project or from beside tutti.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { TuttiError } from './errors/index.ts'
import type { JournalStore } from './journal/index.ts'
import type { EngineGround, RunEngine } from './run/index.ts'

/** What drives the runs of an app: left out, this process; `restate()` of the satellite package `@tutti/restate`. */
export interface Engine {
  readonly '~engine': string
}
/** What an engine of a satellite package is besides. */
export interface EngineMaker extends Engine {
  make(ground: EngineGround): RunEngine
  /** What `tutti doctor` says of it. */
  check?(): Promise<readonly EngineCheck[]>
}

export interface EngineCheck {
  readonly what: string
  readonly ok: boolean
  readonly says: string
  /** What to do about it. */
  readonly next?: string | undefined
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** Where a worker listens, when the command line says so and not the environment. */
export interface ServeOptions {
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly advertise?: string | undefined
}

/** The store that `TUTTI_STORE` names, an address of Postgres; nothing when it is not set. @throws CONFIG_INVALID */
export function configuredStore({ env, cwd }: Surroundings): JournalStore | undefined {
  const address = env.TUTTI_STORE
  if (!address) return undefined
  if (!/^postgres(ql)?:\/\//.test(address))
    throw new TuttiError('CONFIG_INVALID', 'TUTTI_STORE is not an address of Postgres', {
      hint: 'Write postgres://USER:PASSWORD@HOST:5432/DATABASE; or leave it out, and the journal is a file in the folder of TUTTI_HOME.',
    })
  return satellite<{ postgres(url: string): JournalStore }>('@tutti/postgres', 'TUTTI_STORE names a Postgres', cwd).postgres(address)
}

/** The engine that `TUTTI_ENGINE` names; nothing when it is this process. @param serve left out: as the environment says; false: not as a worker @throws CONFIG_INVALID */
export function configuredEngine({ env, cwd }: Surroundings, serve?: ServeOptions | false): EngineMaker | undefined {
  const name = env.TUTTI_ENGINE || 'embedded'
  if (name === 'embedded') return undefined
  if (name !== 'restate') throw new TuttiError('CONFIG_INVALID', `TUTTI_ENGINE is '${name}'; there are 'embedded' and 'restate'`, { data: { engine: name } })
  const { restate } = satellite<{ restate(o: object): EngineMaker }>('@tutti/restate', "TUTTI_ENGINE is 'restate'", cwd)
  const token = env.TUTTI_RESTATE_TOKEN
  return restate({
    ingress: env.TUTTI_RESTATE_INGRESS || undefined,
    admin: env.TUTTI_RESTATE_ADMIN || undefined,
    headers: token ? { authorization: `Bearer ${token}` } : undefined,
    serve: serve === false ? undefined : (serve ?? servingOf(env)),
  })
}

/** `TUTTI_RESTATE_SERVE`: a port, or an address and a port; `TUTTI_RESTATE_ADVERTISE`: how Restate reaches it. */
export function servingOf({ TUTTI_RESTATE_SERVE: at, TUTTI_RESTATE_ADVERTISE: advertise }: Surroundings['env']): ServeOptions | undefined {
  if (!at) return undefined
  const [, host, port] = /^(?:(.+):)?(\d{1,5})$/.exec(at) ?? []
  if (port === undefined)
    throw new TuttiError('CONFIG_INVALID', `TUTTI_RESTATE_SERVE is '${at}'`, { hint: "A port, or an address and a port: '9080', '0.0.0.0:9080'." })
  return { port: Number(port), host, advertise: advertise || undefined }
}

/** A package that only configuration names. @param because why it is needed @throws CONFIG_INVALID when it is not installed */
function satellite<T>(name: string, because: string, cwd: string): T {
  const here = createRequire(import.meta.url)
  try {
    return (existsSync(join(cwd, 'node_modules', name)) ? createRequire(join(cwd, 'package.json')) : here)(name) as T
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'MODULE_NOT_FOUND' || !String((cause as Error).message).includes(`'${name}'`)) throw cause
    throw new TuttiError('CONFIG_INVALID', `${because}, and the package ${name} is not installed`, {
      data: { package: name },
      hint: `npm install ${name}${name === '@tutti/restate' ? ' @restatedev/restate-sdk' : ''}`,
      cause,
    })
  }
}
