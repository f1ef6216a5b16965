-- Unpaid invoices are followed up: which case is open, what was done in it, and who is spared for a while.

CREATE TABLE dunning_cases (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  bigint NOT NULL REFERENCES tenants,
    -- The oldest one that could not be collected: steps count from its first failure.
    invoice_id bigint NOT NULL REFERENCES billing_invoices,
    -- The days of the steps as they were set when it began; a step that is not named is left out.
    ladder     jsonb NOT NULL CONSTRAINT dunning_cases_ladder CHECK (jsonb_typeof(ladder) = 'object'),
    began_at   timestamptz NOT NULL,
    -- When there is something to do again; none: only a change brings it.
    next_at    timestamptz,
    closed_at  timestamptz,
    outcome    text CONSTRAINT dunning_cases_outcome CHECK (outcome IN ('paid', 'dropped', 'replaced', 'ended', 'purged')),
    CONSTRAINT dunning_cases_closed CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT dunning_cases_once UNIQUE (tenant_id, invoice_id)
);
CREATE UNIQUE INDEX dunning_cases_open ON dunning_cases (tenant_id) WHERE closed_at IS NULL;
CREATE INDEX dunning_cases_due ON dunning_cases (next_at) WHERE closed_at IS NULL;
CREATE INDEX dunning_cases_closed_at ON dunning_cases (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX dunning_cases_by_invoice ON dunning_cases (invoice_id);

-- Each step is taken once in a case, in the transaction that does it.
CREATE TABLE dunning_steps (
    case_id  bigint NOT NULL REFERENCES dunning_cases ON DELETE CASCADE,
    step     text NOT NULL CONSTRAINT dunning_steps_step
        CHECK (step IN ('first_mail', 'second_mail', 'third_mail', 'warning', 'hold', 'archive', 'purge')),
    outcome  text NOT NULL CONSTRAINT dunning_steps_outcome CHECK (outcome IN ('done', 'skipped')),
    acted_at timestamptz NOT NULL,
    -- Mails are removed earlier than cases.
    mail_id  bigint,
    PRIMARY KEY (case_id, step),
    CONSTRAINT dunning_steps_mail CHECK ((outcome = 'done') = (mail_id IS NOT NULL))
);

-- What staff have agreed with a customer.
CREATE TABLE dunning_exceptions (
    customer_id bigint PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    is_paused   boolean NOT NULL,
    not_before  timestamptz,
    note        text,
    version     bigint NOT NULL,
    changed_at  timestamptz NOT NULL,
    changed_by  text NOT NULL
);

CREATE INDEX billing_invoices_failing ON billing_invoices (subscription_id)
    WHERE status = 'open' AND first_failed_at IS NOT NULL;

-- How long an archived tenant is kept, where somebody has said it: 'infinity' for ever.
ALTER TABLE tenants ADD COLUMN kept_until timestamptz;
