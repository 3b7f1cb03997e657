import { expect, test } from 'vitest'
import { memoryStore, type RunHead } from '../journal/index.ts'
import { EmbeddedEngine } from '../run/index.ts'
import { engineReaching } from './run-reach.ts'
import type { Terminal } from './terminal.ts'

test('[S4] a run that nobody has driven yet is reached by the engine that the environment names, and one that rests here by the own one', () => {
  const store = memoryStore()
  const own = new EmbeddedEngine({ store, flows: [], resume: false })
  const reaching = (head: Partial<RunHead>, engine?: string): unknown =>
    engineReaching({ run: 'run_1', ...head } as RunHead, store, { env: { TUTTI_ENGINE: engine }, cwd: import.meta.dirname } as unknown as Terminal, () => own)
  const unheard = { status: 'running', epoch: 0 } as const
  expect(reaching(unheard, 'restate')).not.toBeInstanceOf(EmbeddedEngine)
  expect(reaching(unheard)).toBe(own)
  expect(reaching({ status: 'waiting', epoch: 1 }, 'restate')).toBe(own)
  expect(reaching({ status: 'waiting', epoch: 1, owner: 'hosted/run_1' }, 'restate')).not.toBeInstanceOf(EmbeddedEngine)
  expect(() => reaching({ status: 'waiting', epoch: 1, owner: 'hosted/run_1' })).toThrow(expect.objectContaining({ code: 'ENGINE_UNSUPPORTED' }))
})
