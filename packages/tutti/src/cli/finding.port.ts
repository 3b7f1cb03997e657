/** What `tutti doctor` found. Types only. */
export interface Finding {
  readonly what: string
  /** `note`: neither good nor bad. */
  readonly state: 'fine' | 'note' | 'problem'
  readonly says: string
  /** What to do about it. */
  readonly next?: string | undefined
}
