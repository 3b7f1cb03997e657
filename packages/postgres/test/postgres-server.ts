/** A Postgres of its own on loopback: a cluster in a new folder, at a free port, with the installed server. Stopped by process id. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { Client } from 'pg'

export interface PostgresServer {
  /** With a password, which no message may show. */
  readonly url: string
  readonly pid: number
  /** As a person at the console. */
  ask(statement: string): Promise<readonly Record<string, unknown>[]>
  /** Removes a schema and all that is in it. */
  drop(schema: string): Promise<void>
  /** At once, as a machine that loses its power. */
  kill(): Promise<void>
  /** Again over the same files, at the same port. */
  start(): Promise<void>
  stop(): Promise<void>
}

export const PASSWORD = 'a-secret-word'
const START_MS = 30_000
const MOST_PORTS = 5

/** Why it cannot be had here; `undefined` when it can. */
export function missingPostgres(): string | undefined {
  if (!binaries()) return 'no Postgres server is installed (Debian: apt-get install postgresql)'
  if (process.getuid?.() === 0 && !userOf('postgres')) return 'Postgres refuses to run as root, and there is no user postgres'
  return undefined
}

/** The folder of `initdb` and `postgres`: the newest of Debian's, or of the PATH. */
function binaries(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(delimiter)]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

function userOf(name: string): User | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const bin = binaries() as string
  const folder = mkdtempSync(join(tmpdir(), 'tutti-postgres-'))
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? userOf('postgres') : undefined
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  done(user, 'cp', '-a', templateOf(bin, user), data)
  let port = 0
  const urlOf = (): string => `postgres://tutti:${PASSWORD}@127.0.0.1:${port}/postgres`
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const all = { port: `${port}`, listen_addresses: '127.0.0.1', unix_socket_directories: '', shared_buffers: '128MB', max_connections: '60', ...settings }
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const log = openSync(join(folder, 'log'), 'a')
    child = spawn(join(bin, 'postgres'), ['-D', data, ...args], { ...user, cwd: folder, stdio: ['ignore', log, log] })
    await answering(urlOf(), data, child, () => readFileSync(join(folder, 'log'), 'utf8').slice(-2_000))
  }
  const end = (signal: NodeJS.Signals) => async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child?.once('exit', resolve))
    child.kill(signal)
    await gone
  }
  process.once('exit', () => child?.kill('SIGQUIT'))
  for (let tries = 1; ; tries++) {
    port = await freePort()
    try {
      await start()
      break
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === MOST_PORTS) throw error
      await end('SIGQUIT')()
    }
  }
  const url = urlOf()
  return {
    url,
    get pid() {
      return child?.pid as number
    },
    start,
    kill: end('SIGQUIT'),
    ask: (statement) => ask(url, statement),
    drop: async (schema) => void (await ask(url, `DROP SCHEMA IF EXISTS "${schema.replaceAll('"', '""')}" CASCADE`)),
    stop: async () => {
      await end('SIGINT')()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** A new cluster takes as long to make as all else at the start: it is made once on this machine, and copied. */
function templateOf(bin: string, user: User | undefined): string {
  const { mtimeMs } = statSync(join(bin, 'initdb'))
  const template = join(
    tmpdir(),
    `tutti-cluster-${createHash('sha256')
      .update(`${bin} ${mtimeMs} ${user?.uid ?? process.getuid?.()}`)
      .digest('hex')
      .slice(0, 12)}`,
  )
  if (existsSync(template)) return template
  const folder = mkdtempSync(`${template}-`)
  if (user) chownSync(folder, user.uid, user.gid)
  done(user, join(bin, 'initdb'), '-D', join(folder, 'data'), '-U', 'tutti', '--no-sync', '--encoding=UTF8', '--locale=C', '--auth=trust')
  try {
    renameSync(join(folder, 'data'), template)
  } catch (error) {
    // Another process was quicker.
    if (!existsSync(template)) throw error
  }
  rmSync(folder, { recursive: true, force: true })
  return template
}

function done(user: User | undefined, command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { ...user, cwd: tmpdir() })
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`)
}

async function ask(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}

/** Another process took it in the moment between: perhaps the Postgres of another test, which answers in the place of this one. */
class PortTaken extends Error {}

async function answering(url: string, data: string, child: ChildProcess, log: () => string): Promise<void> {
  const until = Date.now() + START_MS
  for (;;) {
    const found = await ask(url, 'SHOW data_directory').catch((error: Error) => error)
    if (Array.isArray(found) && found[0]?.data_directory === data) return
    if (Array.isArray(found) || child.exitCode !== null) throw new PortTaken(`another process has the port of ${url.replace(PASSWORD, '…')}\n${log()}`)
    if (Date.now() > until) throw new Error(`Postgres did not start within ${START_MS} ms: ${(found as Error).message}\n${log()}`)
    await later(50)
  }
}

/** Taken and given back: another process may take it in the moment between. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
