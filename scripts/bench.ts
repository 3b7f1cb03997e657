/** `npm run bench -- NAME [--json] [arguments]`: runs bench/NAME.ts from the sources, with a garbage collector it can call; `core` is that of the run room. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { basename, join } from 'node:path'

const folder = join(import.meta.dirname, '../bench')
const [name = '', ...rest] = process.argv.slice(2)
const file = join(folder, `${name === 'core' ? 'run' : name}.ts`)

if (name.startsWith('-') || !existsSync(file)) {
  const names = globSync('*.ts', { cwd: folder })
    .map((path) => basename(path, '.ts'))
    .map((each) => (each === 'run' ? 'core' : each))
  console.error(`There is no benchmark '${name}'. Usage: npm run bench -- NAME [--json]; NAME is one of: ${names.sort().join(', ')}`)
  process.exitCode = 2
} else {
  const { status } = spawnSync(process.execPath, ['--conditions=tutti-source', '--expose-gc', file, ...rest], { stdio: 'inherit' })
  process.exitCode = status ?? 1
}
