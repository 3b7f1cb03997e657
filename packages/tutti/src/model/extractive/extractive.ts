import type { LanguageModelV4 } from '@ai-sdk/provider'
import type { TextEmbedder } from '../model.port.ts'
export function extractive(_o: { embedder?: TextEmbedder | undefined } = {}): LanguageModelV4 {
  throw new Error('soon')
}
