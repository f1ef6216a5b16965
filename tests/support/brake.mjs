// Holds the server at a chosen place of its work: triggers in its database stop the transaction that
// is about to write a certain change, so that a test can end the server exactly there.

import { execute, value } from "./database.mjs"
import { until } from "./until.mjs"

/** @typedef {import("./server.mjs").Server} Server */

const TABLES = {
  provisioning_steps: "'step ' || new.name || ' ' || new.state",
  tenant_resources: "'resource ' || new.kind || ' ' || new.state",
  tenants: "'tenant ' || new.state",
  signups: "'payment ' || new.payment",
  stripe_events: "'event ' || new.type || ' ' || new.state",
  billing_retries: "'retry ' || coalesce(new.outcome, 'being_checked')",
  billing_refund_orders: "'refund ' || coalesce(new.outcome, 'being_checked')",
  mails: "'mail ' || new.template || ' ' || new.state",
}

/** @param {Server} server */
export async function installBrake(server) {
  const triggers = Object.entries(TABLES).map(
    ([table, place]) => `
    CREATE FUNCTION test_brake.${table}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' OR to_jsonb(old) IS DISTINCT FROM to_jsonb(new) THEN
        WHILE EXISTS (SELECT FROM test_brake.wanted w WHERE w.place = ${place}) LOOP
          PERFORM pg_sleep(0.01);
        END LOOP;
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER test_brake AFTER INSERT OR UPDATE ON public.${table}
      FOR EACH ROW EXECUTE FUNCTION test_brake.${table}();`,
  )
  await execute(server.dataDir, `CREATE SCHEMA test_brake; CREATE TABLE test_brake.wanted (place text PRIMARY KEY); ${triggers.join("")}`)
}

/** Whoever is about to write `place` waits from now on. @param {Server} server @param {string} place */
export const setBrake = (server, place) =>
  execute(server.dataDir, `INSERT INTO test_brake.wanted VALUES ('${place}')`)

/** @param {Server} server */
export const releaseBrake = server => execute(server.dataDir, "DELETE FROM test_brake.wanted")

/** Returns when somebody is held. @param {Server} server @param {string} place */
export const untilHeld = (server, place) =>
  until(`the server is held before writing "${place}"`, async () =>
    (await value(server.dataDir, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")) > 0)
