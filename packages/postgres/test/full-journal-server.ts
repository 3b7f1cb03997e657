/** A server of Postgres that answers every new entry as one whose disk is full does: with 53100. What it does with a torn log of its own is not ours to test. */
import type { PostgresServer } from './postgres-server.ts'

/** Answers how to make room again. */
export async function fillJournal(server: PostgresServer, schema = 'tutti'): Promise<() => Promise<void>> {
  await server.ask(`
    CREATE OR REPLACE FUNCTION ${schema}.full() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON ${schema}.entries FOR EACH ROW EXECUTE FUNCTION ${schema}.full()`)
  return async () => void (await server.ask(`DROP TRIGGER full_disk ON ${schema}.entries`))
}
