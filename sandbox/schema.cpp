// Every Stripe object is one row: the document as Stripe would answer it (type json, which keeps
// the order of the keys), the values that lists filter by, and when it needs attention next.
#include "sandbox/schema.hpp"

namespace sandbox {

void create_schema(db::Connection& connection) {
  connection.execute(R"sql(
    BEGIN;
    SELECT pg_advisory_xact_lock(hashtext('stripe_sandbox.schema'));
    CREATE SCHEMA IF NOT EXISTS stripe_sandbox;

    CREATE TABLE IF NOT EXISTS stripe_sandbox.objects (
        seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id      text   NOT NULL UNIQUE,
        type    text   NOT NULL,
        created bigint NOT NULL,
        keys    jsonb  NOT NULL,
        clock   text,
        due     bigint,
        data    json   NOT NULL
    );
    CREATE INDEX IF NOT EXISTS objects_by_type ON stripe_sandbox.objects (type, seq);
    CREATE INDEX IF NOT EXISTS objects_by_keys
        ON stripe_sandbox.objects USING gin (keys jsonb_path_ops);
    CREATE INDEX IF NOT EXISTS objects_due ON stripe_sandbox.objects (due) WHERE due IS NOT NULL;

    CREATE TABLE IF NOT EXISTS stripe_sandbox.deliveries (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event        text NOT NULL,
        event_type   text NOT NULL,
        endpoint     text NOT NULL,
        created_at   timestamptz NOT NULL,
        attempts     integer NOT NULL DEFAULT 0,
        next_attempt timestamptz,
        delivered_at timestamptz,
        last_status  integer,
        last_answer  text
    );
    CREATE INDEX IF NOT EXISTS deliveries_due
        ON stripe_sandbox.deliveries (next_attempt) WHERE next_attempt IS NOT NULL;
    CREATE INDEX IF NOT EXISTS deliveries_of_event ON stripe_sandbox.deliveries (event);

    CREATE TABLE IF NOT EXISTS stripe_sandbox.idempotency_keys (
        key         text PRIMARY KEY,
        fingerprint text NOT NULL,
        status      integer NOT NULL,
        body        text NOT NULL,
        request_id  text NOT NULL,
        created_at  timestamptz NOT NULL
    );
    COMMIT;
  )sql");
}

}  // namespace sandbox
