import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { chooseModel } from './choose.ts'
import { importPackage } from './provider-package.ts'
import { providerTable } from './provider-table.ts'
import { type Env, resolveEmbedding, resolveModel } from './resolve.ts'

const here = import.meta.dirname
const bare = mkdtempSync(join(tmpdir(), 'tutti-resolve-'))
afterAll(() => {
  rmSync(bare, { recursive: true, force: true })
})
const resolve = (id: string, env: Env = {}, cwd: string = here) => resolveModel(id, { env, cwd })

describe("'provider/model' ids", () => {
  test.each([
    ['anthropic/claude-sonnet-4-5', { ANTHROPIC_API_KEY: 'k' }, 'anthropic.messages'],
    ['openai/gpt-5-mini', { OPENAI_API_KEY: 'k' }, 'openai.responses'],
    ['google/gemini-2.5-flash', { GOOGLE_GENERATIVE_AI_API_KEY: 'k' }, 'google.generative-ai'],
    ['gemini/gemini-2.5-flash', { GEMINI_API_KEY: 'k' }, 'google.generative-ai'],
    ['ollama/llama3.2', {}, 'ollama.chat'],
    ['vllm/org/model', {}, 'vllm.chat'],
    ['tutti/extractive', {}, 'tutti'],
  ])('[M1] %s resolves to the installed package', async (id, env, provider) => {
    const model = await resolve(id, env)
    expect(model.provider).toBe(provider)
    expect(model.modelId).toBe(id.slice(id.indexOf('/') + 1))
  })

  test('[M1] a missing key names the variable, and a key that is empty is missing', async () => {
    await expect(resolve('anthropic/x')).rejects.toMatchObject({ code: 'MODEL_KEY_MISSING', message: expect.stringContaining('ANTHROPIC_API_KEY') })
    await expect(resolve('openai/x', { OPENAI_API_KEY: '' })).rejects.toMatchObject({
      code: 'MODEL_KEY_MISSING',
      hint: expect.stringContaining('OPENAI_API_KEY'),
    })
    await expect(resolve('bedrock/x', { AWS_ACCESS_KEY_ID: 'k' })).rejects.toMatchObject({ message: expect.stringContaining('AWS_REGION') })
  })

  test('[M1] a missing package says exactly what to install', async () => {
    await expect(resolve('cohere/command-a', { COHERE_API_KEY: 'k' })).rejects.toMatchObject({
      code: 'MODEL_PACKAGE_MISSING',
      hint: 'npm install @ai-sdk/cohere',
    })
  })

  test('[M1] a missing key and a missing package are told at once, and so are several keys', async () => {
    await expect(resolve('cohere/command-a', {})).rejects.toMatchObject({
      code: 'MODEL_KEY_MISSING',
      message: expect.stringMatching(/needs COHERE_API_KEY, .*; nor is @ai-sdk\/cohere installed in /),
      hint: expect.stringMatching(/^Set COHERE_API_KEY .*npm install @ai-sdk\/cohere\.$/),
      data: { package: '@ai-sdk/cohere' },
    })
    await expect(resolve('anthropic/x')).rejects.toMatchObject({ message: expect.not.stringContaining('installed'), hint: expect.not.stringContaining('npm') })
    await expect(resolve('bedrock/x')).rejects.toMatchObject({ message: expect.stringMatching(/AWS_ACCESS_KEY_ID.*, and .*AWS_REGION|AWS_REGION.*, and /) })
  })

  test('[M1] an unknown provider lists the known ones; a malformed id is refused', async () => {
    await expect(resolve('nowhere/x')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN', message: expect.stringContaining('anthropic, openai, google') })
    for (const id of ['gpt-5', '/gpt-5', 'openai/', '', 'toString/x', '__proto__/x'])
      await expect(resolve(id, { OPENAI_API_KEY: 'k' })).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
    await expect(resolve('tutti/generative')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
  })

  test("[M1] the package of the user's project goes before tutti's own", async () => {
    const home = join(bare, 'node_modules', '@ai-sdk', 'groq')
    mkdirSync(home, { recursive: true })
    writeFileSync(
      join(home, 'package.json'),
      JSON.stringify({ name: '@ai-sdk/groq', type: 'module', exports: { '.': { types: './no.d.ts', require: './no.cjs', import: { default: './yes.js' } } } }),
    )
    const model = "{ specificationVersion: 'v4', provider: 'theirs', modelId: id, apiKey: settings.apiKey, doGenerate() {}, doStream() {} }"
    writeFileSync(join(home, 'yes.js'), `export const createGroq = (settings) => ({ languageModel: (id) => (${model}) })`)
    expect(await resolve('groq/x', { GROQ_API_KEY: 'k' }, join(bare, 'deep', 'inside'))).toMatchObject({ provider: 'theirs', modelId: 'x', apiKey: 'k' })
  })

  test('[B8] an embedding model is resolved as a language model is', async () => {
    const env = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }
    expect(await resolveEmbedding('openai/text-embedding-3-small', { env, cwd: here })).toMatchObject({ modelId: 'text-embedding-3-small' })
    await expect(resolveEmbedding('openai/text-embedding-3-small', { env: {}, cwd: here })).rejects.toMatchObject({ code: 'MODEL_KEY_MISSING' })
    await expect(resolveEmbedding('nowhere/x', { env, cwd: here })).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
  })

  test('[M1] a package whose factory is not there is told apart from one that is missing', async () => {
    const home = join(bare, 'node_modules', '@ai-sdk', 'xai')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@ai-sdk/xai', type: 'module', main: 'old.js' }))
    writeFileSync(join(home, 'old.js'), 'export const other = 1')
    await expect(resolve('xai/x', { XAI_API_KEY: 'k' }, bare)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: '@ai-sdk/xai does not export createXai',
    })
  })

  test('[M1] a package that is there but cannot be loaded says why', async () => {
    const home = join(bare, 'node_modules', '@ai-sdk', 'mistral')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@ai-sdk/mistral', type: 'module', exports: './index.js' }))
    writeFileSync(join(home, 'index.js'), "import 'a-peer-nobody-installed'")
    await expect(resolve('mistral/x', { MISTRAL_API_KEY: 'k' }, bare)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('a-peer-nobody-installed'),
    })
  })

  test('[M1] a part of a package is found by its name or its pattern, the longest that fits, as Node has it', async () => {
    const home = join(bare, 'node_modules', 'parts')
    mkdirSync(join(home, 'lib', 'deep'), { recursive: true })
    const exports = { '.': './main.js', './*': { require: './no.cjs', import: './lib/*.js' }, './deep/*': './lib/deep/*.js', './here': './lib/said.js' }
    writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'parts', type: 'module', exports }))
    for (const name of ['main', 'lib/one', 'lib/said', 'lib/deep/two']) writeFileSync(join(home, `${name}.js`), `export const name = '${name}'`)
    const found = async (subpath?: string): Promise<unknown> => (await importPackage('parts', bare, subpath))?.name
    expect(await Promise.all([found(), found('./one'), found('./deep/two'), found('./here')])).toEqual(['main', 'lib/one', 'lib/deep/two', 'lib/said'])
  })

  test('[M1] every needed option of the table can be set by a variable', () => {
    for (const [provider, line] of Object.entries(providerTable)) {
      for (const option of line.needs.flat()) expect(line.settings[option]?.length, `${provider} ${option}`).toBeGreaterThan(0)
    }
  })
})

