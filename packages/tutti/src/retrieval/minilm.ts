import { TuttiError } from '../errors/index.ts'
import type { Embedder } from './embedder.port.ts'

let loading: Promise<Embedder> | undefined

/**
 * The embedding model of this machine, loaded once for all indexes of the process (about a second); nothing is downloaded.
 * @throws RETRIEVAL_EMBEDDER_MISSING when `@tutti/embed-minilm` is not installed; RETRIEVAL_WEIGHTS_WRONG; RETRIEVAL_EMBEDDER_FAILED
 */
export function minilm(): Promise<Embedder> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function load(): Promise<Embedder> {
  // A name in a variable: the package is optional, so neither the type checker nor a bundler may look for it.
  const name: string = '@tutti/embed-minilm'
  try {
    const { embedder } = (await import(name)) as { embedder(): Promise<Embedder> }
    return await embedder()
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string }
    if (code === 'RETRIEVAL_WEIGHTS_WRONG') throw new TuttiError('RETRIEVAL_WEIGHTS_WRONG', message, { cause })
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(name))
      throw new TuttiError('RETRIEVAL_EMBEDDER_MISSING', `the package ${name} is not installed`, { cause })
    throw new TuttiError('RETRIEVAL_EMBEDDER_FAILED', `the embedding model of ${name} could not be started: ${message}`, { cause })
  }
}
