/** The compose file of docs/scale.md. There is no Docker here: it is read as Compose reads it, and the server that the tests run says what it makes of the environment. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { missingRestate, restateBinary } from '../../../restate/test/restate-server.ts'

const root = join(import.meta.dirname, '../../../..')
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Service {
  readonly image: string
  readonly environment: Readonly<Record<string, string>>
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly extra_hosts?: readonly string[]
}
const compose = parse(textOf('examples/scale/compose.yaml'), { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> }
const { postgres, ...nodes } = compose.services as { postgres: Service; [name: string]: Service }
const entries = Object.entries(nodes)
/** Restate's own: https://docs.restate.dev/server/networking */
const [INGRESS, ADMIN, FABRIC] = ['8080', '9070', 5122]

it('[S4] the images of the compose file are the versions that the tests run, and that docs/scale.md installs', () => {
  const { version } = createRequire(import.meta.url)('@restatedev/restate-server/package.json') as { version: string }
  const minor = version.split('.').slice(0, 2).join('.')
  for (const [, { image }] of entries) expect(image).toBe(`docker.restate.dev/restatedev/restate:${minor}`)
  const [, debian] = /pg_createcluster (\d+) /.exec(textOf('docs/scale.md')) ?? []
  expect(postgres.image).toBe(`postgres:${debian}`)
})

it('[S4] what the compose file opens, it opens on loopback, each port once; what it keeps has a volume', () => {
  const ports = Object.values(compose.services).flatMap((service) => service.ports)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length)
  for (const [name, { ports: published }] of entries)
    expect(
      published.map((port) => port.split(':')[2]),
      name,
    ).toEqual([INGRESS, ADMIN])
  // Where tutti looks by itself.
  expect(nodes['restate-1']?.ports).toEqual([`127.0.0.1:${INGRESS}:${INGRESS}`, `127.0.0.1:${ADMIN}:${ADMIN}`])
  const kept = Object.values(compose.services).map(({ volumes }) => volumes[0]?.split(':')[0])
  expect(kept.toSorted()).toEqual(Object.keys(compose.volumes).toSorted())
  // The workers are outside.
  for (const [name, { extra_hosts }] of entries) expect(extra_hosts, name).toEqual(['host.docker.internal:host-gateway'])
  const { POSTGRES_USER: user, POSTGRES_PASSWORD: password, POSTGRES_DB: database } = postgres.environment
  expect(textOf('docs/scale.md')).toContain(`TUTTI_STORE=postgres://${user}:${password}@127.0.0.1:5432/${database}\n`)
})

const missing = missingRestate()
it.skipIf(missing)(`[S4] Restate's server takes each of its settings from the compose file as they are meant${missing ? ` (not run: ${missing})` : ''}`, () => {
  expect(entries).toHaveLength(3)
  const addresses = entries.map(([name]) => `http://${name}:${FABRIC}/`)
  const configs = entries.map(([, { environment }]) => configFrom(environment))
  for (const [i, config] of configs.entries()) {
    const name = entries[i]?.[0]
    expect(config).toMatchObject({
      ...{ 'cluster-name': 'tutti', 'node-name': name, 'advertised-address': addresses[i], 'auto-provision': i === 0 },
      ...{ 'default-replication': 2, 'default-num-partitions': 24, 'disable-telemetry': true },
    })
    expect(config['metadata-client addresses']).toEqual(addresses)
  }
})

/** What the server of the tests makes of this environment, as its own dump says: `key`, below a table `table key`. */
function configFrom(environment: Readonly<Record<string, string>>): Record<string, unknown> {
  const cwd = mkdtempSync(join(tmpdir(), 'tutti-compose-'))
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }))
  const toml = execFileSync(restateBinary(), ['--dump-config'], { cwd, env: { PATH: process.env.PATH, DO_NOT_TRACK: '1', ...environment }, encoding: 'utf8' })
  const config: Record<string, unknown> = {}
  let table = ''
  for (const line of toml.replaceAll(/\[\n([^\]]*)\]/g, (_, list: string) => `[${list.replaceAll(/\s*\n\s*/g, ' ').replace(/, $/, '')}]`).split('\n')) {
    const [, header] = /^\[([\w.-]+)\]$/.exec(line) ?? []
    if (header !== undefined) table = `${header} `
    const [, key, value = ''] = /^([\w-]+) = ([["\dtf].*)$/.exec(line) ?? []
    if (key !== undefined) config[table + key] = JSON.parse(value)
  }
  return config
}
