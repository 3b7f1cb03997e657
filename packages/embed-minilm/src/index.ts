export { EMBEDDER_ID, type Embedder, type EmbedderOptions, type EmbedOptions, embedder } from './embedder.ts'
export { WEIGHTS_SHA256 } from './weights.ts'
