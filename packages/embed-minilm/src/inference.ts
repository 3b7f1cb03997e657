import { readFile } from 'node:fs/promises'
import { Tokenizer } from '@huggingface/tokenizers'
import type { InferenceSession } from 'onnxruntime-web'
import type { Encoded } from './batch.ts'
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
export function encodeText(tokenizer: Tokenizer, text: string, at: number): Encoded {
  const ids = tokenizer.encode(text.slice(0, MAX_CHARACTERS).toWellFormed()).ids
  if (ids.length <= MAX_TOKENS) return { at, ids }
  return { at, ids: [...ids.slice(0, MAX_TOKENS - 1), ids.at(-1) as number] }
}

/** The unit-length vectors of one batch: mean of the token vectors, padding left out. */
export async function runBatch(runtime: Runtime, session: InferenceSession, batch: readonly Encoded[]): Promise<Float32Array[]> {
  const width = Math.max(...batch.map(({ ids }) => ids.length))
  const ids = new BigInt64Array(batch.length * width)
  const mask = new BigInt64Array(batch.length * width)
  for (const [row, text] of batch.entries()) {
    for (const [column, id] of text.ids.entries()) {
      ids[row * width + column] = BigInt(id)
      mask[row * width + column] = 1n
    }
  }
  const tensor = (data: BigInt64Array) => new runtime.Tensor('int64', data, [batch.length, width])
  const output = await session.run({ input_ids: tensor(ids), attention_mask: tensor(mask), token_type_ids: tensor(new BigInt64Array(ids.length)) })
  const hidden = output.last_hidden_state?.data
  if (!(hidden instanceof Float32Array)) throw new Error('the model gave no last_hidden_state')
  return batch.map((text, row) => pool(hidden.subarray(row * width * DIMENSIONS), text.ids.length))
}

function pool(hidden: Float32Array, tokens: number): Float32Array {
  const mean = new Float32Array(DIMENSIONS)
  for (let token = 0; token < tokens; token++) for (let i = 0; i < DIMENSIONS; i++) mean[i] = (mean[i] as number) + (hidden[token * DIMENSIONS + i] as number)
  let squares = 0
  for (const value of mean) squares += value * value
  const length = Math.sqrt(squares) || 1
  for (let i = 0; i < DIMENSIONS; i++) mean[i] = (mean[i] as number) / length
  return mean
}
