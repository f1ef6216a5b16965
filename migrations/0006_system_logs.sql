-- Log lines, partitioned by day and dropped by day; the program makes partitions ahead of time.

CREATE TABLE system_logs (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    "timestamp" timestamptz NOT NULL,
    level       text NOT NULL,
    message     text NOT NULL,
    source      text NOT NULL,
    request_id  text,
    tenant_id   text,
    job_id      text,
    PRIMARY KEY ("timestamp", id)
) PARTITION BY RANGE ("timestamp");

-- Partitions for today and the next `ahead` days (UTC); returns how many were made. Those older
-- than `keep` days are dropped.
CREATE FUNCTION keep_log_partitions(ahead integer, keep integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    day date;
    old record;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('system_logs.partitions'));
    FOR day IN SELECT today + n FROM generate_series(0, ahead) AS n LOOP
        IF to_regclass('system_logs_' || to_char(day, 'YYYYMMDD')) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF system_logs FOR VALUES FROM (%L) TO (%L)',
                           'system_logs_' || to_char(day, 'YYYYMMDD'),
                           day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    FOR old IN SELECT inhrelid::regclass AS name FROM pg_inherits
                WHERE inhparent = 'system_logs'::regclass
                  AND right(inhrelid::regclass::text, 8) < to_char(today - keep, 'YYYYMMDD') LOOP
        EXECUTE format('DROP TABLE %s', old.name);
    END LOOP;
    RETURN made;
END $$;
