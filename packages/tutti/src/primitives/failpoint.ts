/**
 * Failpoints: the places between two durable facts, each named for the race that a process opens which ends exactly there.
 *
 * The list is closed, so that a test can end a real process at every one of them. A place costs one look at a constant while nobody watches, and nobody does
 * but tests: nothing in the environment can arm one.
 */

/** Every failpoint, and what the next process finds. */
export const failpoints = {
  'run created, not driven': 'the run is durable, and its caller never heard of it',
  'run let through, not driven': 'the run holds a place in its queue, and nobody drives it',
  'lease taken, run.resumed not written': 'the lease names a process that is gone, and the journal does not know of it',
  'run.resumed written, run not driven': 'an activation that got no further counts against the run',
  'rest decided, not suspended': 'the run waits for others, and its line still says that it is driven',
  'suspension written, run not let go': 'the run is free, and the process that drove it had not forgotten it',
  'crash loop found, not suspended': 'the run is to be driven no more, and its line does not say so',
  'divergence found, not suspended': 'the code does not match the record, and the journal does not say so',
  'signal posted, not poked': 'the message is durable, and whoever drives the run was not told',
  'message taken, answer not recorded': 'the message was read, and is still in the inbox',
  'timer due, timer.fired not written': 'the time has come, and the journal does not say so',
  'attempt planned, intent not recorded': 'the ledger of a process held money that no journal knows of',
  'budget held, call not sent': 'money is held durably for a call that never went out',
  'intent recorded, effect not begun': 'the journal says begun, and nothing happened',
  'effect done, outcome not recorded': 'it happened, and the journal does not say how it went',
  'attempt failed, failure not recorded': 'it failed, and the journal does not say so',
  'failure recorded, backoff not begun': 'the next attempt has a time, and nobody waits for it',
  'backoff over, next attempt not begun': 'the time of the next attempt has passed',
  'lost attempt found, loss not recorded': 'an attempt is open, and the process that found it open is gone too',
  'loss recorded, next attempt not begun': 'an attempt is settled in full, and the next one has no entry',
  'doubt found, not recorded': 'a once effect has no outcome, and nobody has said that this is so',
  'doubt recorded, tool not asked': 'the doubt is known, and whether the tool was asked is not',
  'verdict known, not recorded': 'the tool or a person has said what became of it, and the journal does not know',
  'refutation recorded, hold not settled': 'it did not happen, and what it held is still held',
  'outcome recorded, not delivered': 'the outcome is durable, and the flow never saw it',
  'end decided, nothing undone': 'the flow has failed, and all that it did stands',
  'step undone, not recorded': 'a step is undone, and the journal does not say so',
  'undo recorded, next not begun': 'some steps are undone, and others stand',
  'terminal entry built, not durable': 'the flow has ended, and its run has not',
  'terminal entry durable, caller not told': 'the run has ended, and its caller never heard of it',
  'tables made, version not set': 'the file was being made',
  'transaction begun, nothing written': 'the file is locked by a process that is gone',
  'head and blobs written, entries not': 'half of a transaction is in the log',
  'everything written, not committed': 'all of a transaction is in the log but its end',
  'committed, not answered': 'the entries are durable, and whoever appended them does not know',
  'committed in the worker, answer not posted': 'the entries are durable, and the main thread waits for a thread that is gone',
  'answer of the worker come, nobody told': 'the main thread knows that the entries are durable, and its runs do not',
} as const satisfies { readonly [name: string]: string }

export type Failpoint = keyof typeof failpoints

/** What is told of each place that is passed. */
export type FailpointWatcher = (name: Failpoint, run: string | undefined, key: string | undefined) => void

const watchers = new Set<FailpointWatcher>()
let watched = false

/** Marks a place. Does nothing unless a test watches; a watcher may throw, or end the process. */
export function failpoint(name: Failpoint, run?: string, key?: string): void {
  if (watched) for (const watcher of watchers) watcher(name, run, key)
}

/** Tells of every place that this thread passes from now on. Returns how to stop. */
export function watchFailpoints(watcher: FailpointWatcher): () => void {
  watchers.add(watcher)
  watched = true
  return () => {
    watchers.delete(watcher)
    watched = watchers.size > 0
  }
}
