-- What must always be true of the rows, and what the last look at each of them has found.
CREATE TABLE invariant_results (
    name        text PRIMARY KEY,
    checked_at  timestamptz NOT NULL,
    duration_ms integer NOT NULL CONSTRAINT invariant_results_duration CHECK (duration_ms >= 0),
    -- None: it could not be checked, and `error` says why. More than a thousand are not counted.
    offenders   integer CONSTRAINT invariant_results_offenders CHECK (offenders BETWEEN 0 AND 1001),
    error       text,
    -- The first of them, as they were then.
    sample      jsonb NOT NULL CONSTRAINT invariant_results_sample CHECK (jsonb_typeof(sample) = 'array'),
    -- Since when there have been any without a break.
    since       timestamptz,
    CONSTRAINT invariant_results_known CHECK ((offenders IS NULL) = (error IS NOT NULL)),
    CONSTRAINT invariant_results_since CHECK (offenders IS NULL OR (offenders > 0) = (since IS NOT NULL))
);
