-- Files of lists that take longer than a client waits. Nodes share nothing but this database, so
-- the file lies here, in parts, until it is fetched or a day has passed.
CREATE TABLE exports (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list         text NOT NULL,
    wish         jsonb NOT NULL,
    -- Whose it is, and who must still be allowed to read the list when it is written and fetched.
    staff_id     bigint REFERENCES staff,
    api_key_id   bigint REFERENCES api_keys,
    state        text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    rows_done    bigint NOT NULL DEFAULT 0,
    rows_total   bigint,
    size_bytes   bigint NOT NULL DEFAULT 0,
    parts        bigint NOT NULL DEFAULT 0,
    error_code   text,
    file_name    text NOT NULL,
    content_type text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    CONSTRAINT exports_are_somebodys CHECK (num_nonnulls(staff_id, api_key_id) = 1),
    CONSTRAINT exports_end_is_dated CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL)),
    CONSTRAINT exports_failure_has_a_code CHECK ((state = 'failed') = (error_code IS NOT NULL))
);
CREATE INDEX exports_by_age ON exports (created_at);
CREATE INDEX exports_by_person ON exports (staff_id, id) WHERE staff_id IS NOT NULL;
CREATE INDEX exports_by_key ON exports (api_key_id, id) WHERE api_key_id IS NOT NULL;

CREATE TABLE export_parts (
    export_id bigint NOT NULL REFERENCES exports ON DELETE CASCADE,
    number    bigint NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (export_id, number)
);
