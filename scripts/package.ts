/** Checks each package as it would be published (release/, made by `npm run build`): its entry points (publint) and its types (attw). */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const folders = globSync('packages/*/release', { cwd: root }).sort()
if (folders.length === 0) throw new Error('nothing was built yet: run `npm run build` first')

for (const folder of folders) {
  for (const [command, ...args] of [
    ['publint', 'run', '--strict', folder],
    ['attw', '--pack', folder, '--profile', 'esm-only', '--format', 'ascii', '--no-emoji'],
  ] as const) {
    const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
    if (status !== 0) process.exitCode = 1
  }
}
