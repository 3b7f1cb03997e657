/** Restate's own server, from the npm registry, on loopback with a data folder of its own: one node, or a cluster. Stopped by process id; it reports to nobody. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'

export interface RestateNode {
  readonly ingress: string
  readonly admin: string
  readonly pid: number
  /** At once, as a machine that loses its power. */
  kill(): Promise<void>
  /** Again over the same files, at the same ports. */
  start(): Promise<void>
}

export interface RestateServer {
  readonly nodes: readonly RestateNode[]
  readonly ingress: string
  readonly admin: string
  stop(): Promise<void>
}

const START_MS = 60_000

/** Why it cannot be had here; `undefined` when it can. */
export function missingRestate(): string | undefined {
  try {
    restateBinary()
    return undefined
  } catch (error) {
    return `the package @restatedev/restate-server-${platform()}-${arch()} is not installed (${(error as Error).message.split('\n')[0]})`
  }
}

/** The server itself. */
export function restateBinary(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('@restatedev/restate-server/package.json'))
  return join(dirname(require.resolve(`@restatedev/restate-server-${platform()}-${arch()}/package.json`)), 'bin/restate-server')
}

export async function startRestate({ nodes: count = 1 }: { readonly nodes?: 1 | 3 } = {}): Promise<RestateServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-restate-'))
  const ports = await freePorts(count * 3)
  const places = Array.from({ length: count }, (_, i) => ({ fabric: ports[i * 3], ingress: ports[i * 3 + 1], admin: ports[i * 3 + 2] }))
  const addresses = places.map(({ fabric }) => `http://127.0.0.1:${fabric}`)
  const children: ChildProcess[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(killed))
    rmSync(folder, { recursive: true, force: true })
  }
  const nodes = places.map(({ fabric, ingress, admin }, i): RestateNode => {
    const home = join(folder, `n${i + 1}`)
    mkdirSync(home)
    writeFileSync(join(home, 'restate.toml'), configOf(i, fabric as number, ingress as number, admin as number, home, addresses))
    const log = openSync(join(home, 'log'), 'w')
    const env = { PATH: process.env.PATH, DO_NOT_TRACK: '1' }
    const begun = (): ChildProcess => {
      const child = spawn(restateBinary(), ['--config-file', join(home, 'restate.toml')], { cwd: home, env, stdio: ['ignore', log, log] })
      children.push(child)
      return child
    }
    let child = begun()
    const node = { ingress: `http://127.0.0.1:${ingress}`, admin: `http://127.0.0.1:${admin}` }
    const start = async (): Promise<void> => {
      child = begun()
      await well(node)
    }
    return {
      ...node,
      get pid() {
        return child.pid as number
      },
      kill: () => killed(child),
      start,
    }
  })
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL')
  })
  try {
    await Promise.all(nodes.map(well))
  } catch (error) {
    await stop()
    throw error
  }
  const [{ ingress, admin }] = nodes as [RestateNode]
  return { nodes, ingress, admin, stop }
}

function configOf(i: number, fabric: number, ingress: number, admin: number, home: string, addresses: readonly string[]): string {
  const one = addresses.length === 1
  return `
cluster-name = "tutti-test"
node-name = "n${i + 1}"
base-dir = ${JSON.stringify(join(home, 'data'))}
bind-address = "127.0.0.1:${fabric}"
advertised-address = "http://127.0.0.1:${fabric}"
auto-provision = ${i === 0}
default-replication = ${one ? 1 : 2}
default-num-partitions = 4
disable-telemetry = true
rocksdb-total-memory-size = "256 MiB"
log-disable-ansi-codes = true
listen-mode = "tcp"
[metadata-client]
addresses = ${JSON.stringify(addresses)}
[ingress]
bind-address = "127.0.0.1:${ingress}"
[admin]
bind-address = "127.0.0.1:${admin}"
disable-web-ui = true
[default-retry-policy]
initial-interval = "50ms"
max-interval = "1s"
`
}

const well = ({ admin, ingress }: Pick<RestateNode, 'admin' | 'ingress'>): Promise<unknown> =>
  Promise.all([healthy(`${admin}/health`), healthy(`${ingress}/restate/health`)])

async function healthy(url: string): Promise<void> {
  const until = Date.now() + START_MS
  for (;;) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    if (Date.now() > until) throw new Error(`Restate did not start within ${START_MS} ms: ${url} says ${answer?.status ?? 'nothing'}`)
    await later(50)
  }
}

/** Taken and given back: another process may take one in the moment between. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
