import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** SHA-256 of model/model_quantized.onnx: all-MiniLM-L6-v2, int8. Checked each time it is loaded (about 20 ms). */
export const WEIGHTS_SHA256 = 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1'

/** The folder of the model, from `src/` as from `dist/`. */
export const modelFolder = new URL('../model/', import.meta.url)

/** @throws an Error with code RETRIEVAL_WEIGHTS_WRONG when the file is not the one this package was built with */
export async function readWeights(folder: URL = modelFolder): Promise<Uint8Array> {
  const weights = await readFile(new URL('model_quantized.onnx', folder))
  const found = createHash('sha256').update(weights).digest('hex')
  if (found === WEIGHTS_SHA256) return weights
  throw Object.assign(new Error(`the weights of all-MiniLM-L6-v2 have the hash ${found}, not ${WEIGHTS_SHA256}`), { code: 'RETRIEVAL_WEIGHTS_WRONG' })
}
