import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { embedder } from './index.ts'
import { encodeText, loadTokenizer, MAX_TOKENS } from './inference.ts'
import { readWeights, WEIGHTS_SHA256 } from './weights.ts'

const minilm = await embedder()
afterAll(() => minilm.close())
const likeness = (a: Float32Array | undefined, b: Float32Array | undefined): number =>
  [...(a ?? [])].reduce((sum, value, i) => sum + value * (b?.[i] ?? Number.NaN), 0)

describe('all-MiniLM-L6-v2', () => {
  it('[G4] what means the same is nearer than what shares words', async () => {
    const [question, answer, decoy] = await minilm.embed(['How do I make a field optional?', 'Mark a property that may be missing', 'How do I make a pizza?'])
    expect(likeness(question, answer)).toBeGreaterThan(likeness(question, decoy) + 0.1)
  })

  it('[G4] vectors are of length 1, in the order of the texts, and the same alone as in company', async () => {
    const texts = ['a long text of many more words than the others', 'short', '', '猫 café 😀', 'x '.repeat(2_000)]
    const together = await minilm.embed(texts)
    expect(together.map(({ length }) => length)).toEqual([384, 384, 384, 384, 384])
    for (const [i, text] of texts.entries()) {
      const [alone] = await minilm.embed([text])
      expect(likeness(together[i], together[i])).toBeCloseTo(1, 5)
      expect(together[i]).toEqual(alone)
    }
  })

  it('[G4] a text of any length is cut at 256 tokens, its end mark kept', async () => {
    const tokenizer = await loadTokenizer()
    const ids = encodeText(tokenizer, 'word '.repeat(100_000))
    expect(ids.length).toBe(MAX_TOKENS)
    expect([ids[0], ids.at(-1)]).toEqual([101, 102])
  })

  it('[G4] a question overtakes a library that is being embedded', async () => {
    const library = minilm.embed(
      Array.from({ length: 24 }, (_, i) => `${i} ${'many words '.repeat(60)}`),
      { background: true },
    )
    const first = await Promise.race([library.then(() => 'library'), minilm.embed(['a question']).then(() => 'question')])
    expect(first).toBe('question')
    expect((await library).length).toBe(24)
  })

  it('[G4] what is aborted is dropped, and the rest goes on', async () => {
    const stop = new AbortController()
    const dropped = minilm.embed(new Array<string>(30).fill('many words '.repeat(60)), { signal: stop.signal })
    const kept = minilm.embed(['kept'])
    stop.abort(new Error('not wanted'))
    await expect(dropped).rejects.toThrow('not wanted')
    expect((await kept).length).toBe(1)
    await expect(minilm.embed(['x'], { signal: stop.signal })).rejects.toThrow('not wanted')
  })
})

describe('the weights', () => {
  it('[G4] are the ones whose hash is pinned; others are RETRIEVAL_WEIGHTS_WRONG before anything runs', async () => {
    expect((await readWeights()).length).toBe(22_972_370)
    const folder = await mkdtemp(join(tmpdir(), 'tutti-weights-'))
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(new URL(`../model/${name}`, import.meta.url), join(folder, name))
    await writeFile(join(folder, 'model_quantized.onnx'), 'other weights')
    await expect(embedder({ modelFolder: pathToFileURL(`${folder}/`) })).rejects.toMatchObject({
      code: 'RETRIEVAL_WEIGHTS_WRONG',
      message: expect.stringContaining(WEIGHTS_SHA256),
    })
    await rm(folder, { recursive: true })
  })
})

describe('the thread', () => {
  const run = async (program: string): Promise<{ code: unknown; said: string }> => {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', `import { embedder } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}\n${program}`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let said = ''
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString()
    })
    const [code] = await once(child, 'exit')
    return { code, said }
  }

  it('[G4] does not keep a process alive that has nothing to wait for, and does while an answer is awaited', async () => {
    expect(await run(`const e = await embedder(); const [v] = await e.embed(['x']); console.log(v.length)`)).toEqual({ code: 0, said: '384\n' })
  })

  it('[G4] does not keep a process alive for work in the background', async () => {
    expect(
      await run(`const e = await embedder(); e.embed(new Array(2000).fill('many words '.repeat(60)), { background: true }).then(() => console.log('done'))`),
    ).toEqual({ code: 0, said: '' })
  })
})
