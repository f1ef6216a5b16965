-- Token buckets that all nodes share; nodes take tokens out by the block. Not logged: after a crash
-- of PostgreSQL all buckets are full again, and filling them again costs nothing.
CREATE UNLOGGED TABLE rate_buckets (
    name      text PRIMARY KEY,
    tokens    double precision NOT NULL,
    granted   bigint NOT NULL,              -- by the last statement, for its RETURNING
    filled_at timestamptz NOT NULL,
    full_at   timestamptz NOT NULL          -- at the latest; then the row says nothing any more
);
