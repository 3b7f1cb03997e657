import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Embedder as Minilm } from '@tutti/embed-minilm'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Embedder } from './embedder.port.ts'
import { minilm } from './minilm.ts'

/** Runs a program in a process where `@tutti/embed-minilm` resolves to what `resolution` says. */
function runWhere(resolution: string, program: string): unknown {
  const room = new URL('./index.ts', import.meta.url).href
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) { if (name !== '@tutti/embed-minilm') return next(name, context); ${resolution} } })
    const { index, minilm } = await import(${JSON.stringify(room)})`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `${hooks}\n${program}`], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}
const missing = `throw Object.assign(new Error("Cannot find package '@tutti/embed-minilm'"), { code: 'ERR_MODULE_NOT_FOUND' })`
const broken = (code: string): string =>
  `return { shortCircuit: true, format: 'module', url: 'data:text/javascript,' + encodeURIComponent("export const embedder = async () => { throw Object.assign(new Error('as it is'), { code: '${code}' }) }") }`
const codeOf = 'await minilm().then(() => console.log(null), (error) => console.log(JSON.stringify([error.code, error.message])))'

describe('the embedding model of this machine', () => {
  it('[G4] is an embedder of 384 dimensions, loaded once', async () => {
    expectTypeOf<Minilm>().toExtend<Embedder>()
    const model = await minilm()
    expect(await minilm()).toBe(model)
    expect(model.dimensions).toBe(384)
    expect((await model.embed(['hello']))[0]?.length).toBe(384)
    await model.close()
  })

  it('[G4] not installed is RETRIEVAL_EMBEDDER_MISSING; an index searches by words alone and says so', () => {
    expect(runWhere(missing, codeOf)).toEqual(['RETRIEVAL_EMBEDDER_MISSING', 'the package @tutti/embed-minilm is not installed'])
    const stats = `console.log(JSON.stringify(await index('docs', { path: ':memory:' }).stats({ scope: { tenant: 'a' } })))`
    expect(runWhere(missing, stats)).toMatchObject({ embedded: 0, reason: 'the package @tutti/embed-minilm is not installed: npm install @tutti/embed-minilm' })
    const asked = `await index('docs', { path: ':memory:', embed: 'minilm' }).stats({ scope: { tenant: 'a' } }).catch((error) => console.log(JSON.stringify(error.code)))`
    expect(runWhere(missing, asked)).toBe('RETRIEVAL_EMBEDDER_MISSING')
  })

  it('[G4] with other weights is RETRIEVAL_WEIGHTS_WRONG, and broken otherwise RETRIEVAL_EMBEDDER_FAILED: neither is passed over', () => {
    expect(runWhere(broken('RETRIEVAL_WEIGHTS_WRONG'), codeOf)).toEqual(['RETRIEVAL_WEIGHTS_WRONG', 'as it is'])
    expect(runWhere(broken('EOTHER'), codeOf)).toEqual([
      'RETRIEVAL_EMBEDDER_FAILED',
      'the embedding model of @tutti/embed-minilm could not be started: as it is',
    ])
    const stats = `await index('docs', { path: ':memory:' }).stats({ scope: { tenant: 'a' } }).catch((error) => console.log(JSON.stringify(error.code)))`
    expect(runWhere(broken('EOTHER'), stats)).toBe('RETRIEVAL_EMBEDDER_FAILED')
  })
})
