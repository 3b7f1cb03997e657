/** Prices as data. Types only. All amounts are integer micro-USD per million tokens. */

export interface Rate {
  readonly input: number
  readonly output: number
  /** Default: as `input`. */
  readonly cacheRead?: number | undefined
  /** Default: as `input`. */
  readonly cacheWrite?: number | undefined
}

export interface Price extends Rate {
  /** Another rate for a whole call whose input is longer than this. */
  readonly above?: (Rate & { readonly inputTokens: number }) | undefined
  readonly maxInputTokens?: number | undefined
  readonly maxOutputTokens?: number | undefined
}
