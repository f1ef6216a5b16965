ALTER TABLE tenant_batch_rows
    DROP CONSTRAINT tenant_batch_rows_end_is_dated,
    ADD CONSTRAINT tenant_batch_rows_end_is_dated
        CHECK ((state IN ('waiting', 'running')) = (finished_at IS NULL)),
    ADD COLUMN begun_at     timestamptz,
    -- What its end is told by: an operation, or that the world matches this version of the tenant.
    ADD COLUMN operation_id bigint REFERENCES tenant_operations,
    ADD COLUMN version      bigint;
