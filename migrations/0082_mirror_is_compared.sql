-- Every night the mirror is held against Stripe, object by object.

-- When a comparison met it last: what Stripe's list does not have any more was not met.
ALTER TABLE stripe_objects ADD COLUMN compared_at timestamptz;

-- Where a walk over all objects of a kind is, and what the last whole one met.
CREATE TABLE mirror_walks (
    kind      text PRIMARY KEY,
    began_at  timestamptz,
    after     text,
    compared  bigint NOT NULL DEFAULT 0,
    not_ours  bigint NOT NULL DEFAULT 0,
    differing bigint NOT NULL DEFAULT 0,
    ended_at  timestamptz,
    CONSTRAINT mirror_walks_under_way CHECK (began_at IS NOT NULL OR after IS NULL)
);

CREATE TABLE mirror_differences (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stripe_id   text NOT NULL,
    kind        text NOT NULL,
    nature      text NOT NULL CONSTRAINT mirror_differences_nature
        CHECK (nature IN ('missing_here', 'missing_there', 'different')),
    customer_id bigint REFERENCES customers,
    -- {path: [ours, theirs]}
    members     jsonb NOT NULL CONSTRAINT mirror_differences_members CHECK (jsonb_typeof(members) = 'object'),
    found_at    timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    -- gone: Stripe's word came after all, and nobody did anything.
    resolution  text CONSTRAINT mirror_differences_resolution CHECK (resolution IN ('applied', 'replayed', 'gone')),
    CONSTRAINT mirror_differences_resolved CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);
CREATE UNIQUE INDEX mirror_differences_open ON mirror_differences (stripe_id) WHERE resolved_at IS NULL;
CREATE INDEX mirror_differences_by_kind ON mirror_differences (kind, id DESC);
CREATE INDEX mirror_differences_unresolved ON mirror_differences (id DESC) WHERE resolved_at IS NULL;
CREATE INDEX mirror_differences_resolved_at ON mirror_differences (resolved_at) WHERE resolved_at IS NOT NULL;
