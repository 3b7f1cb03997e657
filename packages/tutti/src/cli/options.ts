/** Options that several commands take. Types only. */

export interface CommonOptions {
  /** Default: `TUTTI_HOME`, else `.tutti`. */
  readonly home?: string | undefined
  /** One JSON document on standard output, nothing else. */
  readonly json?: boolean | undefined
  readonly verbose?: boolean | undefined
}

/** Which documentation is meant. */
export interface CorpusOptions {
  readonly docs?: readonly string[] | undefined
  readonly package?: readonly string[] | undefined
  readonly all?: boolean | undefined
}

export interface AppFileOptions {
  /** A module with flows. */
  readonly app?: string | undefined
}
