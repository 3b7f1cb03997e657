/** How much was asked of models in the last minute, kept where processes have it in common. Types only. */

export interface Amount {
  readonly requests: number
  readonly tokens: number
}

/** Takes from a limit, in any stretch of a minute. */
export interface LimitAsk {
  /** Whoever gives the same name takes from the same limit. */
  readonly name: string
  /** Left out: not limited. */
  readonly most: { readonly requests?: number | undefined; readonly tokens?: number | undefined }
  readonly take: Amount
  /** Epoch ms. */
  readonly now: number
}

/** `slot` names the second it was taken in; `waitMs`: before that it cannot be had. */
export type LimitAnswer = { readonly taken: true; readonly slot: number } | { readonly taken: false; readonly waitMs: number }

/** What was taken turned out to be more, or less. */
export interface LimitChange {
  readonly name: string
  readonly slot: number
  /** May be negative. */
  readonly by: Amount
}

/** What a store offers so that limits hold over all processes on it. All of what is asked is taken, or nothing. */
export interface LimitBook {
  take(ask: LimitAsk): LimitAnswer | Promise<LimitAnswer>
  change(change: LimitChange): void | Promise<void>
}
