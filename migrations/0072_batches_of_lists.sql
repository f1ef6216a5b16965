-- One action for many rows of any list that declares it: what tenants had is every list's.
CREATE TABLE list_batches (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list         text NOT NULL,
    action       text NOT NULL,
    arguments    jsonb NOT NULL,
    requested_by text NOT NULL,
    -- Who must still be allowed to do it when it is done; no foreign keys: lists know no people.
    staff_id     bigint,
    api_key_id   bigint,
    total        bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz
);
CREATE INDEX list_batches_ended ON list_batches (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE list_batch_rows (
    batch_id    bigint NOT NULL REFERENCES list_batches ON DELETE CASCADE,
    row_id      bigint NOT NULL,
    -- What it was called: the row itself may be gone when somebody reads this.
    label       text NOT NULL,
    state       batch_row_state NOT NULL DEFAULT 'waiting',
    why         jsonb,
    begun_at    timestamptz,
    -- What the end of a running one is told by.
    mark        jsonb,
    finished_at timestamptz,
    PRIMARY KEY (batch_id, row_id),
    CONSTRAINT list_batch_rows_end_is_dated
        CHECK ((state IN ('waiting', 'running')) = (finished_at IS NULL))
);
CREATE INDEX list_batch_rows_by_state ON list_batch_rows (batch_id, state, row_id);

INSERT INTO list_batches (id, list, action, arguments, requested_by, staff_id, api_key_id, total, created_at,
                          started_at, finished_at)
OVERRIDING SYSTEM VALUE
SELECT id, 'tenants', action,
       CASE action WHEN 'release_hold' THEN arguments - 'to_plan' WHEN 'change_plan' THEN arguments - 'hold'
                   ELSE arguments - 'to_plan' - 'hold' END,
       requested_by, staff_id, api_key_id, total, created_at, started_at, finished_at
  FROM tenant_batches;
SELECT setval(pg_get_serial_sequence('list_batches', 'id'), max(id)) FROM list_batches HAVING max(id) IS NOT NULL;

-- Sentences become codes; those that were put together stay as they were recorded.
INSERT INTO list_batch_rows (batch_id, row_id, label, state, why, begun_at, mark, finished_at)
SELECT r.batch_id, r.tenant_id, t.subdomain, r.state,
       CASE WHEN r.why IS NOT NULL THEN
         CASE WHEN r.why ~ '^it is [a-z_]+$' THEN
                jsonb_build_object('code', 'state_is', 'parameters', jsonb_build_object('state', substr(r.why, 7)))
              WHEN r.why LIKE 'another hold keeps it: %' THEN
                jsonb_build_object('code', 'held_otherwise', 'parameters', jsonb_build_object('holds', substr(r.why, 24)))
              WHEN known.code IS NOT NULL THEN
                jsonb_build_object('code', known.code, 'parameters', jsonb_build_object())
              ELSE jsonb_build_object('code', 'recorded_text', 'parameters', jsonb_build_object('text', r.why))
         END || jsonb_build_object('text', r.why)
       END,
       r.begun_at,
       jsonb_strip_nulls(jsonb_build_object('operation_id', r.operation_id, 'version', r.version)),
       r.finished_at
  FROM tenant_batch_rows r JOIN tenants t ON t.id = r.tenant_id
  LEFT JOIN (VALUES ('it is held by staff already', 'held_by_staff'),
                    ('it is not held by staff', 'not_held_by_staff'),
                    ('it has no such hold', 'no_such_hold'),
                    ('it has this plan already', 'has_plan_already'),
                    ('its hold was released meanwhile', 'hold_released'),
                    ('it has not come to its end within a day', 'never_ended'),
                    ('whoever asked for it may not do it any more', 'may_not_any_more'),
                    ('the database refused it', 'database_refused')) AS known (sentence, code)
         ON known.sentence = r.why;

UPDATE jobs SET kind = 'list.run_batch' WHERE kind = 'tenants.run_batch';

DROP TABLE tenant_batch_rows, tenant_batches;
DROP TYPE batch_action;
