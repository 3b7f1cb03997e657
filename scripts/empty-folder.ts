/** An empty folder outside this repository, with packed packages installed in it: what a user has after `npm install`. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface EmptyFolder extends Disposable {
  readonly path: string
  write(file: string, text: string): void
  /** What the command prints. Without the conditions of this repository; throws with all it printed when it fails. */
  run(command: string, ...args: string[]): string
}

/** @param releases release/ folders of `npm run build`. Their dependencies come from the registry; peers and install scripts are left out. */
export function emptyFolderWith(...releases: readonly string[]): EmptyFolder {
  for (const release of releases) if (!existsSync(release)) throw new Error(`there is no ${release}: run \`npm run build\` first`)
  const path = mkdtempSync(join(tmpdir(), 'packed-'))
  const folder: EmptyFolder = {
    path,
    write: (file, text) => writeFileSync(join(path, file), text),
    run(command, ...args) {
      const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: path, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
      if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stdout + stderr}`)
      return stdout
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
  folder.write('package.json', '{ "type": "module", "private": true }')
  const packed = JSON.parse(folder.run('npm', 'pack', ...releases, '--json')) as { filename: string }[]
  const tarballs = packed.map(({ filename }) => `./${filename}`)
  folder.run('npm', 'install', ...tarballs, '--ignore-scripts', '--omit=peer', '--prefer-offline', '--no-audit', '--no-fund')
  return folder
}
