import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/**
 * Packages of this repository are read from their sources, in the test process and in the processes it starts. `import` and `require` are not named: each package is
 * given the one it is loaded by, and a CommonJS package would be given ES modules otherwise.
 */
const conditions = ['tutti-source', 'node']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'examples/**/*.test.ts', 'scripts/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    // Left out, one processor would be kept free, and on a machine with two each file would wait for the one before it.
    maxWorkers: availableParallelism(),
    execArgv: ['--conditions=tutti-source'],
    // Hundreds of processes are started from the sources: what one has stripped of its types and compiled, the next reads.
    env: { NODE_OPTIONS: '--conditions=tutti-source', NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node-compile') },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    expect: { requireAssertions: true },
    restoreMocks: true,
    unstubEnvs: true,
  },
})