describe('the model that nobody declared', () => {
  const nothing = async () => undefined

  test('[M1] is what TUTTI_MODEL says, before every key', async () => {
    const env = { TUTTI_MODEL: 'openai/gpt-5', ANTHROPIC_API_KEY: 'k' }
    expect(await chooseModel({ env, cwd: here, probe: nothing })).toEqual({ model: 'openai/gpt-5', why: 'TUTTI_MODEL says so' })
  })

  test('[M1] is of the first provider whose key is set and whose package is installed', async () => {
    expect(await chooseModel({ env: { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }, cwd: here, probe: nothing })).toEqual({
      model: 'anthropic/claude-sonnet-4-5',
      why: 'ANTHROPIC_API_KEY is set',
    })
    expect(await chooseModel({ env: { MISTRAL_API_KEY: 'k', GEMINI_API_KEY: 'k' }, cwd: here, probe: nothing })).toMatchObject({
      model: 'google/gemini-2.5-flash',
      why: 'GEMINI_API_KEY is set',
    })
  })

  test('[M1] a key whose package is missing is said, with the command', async () => {
    expect(await chooseModel({ env: { MISTRAL_API_KEY: 'k' }, cwd: here, probe: nothing })).toEqual({
      model: 'tutti/extractive',
      why: 'MISTRAL_API_KEY is set but @ai-sdk/mistral is not installed (npm install @ai-sdk/mistral)',
    })
  })

  test('[M1] is the first model of a server on this machine that answers', async () => {
    const server = createServer((_request, response) => response.end(JSON.stringify({ data: [{ id: 'nomic-embed-text' }, { id: 'llama3.2:3b' }] })))
    await new Promise<void>((resolved) => server.listen(0, '127.0.0.1', resolved))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
    try {
      expect(await chooseModel({ env: { TUTTI_LOCAL_URL: url }, cwd: here })).toEqual({ model: 'local/llama3.2:3b', why: `a server at ${url} answers` })
    } finally {
      await new Promise((closed) => server.close(closed))
    }
    expect(await chooseModel({ env: { TUTTI_LOCAL_URL: url }, cwd: here })).toMatchObject({ model: 'tutti/extractive' })
  })

  test('[M1] is the answerer that needs nothing, when there is nothing', async () => {
    expect(await chooseModel({ env: {}, cwd: here, probe: nothing })).toEqual({
      model: 'tutti/extractive',
      why: 'no key in the environment and no model server on this machine',
    })
  })
})
