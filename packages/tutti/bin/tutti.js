#!/usr/bin/env node
// The built command; in the repository, where nothing is built while developing, the sources, by a Node that is told where they are.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
if (!existsSync(sources)) await import('../dist/cli/main.js')
else {
  const child = spawn(process.execPath, ['--conditions=tutti-source', sources, ...process.argv.slice(2)], { stdio: 'inherit' })
  // Ctrl-C reaches both; the command decides what it means.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)))
}
