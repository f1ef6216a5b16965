-- How far Stripe's own list of events has been read. `swept_until` is moved by whole passes only and
-- by our own clock; a pass that was cut off goes on where it was.
CREATE TABLE stripe_sweeps (
    kind        text PRIMARY KEY CONSTRAINT stripe_sweeps_kind CHECK (kind IN ('recent', 'month')),
    swept_until timestamptz,
    pass_from   timestamptz,
    pass_began  timestamptz,
    pass_after  text,
    CONSTRAINT stripe_sweeps_pass_is_whole CHECK ((pass_from IS NULL) = (pass_began IS NULL))
);

-- foreign: of another mode or account than ours. unlinked: of a customer whom we do not know yet.
ALTER TYPE stripe_event_state ADD VALUE 'foreign';
ALTER TYPE stripe_event_state ADD VALUE 'unlinked';
