/**
 * The layout of a journal file, and how an older one is brought forward.
 *
 * `PRAGMA user_version` is the number of steps applied; a file with more of them than are known here is refused (`JOURNAL_NEWER`).
 * Steps are never edited once released, only added.
 * Entries lie in the order in which they were written, so that a commit fills one page after the other, of however many runs it is; `places` says
 * where the entry of a key lies. A key is one integer, `run × 2^24 + seq`: a run's places lie side by side in `seq` order, some 300 on a page.
 * Both are tables with an integer for a key, because only those leave full pages behind when they grow at their end.
 * The number of a run is never given twice (AUTOINCREMENT): whoever still knows that of a removed run finds nothing under it. `source` is the run that a fork was
 * forked from. `blob_uses` says which runs name a blob; the last of them that is removed takes the blob with it.
 * A queued run lies in `queued` until it begins, and has its place in one of the `queue_lines`; `queue_held` names the runs that were let through and may
 * still be driven, `queue_begun` when the last ones of a rate began, `until` it matters no more.
 * `limits` holds what was asked of models in each of the last seconds (`limit-window.ts`): counts alone, nothing of any run.
 * `accounts` are what tenants, users and flows used of their standing budgets, by period; `member` is the user or the flow. `holds`: what attempts that are not settled hold
 * there. Sums outlive the runs they are of.
 * Of an encrypted run (`key_id`: its data key in the key file, `vault.ts`) entries and blobs are sealed bytes; of its line and its messages the content is sealed text.
 * Every row of a run, an entry or a message carries a check of what it holds and where it belongs (`row-check.ts`); a blob is named by its hash.
 * A message in the `inbox` that was taken stays as its id alone, unless tutti made that id; `n` orders those of a run that are open.
 */
import type { DatabaseSync } from 'node:sqlite'
import { TuttiError } from '../errors/index.ts'
import { failpoint } from '../primitives/index.ts'

/** So many entries one run can hold: 16,777,215. */
export const RUN_SPAN = 2 ** 24

/** The key of an entry's place; `run` is the number of the run in `runs`. Exact as a double up to run 536,870,911. */
export const entryKey = (run: number, seq: number): number => run * RUN_SPAN + seq

const steps: readonly string[] = [
  `
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    flow TEXT NOT NULL,
    version TEXT NOT NULL,
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INT NOT NULL,
    start_hash TEXT NOT NULL,
    labels TEXT NOT NULL,
    source TEXT,
    key_id INT,
    wake_at INT,
    waiting TEXT,
    stalls INT NOT NULL,
    epoch INT NOT NULL,
    owner TEXT,
    lease_until INT,
    last_seq INT NOT NULL,
    crc INT NOT NULL
  ) STRICT;
  CREATE INDEX runs_by_age ON runs (created_at);
  CREATE INDEX runs_running ON runs (lease_until) WHERE status = 'running';
  CREATE INDEX runs_by_source ON runs (source) WHERE source IS NOT NULL;
  CREATE INDEX runs_to_wake ON runs (wake_at) WHERE wake_at IS NOT NULL;
  CREATE TABLE entries (n INTEGER PRIMARY KEY, body ANY NOT NULL) STRICT;
  CREATE TABLE places (key INTEGER PRIMARY KEY, n INT NOT NULL, crc INT NOT NULL) STRICT;
  CREATE TABLE blobs (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body ANY NOT NULL) STRICT;
  CREATE TABLE blob_uses (run INT NOT NULL, blob INT NOT NULL, PRIMARY KEY (run, blob)) STRICT, WITHOUT ROWID;
  CREATE INDEX blob_uses_by_blob ON blob_uses (blob);
  CREATE TABLE inbox (
    run INT NOT NULL,
    id TEXT NOT NULL,
    n INT,
    body TEXT,
    crc INT NOT NULL,
    PRIMARY KEY (run, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX inbox_open ON inbox (run, n) WHERE body IS NOT NULL;
  CREATE TABLE queued (
    run INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    priority INT NOT NULL,
    tenant TEXT NOT NULL,
    version TEXT NOT NULL
  ) STRICT;
  CREATE INDEX queued_in_line ON queued (flow, priority, tenant, version, run);
  CREATE TABLE queue_lines (
    flow TEXT NOT NULL,
    priority INT NOT NULL,
    tenant TEXT NOT NULL,
    version TEXT NOT NULL,
    turn INT NOT NULL,
    PRIMARY KEY (flow, priority, tenant, version)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX queue_lines_in_turn ON queue_lines (flow, priority DESC, turn);
  CREATE TABLE queue_held (flow TEXT NOT NULL, run INT NOT NULL, PRIMARY KEY (flow, run)) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_begun (lane TEXT NOT NULL, n INT NOT NULL, at INT NOT NULL, until INT NOT NULL, PRIMARY KEY (lane, n)) STRICT, WITHOUT ROWID;
  CREATE INDEX queue_begun_until ON queue_begun (until);
  CREATE TABLE limits (name TEXT PRIMARY KEY, slots TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE schedules (name TEXT PRIMARY KEY, considered INT NOT NULL, paused INT NOT NULL, run TEXT, spec TEXT, key_id INT) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    per TEXT NOT NULL,
    every TEXT NOT NULL,
    tenant TEXT,
    member TEXT,
    period TEXT NOT NULL,
    begins INT NOT NULL,
    ends INT NOT NULL,
    keep_until INT NOT NULL,
    sums TEXT NOT NULL,
    erased INT NOT NULL,
    key_id INT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX accounts_by_end ON accounts (ends);
  CREATE INDEX accounts_to_forget ON accounts (keep_until);
  CREATE TABLE holds (run INT NOT NULL, token TEXT NOT NULL, hold TEXT NOT NULL, PRIMARY KEY (run, token)) STRICT, WITHOUT ROWID;
  `,
]

/** What this version of tutti writes. */
export const SCHEMA_VERSION = steps.length

/** Brings an older file forward, in one transaction. @throws JOURNAL_NEWER */
export function migrate(db: DatabaseSync, path: string): void {
  if (schemaOf(db, path) === SCHEMA_VERSION) return
  db.exec('BEGIN IMMEDIATE')
  try {
    for (const step of steps.slice(schemaOf(db, path))) db.exec(step)
    failpoint('tables made, version not set')
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
    db.exec('COMMIT')
  } catch (error) {
    try {
      db.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself; the first error is the one that tells why.
    }
    throw error
  }
}

/** How many of the steps this file has. @throws JOURNAL_NEWER */
export function schemaOf(db: DatabaseSync, path: string): number {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version <= SCHEMA_VERSION) return version
  throw new TuttiError('JOURNAL_NEWER', `the journal '${path}' has schema ${version}; this version of tutti knows schemas up to ${SCHEMA_VERSION}`, {
    data: { path, schema: version, knows: SCHEMA_VERSION },
  })
}
