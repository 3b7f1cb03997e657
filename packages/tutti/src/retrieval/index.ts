export { type Citation, type CitationVerdict, type Cited, type CitedSchema, cited, type SourceReader, type Verified, verifyCitations } from './cited.ts'
export type { Document, DocumentMeta, MediaType, Passage, SkippedFile } from './document.ts'
export {
  type Documentation,
  type DocumentationOptions,
  type DocumentationPage,
  type DocumentedPackage,
  documentation,
  type OwnDocumentation,
} from './documentation.ts'
export type { Embedder, EmbedOptions } from './embedder.port.ts'
export { readHtml } from './html.ts'
export type { IngestReport } from './ingest.ts'
export { type InstalledPackage, installationStamp, installedPackages, type PackageDocsOptions, packageDocs } from './installed-package.ts'
export { lineAt } from './line.ts'
export { type Loaded, type LoadOptions, load, readText } from './load.ts'
export { minilm } from './minilm.ts'
export type { Filter } from './partition.ts'
export { findQuote, type Place } from './quote.ts'
export { type Scanned, type ScanOptions, scan } from './scan.ts'
export { checkQuestion } from './search.ts'
export { type Index, type IndexOptions, type IndexStats, index, type SearchIndexOptions } from './search-index.ts'
export type { SearchToolOptions } from './search-tool.ts'
export { type Span, sentences } from './sentence.ts'
export { type Chunk, type SplitOptions, split } from './split.ts'
export { type RankedText, TextRanking } from './text-ranking.ts'
export { estimateTokens } from './tokens.ts'
