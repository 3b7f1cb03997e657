/**
 * The tables of a journal in Postgres, and how older ones are brought forward.
 *
 * `schema_version` has a row for each step that was applied; a schema with more of them than are known here is refused (`JOURNAL_NEWER`). Steps are never edited once
 * released, only added. Whoever comes first applies them, in one transaction under an advisory lock; the others wait.
 * An entry is found by the number of its run and its `seq`. The number of a run is never given twice, so whoever still knows that of a removed run finds nothing under it.
 * What a run recorded is JSON text and not `jsonb`: it is read as it was written, to the byte.
 */
import type { Client, PoolClient } from 'pg'
import { TuttiError } from 'tutti/store'

type Connection = Pick<Client | PoolClient, 'query'>

const steps: readonly string[] = [
  `
  CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL UNIQUE,
    flow text NOT NULL,
    version text NOT NULL,
    tenant text NOT NULL,
    scope text NOT NULL,
    status text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    start_hash text NOT NULL,
    labels text NOT NULL,
    source text,
    priority integer NOT NULL DEFAULT 0,
    wake_at bigint,
    waiting text,
    stalls integer NOT NULL,
    epoch integer NOT NULL,
    owner text,
    lease_until bigint,
    admitted boolean NOT NULL DEFAULT false,
    last_seq integer NOT NULL
  ) WITH (fillfactor = 70);
  CREATE INDEX runs_by_age ON runs (created_at DESC, id DESC);
  CREATE INDEX runs_running ON runs (flow, version) WHERE status = 'running';
  CREATE INDEX runs_to_wake ON runs (wake_at) WHERE wake_at IS NOT NULL;
  CREATE INDEX runs_queued ON runs (flow, priority, tenant, version, id) WHERE status = 'queued';
  CREATE INDEX runs_admitted ON runs (flow) WHERE admitted;
  CREATE INDEX runs_by_source ON runs (source) WHERE source IS NOT NULL;
  COMMENT ON TABLE runs IS 'One row a run. Times are milliseconds since 1970; run_list shows them as timestamps.';
  COMMENT ON COLUMN runs.status IS 'queued, running, waiting, suspended, completed, failed or cancelled';
  COMMENT ON COLUMN runs.wake_at IS 'when a run at rest wants to go on';
  COMMENT ON COLUMN runs.waiting IS 'the signals that a run at rest waits for';
  COMMENT ON COLUMN runs.source IS 'the run that it is a fork of';
  COMMENT ON COLUMN runs.epoch IS 'rises with every lease; who writes under an older one is refused';
  COMMENT ON COLUMN runs.owner IS 'the process that drives it, until lease_until';
  COMMENT ON COLUMN runs.admitted IS 'its driver was let through by the queue of its flow';

  CREATE TABLE entries (
    run bigint NOT NULL,
    seq integer NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run, seq)
  );
  COMMENT ON TABLE entries IS 'What happened in each run, in order: one JSON object a row, with short names. npx tutti show prints them.';
  COMMENT ON COLUMN entries.run IS 'runs.id';

  CREATE TABLE blobs (
    hash text PRIMARY KEY,
    body text NOT NULL
  );
  COMMENT ON TABLE blobs IS 'Values too large for their entry, each once, by the hash of their text.';
  CREATE TABLE blob_uses (
    run bigint NOT NULL,
    hash text NOT NULL REFERENCES blobs (hash),
    PRIMARY KEY (run, hash)
  );
  CREATE INDEX blob_uses_by_hash ON blob_uses (hash);
  COMMENT ON TABLE blob_uses IS 'Which runs name a blob: it goes with the last of them.';

  CREATE TABLE inbox (
    run bigint NOT NULL,
    id text NOT NULL,
    n bigint GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    body text,
    PRIMARY KEY (run, id)
  );
  CREATE INDEX inbox_open ON inbox (run, n) WHERE body IS NOT NULL;
  COMMENT ON TABLE inbox IS 'Messages to runs. Of one that was taken the id stays, so that it is known when it comes again.';

  CREATE SEQUENCE queue_turns;
  CREATE TABLE queue_lines (
    flow text NOT NULL,
    priority integer NOT NULL,
    tenant text NOT NULL,
    version text NOT NULL,
    turn bigint NOT NULL DEFAULT nextval('queue_turns'),
    PRIMARY KEY (flow, priority, tenant, version)
  );
  COMMENT ON TABLE queue_lines IS 'The lines in which queued runs stand, and whose turn is next.';
  CREATE TABLE queue_begun (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane text NOT NULL,
    at bigint NOT NULL,
    until bigint NOT NULL
  );
  CREATE INDEX queue_begun_in_lane ON queue_begun (lane, n);
  CREATE INDEX queue_begun_until ON queue_begun (until);
  COMMENT ON TABLE queue_begun IS 'When the last runs of a rate began; after until it matters no more.';

  CREATE TABLE schedules (
    name text PRIMARY KEY,
    considered bigint NOT NULL,
    paused boolean NOT NULL,
    run text,
    spec text
  );
  COMMENT ON TABLE schedules IS 'Schedules, and up to when each was dealt with.';

  CREATE UNLOGGED TABLE limits (name text PRIMARY KEY, slots text NOT NULL);
  COMMENT ON TABLE limits IS 'What was asked of models in each of the last 61 seconds: [second, requests, tokens].';

  CREATE VIEW run_list AS
    SELECT id, run, flow, version, tenant, status, to_timestamp(created_at / 1000.0) AS created, to_timestamp(updated_at / 1000.0) AS updated,
      to_timestamp(wake_at / 1000.0) AS wakes, owner, to_timestamp(lease_until / 1000.0) AS leased_until, last_seq AS entries, labels, source
    FROM runs;
  COMMENT ON VIEW run_list IS 'Runs for people, times as timestamps.';
  CREATE VIEW entry_list AS
    SELECT r.run, e.seq, to_timestamp(substring(e.body FROM '"t":([0-9]+)')::bigint / 1000.0) AS time, substring(e.body FROM '"type":"([a-z.]+)"') AS type, e.body
    FROM entries e JOIN runs r ON r.id = e.run;
  COMMENT ON VIEW entry_list IS 'Entries for people: WHERE run = ... ORDER BY seq.';
  `,
  `
  CREATE UNLOGGED TABLE parts (
    run text NOT NULL,
    key text NOT NULL,
    activation integer NOT NULL,
    attempt integer NOT NULL,
    place integer NOT NULL,
    n bigint GENERATED ALWAYS AS IDENTITY,
    after_seq integer NOT NULL,
    body text NOT NULL,
    writer text NOT NULL,
    written timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, key, activation, attempt, place)
  );
  CREATE INDEX parts_in_order ON parts (run, n);
  COMMENT ON TABLE parts IS 'What steps that are under way show, for readers in other processes: gone once the step has its outcome.';
  CREATE UNLOGGED TABLE part_readers (
    run text NOT NULL,
    reader text NOT NULL,
    name text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (run, reader, name)
  );
  COMMENT ON TABLE part_readers IS 'Who reads the parts of a run: of one that nobody reads none are written.';
  `,
  `
  CREATE TABLE accounts (
    id text PRIMARY KEY,
    rank integer NOT NULL,
    per text NOT NULL,
    every text NOT NULL,
    tenant text,
    member text,
    period text NOT NULL,
    begins bigint NOT NULL,
    ends bigint NOT NULL,
    keep_until bigint NOT NULL,
    sums text NOT NULL,
    erased boolean NOT NULL DEFAULT false
  ) WITH (fillfactor = 50);
  CREATE INDEX accounts_by_end ON accounts (ends);
  CREATE INDEX accounts_to_forget ON accounts (keep_until);
  COMMENT ON TABLE accounts IS 'What tenants, users and flows used of their standing budgets, by period; account_list shows it. Locked by rank: the tenant before its users, the month before the day.';
  COMMENT ON COLUMN accounts.member IS 'the user, or the flow';
  COMMENT ON COLUMN accounts.sums IS 'what is spent and held, and what the last hold was limited to: one JSON object, money in micro-USD';
  CREATE TABLE holds (
    run bigint NOT NULL,
    token text NOT NULL,
    accounts text[] NOT NULL,
    amounts text NOT NULL,
    PRIMARY KEY (run, token)
  );
  COMMENT ON TABLE holds IS 'What attempts that are not settled hold in accounts.';
  CREATE VIEW account_list AS
    SELECT per, tenant, member, every, period, (sums::jsonb #>> '{spent,microUsd}')::numeric / 1000000 AS spent_usd, (sums::jsonb #>> '{held,microUsd}')::numeric / 1000000 AS held_usd,
      (sums::jsonb #>> '{limits,microUsd}')::numeric / 1000000 AS limit_usd, sums, to_timestamp(ends / 1000.0) AS until
    FROM accounts;
  COMMENT ON VIEW account_list IS 'Accounts for people.';
  `,
]

