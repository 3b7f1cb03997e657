/** How every library package is built: the layout of src is kept, so that a stack trace, a worker and a deep link mean the same file in both. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { UserConfig } from 'tsdown'

/** A subpath of `exports`, while developing (`tutti-source`) and when installed. */
interface Face {
  readonly 'tutti-source'?: string | undefined
}

/** @param folder the folder of the package, which holds its package.json. */
export function libraryBuild(folder: string): UserConfig {
  return {
    cwd: folder,
    entry: entries(folder),
    root: join(folder, 'src'),
    platform: 'node',
    target: 'node22.18',
    fixedExtension: false,
    unbundle: true,
    dts: true,
    sourcemap: true,
    clean: ['dist', 'release'],
    deps: { neverBundle: [/^[^./]/] },
    failOnWarn: true,
    inputOptions: { checks: { pluginTimings: false } },
    report: false,
    logLevel: 'warn',
    tsconfig: join(import.meta.dirname, '../tsconfig.json'),
  }
}

/** What is entered from outside: the faces of package.json, its commands, and the files that run in a thread of their own. */
function entries(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports: Record<string, Face | string>; bin?: Record<string, string> }
  const faces = Object.values(manifest.exports).flatMap((face) => (typeof face === 'string' ? [] : (face['tutti-source'] ?? [])))
  const commands = Object.values(manifest.bin ?? {}).map((path) => path.replace('/dist/', '/src/').replace(/\.js$/, '.ts'))
  const threads = globSync('src/**/{worker,*-worker}.ts', { cwd: folder })
  return [...faces, ...commands, ...threads]
}
