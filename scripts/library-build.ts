/**
 * How every library package is built: each room (folder of src) is one file, because each file costs an import about half a millisecond. A room's file lies in the
 * folder of that room, and what is entered from outside keeps its path, so that `new URL(…, import.meta.url)` means the same in both.
 */
import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
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
    dts: true,
    outputOptions: { codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: (id) => roomOf(join(folder, 'src'), id) }] } },
    sourcemap: true,
    clean: ['dist', 'release'],
    deps: { neverBundle: [/^[^./]/] },
    failOnWarn: true,
    inputOptions: { checks: { pluginTimings: false }, preserveEntrySignatures: 'allow-extension' },
    report: false,
    logLevel: 'warn',
    tsconfig: join(import.meta.dirname, '../tsconfig.json'),
  }
}

/** What is entered from outside: the faces of package.json, its commands, and the files that run in a thread of their own. */
function entries(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports: Record<string, Face | string>; bin?: Record<string, string> }
  const faces = Object.values(manifest.exports).flatMap((face) => (typeof face === 'string' ? [] : (face['tutti-source'] ?? [])))
  const commands = manifest.bin ? ['src/cli/main.ts'] : []
  const threads = globSync('src/**/{worker,*-worker}.ts', { cwd: folder })
  return [...faces, ...commands, ...threads]
}

/**
 * Entries stand alone: a thread's must not run where its room is imported, and what only a thread runs (`isolate/`) goes with it, so that it starts without the room. So do the
 * commands, of which one at a time is loaded, and the faces of the test kit, of which only one may need vitest.
 */
function roomOf(src: string, id: string): string | undefined {
  const [, room] = /^([^/.]+)\/(?:[^/]+\/)*[^/]+(?<!\.d)\.ts$/.exec(relative(src, id)) ?? []
  return room === undefined || room === 'cli' || room === 'testing' || /(\/index|worker)\.ts$|\/isolate\//.test(id) ? undefined : `${room}/${room}`
}
