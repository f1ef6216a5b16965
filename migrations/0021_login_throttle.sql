-- Failed attempts to prove who one is, counted by account, known device, address or person. Counted
-- for accounts that do not exist, too. Blocks end by themselves, after 15 minutes at the latest.
CREATE TABLE login_throttle (
    bucket        text PRIMARY KEY,
    failures      integer NOT NULL DEFAULT 0,
    last_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    blocked_until timestamptz NOT NULL DEFAULT '-infinity',
    -- When the person was last told of a lock.
    told_at       timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT login_throttle_block_is_short CHECK (blocked_until <= last_at + interval '15 minutes')
);
