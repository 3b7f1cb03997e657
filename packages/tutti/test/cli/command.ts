/** The real command, from its source, in a folder of its own and an environment without keys. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

/** Each test starts several processes. */
vi.setConfig({ testTimeout: 60_000 })

const main = join(import.meta.dirname, '../../src/cli/main.ts')

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when the command has written this; rejects when it ends before. */
  wrote(text: string): Promise<void>
}

/** A folder with these files, gone when the test is. */
export function folder(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'tutti-cli-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  write(path, files)
  return path
}

export function write(path: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
}

export interface StartOptions {
  readonly env?: Record<string, string> | undefined
  readonly input?: string | undefined
  /** Another user of the machine; only root may choose. */
  readonly uid?: number | undefined
}

export function start(cwd: string, args: readonly string[], o: StartOptions = {}): Started {
  // Nothing listens at port 9: no model server of the machine takes part.
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, HOME: cwd, OLLAMA_BASE_URL: 'http://127.0.0.1:9/v1', ...o.env }
  const child = spawn(process.execPath, [main, ...args], { cwd, env, stdio: 'pipe', ...(o.uid !== undefined && { uid: o.uid }) })
  child.stdin.end(o.input ?? '')
  let out = ''
  let err = ''
  const watchers = new Set<() => void>()
  const hear = (add: (text: string) => void) => (text: string) => {
    add(text)
    for (const watcher of watchers) watcher()
  }
  child.stdout.setEncoding('utf8').on(
    'data',
    hear((text) => (out += text)),
  )
  child.stderr.setEncoding('utf8').on(
    'data',
    hear((text) => (err += text)),
  )
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, out, err })))
  const wrote = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!(out + err).includes(text)) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      look()
      ended.then(() => reject(new Error(`it ended before it wrote '${text}':\n${out}\n${err}`)))
    })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, ended, wrote }
}

export const tutti = (cwd: string, args: readonly string[], o: StartOptions = {}): Promise<Ended> => start(cwd, args, o).ended

/** What `--json` printed. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the command says
export const parsed = ({ out }: Ended): any => JSON.parse(out)

export const guide = `# Widgets

A widget is turned on with \`widget.on()\`. It stays on until the power is cut.

## Retries

Set \`retries: 3\` to try a failed call three times. The default is one attempt.

## Colours

Widgets are painted green unless the option \`colour\` says otherwise.
`

/** A project that depends on one package, which brings its README. */
export const project = (version = '1.2.3', readme = guide): Record<string, string> => ({
  'package.json': JSON.stringify({ name: 'app', dependencies: { widget: '^1' } }),
  'package-lock.json': JSON.stringify({
    lockfileVersion: 3,
    packages: { '': { dependencies: { widget: '^1' } }, 'node_modules/widget': { version }, 'node_modules/bare': { version: '0.0.1' } },
  }),
  'node_modules/widget/package.json': JSON.stringify({ name: 'widget', version }),
  'node_modules/widget/README.md': readme,
  'node_modules/bare/package.json': JSON.stringify({ name: 'bare', version: '0.0.1' }),
})
