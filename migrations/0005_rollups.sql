-- Counters that the dashboard reads. A change appends a delta in its own transaction (no hot row);
-- a fold adds deltas up. Totals plus unfolded deltas is the exact figure at any instant.

CREATE TABLE rollup_deltas (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    metric   text NOT NULL,
    currency text NOT NULL DEFAULT '',
    day      date NOT NULL,
    amount   bigint NOT NULL
);

CREATE TABLE rollups (
    metric   text NOT NULL,
    currency text NOT NULL DEFAULT '',
    day      date NOT NULL,
    amount   bigint NOT NULL,
    PRIMARY KEY (metric, currency, day)
);

-- Sums over all days, kept beside the days so that "now" is one row.
CREATE TABLE rollup_totals (
    metric   text NOT NULL,
    currency text NOT NULL DEFAULT '',
    amount   bigint NOT NULL,
    PRIMARY KEY (metric, currency)
);

CREATE FUNCTION fold_rollups() RETURNS bigint LANGUAGE sql AS $$
    WITH taken AS (
        DELETE FROM rollup_deltas WHERE id IN (SELECT id FROM rollup_deltas ORDER BY id LIMIT 50000 FOR UPDATE SKIP LOCKED)
        RETURNING metric, currency, day, amount),
    days AS (
        INSERT INTO rollups AS r SELECT metric, currency, day, sum(amount) FROM taken GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (metric, currency, day) DO UPDATE SET amount = r.amount + excluded.amount
        RETURNING 1),
    totals AS (
        INSERT INTO rollup_totals AS t SELECT metric, currency, sum(amount) FROM taken GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (metric, currency) DO UPDATE SET amount = t.amount + excluded.amount
        RETURNING 1)
    SELECT (SELECT count(*) FROM taken) + 0 * ((SELECT count(*) FROM days) + (SELECT count(*) FROM totals))
$$;