/** What this version writes. */
export const SCHEMA_VERSION = steps.length

/** Any number will do that others do not use: 'tutti' in ASCII. */
const MIGRATION_LOCK = 0x7475747469

/** Brings the schema forward. Changes nothing, and needs no right to, when it stands where it should. @throws JOURNAL_NEWER */
export async function migrate(connection: Connection, schema: string): Promise<void> {
  if ((await versionOf(connection, schema)) === SCHEMA_VERSION) return
  await connection.query('BEGIN')
  try {
    await connection.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await connection.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`)
    await connection.query(
      `CREATE TABLE IF NOT EXISTS ${quoted(schema)}.schema_version (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`,
    )
    for (let version = await versionOf(connection, schema); version < SCHEMA_VERSION; version++) {
      await connection.query(steps[version] as string)
      await connection.query('INSERT INTO schema_version (version) VALUES ($1)', [version + 1])
    }
    await connection.query('COMMIT')
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => {})
    throw error
  }
}

async function versionOf(connection: Connection, schema: string): Promise<number> {
  const { rows: there } = await connection.query<{ there: boolean }>("SELECT to_regclass(format('%I.schema_version', $1::text)) IS NOT NULL AS there", [schema])
  if (!there[0]?.there) return 0
  const { rows } = await connection.query<{ version: number }>(`SELECT coalesce(max(version), 0) AS version FROM ${quoted(schema)}.schema_version`)
  const version = rows[0]?.version ?? 0
  if (version <= SCHEMA_VERSION) return version
  throw new TuttiError(
    'JOURNAL_NEWER',
    `the tables in schema '${schema}' are of version ${version}; this version of @tutti/postgres knows versions up to ${SCHEMA_VERSION}`,
    {
      data: { schema, version, knows: SCHEMA_VERSION },
      hint: 'Update @tutti/postgres, or name another schema: postgres(url, { schema }).',
    },
  )
}

/** As an identifier in a statement. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
