/** The batch API of a provider, as the durable part knows it: many requests taken at once, answered within hours, at a lower price. Types only. */

export interface BatchRequest {
  /** 1 to 64 of a-z A-Z 0-9 _ - */
  readonly id: string
  /** As the provider's package would have sent it. */
  readonly url: string
  readonly body: string
}

export interface BatchState {
  readonly ended: boolean
  /** In the provider's word. */
  readonly status: string
  /** It was not taken as a whole. */
  readonly failure?: string | undefined
}

/** What became of one request: the provider's answer, or why there is none. */
export type BatchResult = { readonly status: number; readonly body: string } | { readonly missing: 'expired' | 'cancelled' | 'lost' }

export interface BatchPort {
  /** Requests of one batch at most. */
  readonly max: number
  /** Answers the id of the batch. @throws what the provider refuses it with */
  submit(requests: readonly BatchRequest[]): Promise<string>
  poll(batch: string): Promise<BatchState>
  /** Of a batch that has ended, by the ids of its requests. */
  fetch(batch: string): Promise<ReadonlyMap<string, BatchResult>>
  cancel(batch: string): Promise<void>
}
