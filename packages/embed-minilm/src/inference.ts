import { readFile } from 'node:fs/promises'
import { Tokenizer } from '@huggingface/tokenizers'
import type { InferenceSession } from 'onnxruntime-web'
import type { Runtime } from './runtime.ts'
import { modelFolder } from './weights.ts'

/** Numbers in a vector of all-MiniLM-L6-v2. */
export const DIMENSIONS = 384
/** Tokens the model was trained to read; what goes beyond is not seen. */
export const MAX_TOKENS = 256

export async function loadTokenizer(folder: URL = modelFolder): Promise<Tokenizer> {
  const read = async (name: string): Promise<object> => JSON.parse(await readFile(new URL(name, folder), 'utf8')) as object
  return new Tokenizer(await read('tokenizer.json'), await read('tokenizer_config.json'))
}

/** More characters than 256 tokens can hold in any language this tokenizer knows; keeps a huge text from being tokenized in full. */
const MAX_CHARACTERS = MAX_TOKENS * 32

/** Token ids with [CLS] and [SEP], cut at `MAX_TOKENS`. */
export function encodeText(tokenizer: Tokenizer, text: string): number[] {
  const { ids } = tokenizer.encode(text.slice(0, MAX_CHARACTERS).toWellFormed())
  return ids.length <= MAX_TOKENS ? ids : [...ids.slice(0, MAX_TOKENS - 1), ids.at(-1) as number]
}

/**
 * The unit-length vector of one text: the mean of its token vectors.
 * One text a run: the int8 model scales its activations over all it is given, so in company a text gets another vector (cosine down to 0.96
 * to the one it has alone), and WebAssembly is no faster with many.
 */
export async function vectorOf(runtime: Runtime, session: InferenceSession, ids: readonly number[]): Promise<Float32Array> {
  const tensor = (data: BigInt64Array) => new runtime.Tensor('int64', data, [1, ids.length])
  const ones = new BigInt64Array(ids.length).fill(1n)
  const output = await session.run({
    input_ids: tensor(BigInt64Array.from(ids, BigInt)),
    attention_mask: tensor(ones),
    token_type_ids: tensor(new BigInt64Array(ids.length)),
  })
  const hidden = output.last_hidden_state?.data
  if (!(hidden instanceof Float32Array)) throw new Error('the model gave no last_hidden_state')
  return normalized(meanOf(hidden, ids.length))
}

function meanOf(hidden: Float32Array, tokens: number): Float32Array {
  const mean = new Float32Array(DIMENSIONS)
  for (let token = 0; token < tokens; token++)
    for (let i = 0; i < DIMENSIONS; i++) mean[i] = (mean[i] as number) + (hidden[token * DIMENSIONS + i] as number) / tokens
  return mean
}

function normalized(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}
