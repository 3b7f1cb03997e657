export type { BatchPort, BatchRequest, BatchResult, BatchState } from './batch/batch.port.ts'
export { type Choice, chooseModel } from './choose.ts'
export { askModel, type GatewayOptions, gateway, gatewayKey } from './gateway.ts'
export { givenAnswer } from './given-answer.ts'
export { checkModels, checkModelsOf } from './links.ts'
export {
  embed,
  generateImage,
  type ImageModel,
  type RerankingModel,
  rerank,
  type SpeechModel,
  speak,
  type TranscriptionModel,
  transcribe,
} from './metered.ts'
export type {
  Accept,
  AskModel,
  AttemptRecord,
  EmbeddingModel,
  Gateway,
  LanguageModel,
  Model,
  ModelAnswer,
  ModelId,
  ModelLike,
  ModelRequest,
  ModelRetry,
  ModelSettings,
  OutputMode,
  TextEmbedder,
  ToolSpec,
} from './model.port.ts'
export { type ParsedOutput, parseOutput } from './output.ts'
export { batch, breaker, type CacheOptions, cache, cascade, hedge, type LimitOptions, limit, retry, structured, timeout } from './policy.ts'
export type { Price } from './price.port.ts'
export { costMicroUsd, type DeclaredPrices, priceOf, pricesAsOf } from './price.ts'
export { importPackage, isInstalled } from './provider-package.ts'
export { type ProviderLine, providerTable } from './provider-table.ts'
export { type Env, type ResolveOptions, resolveModel } from './resolve.ts'
export { type Retuning, retuned } from './retuned.ts'
export { checkTokenizer, type TokenizerChoice } from './tokenizer.ts'
