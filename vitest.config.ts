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
    execArgv: ['--conditions=tutti-source'],
    env: { NODE_OPTIONS: '--conditions=tutti-source' },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    expect: { requireAssertions: true },
    restoreMocks: true,
    unstubEnvs: true,
  },
})
