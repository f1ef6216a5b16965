-- Addresses of customers' own: where their DNS leads, the certificate, and how it is going.
CREATE TYPE domain_state AS ENUM ('waiting_for_dns', 'waiting_for_certificate', 'active', 'certificate_failed');
CREATE TYPE certificate_source AS ENUM ('acme', 'upload');
CREATE TABLE tenant_domains (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain          text NOT NULL CONSTRAINT tenant_domains_domain_key UNIQUE,
    tenant_id       bigint NOT NULL REFERENCES tenants,
    state           domain_state NOT NULL DEFAULT 'waiting_for_dns',
    -- The last verdict; NULL: not looked yet. A look that fails leaves it as it is.
    dns_is_right    boolean,
    dns_problem     text,
    dns_found       text,
    checked_at      timestamptz,
    check_due_at    timestamptz NOT NULL DEFAULT now(),
    chain           text,
    sealed_key      text,
    fingerprint     text,   -- SHA-1 as HAProxy shows it
    issuer          text,
    not_after       timestamptz,
    source          certificate_source,
    problem         text,   -- why there is no certificate, or why it was not renewed
    problem_detail  text,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    renewals        integer NOT NULL DEFAULT 0,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_domains_domain_is_a_host_name
        CHECK (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
               AND length(domain) <= 253),
    CONSTRAINT tenant_domains_certificate_is_whole
        CHECK (num_nonnulls(chain, sealed_key, fingerprint, issuer, not_after, source) IN (0, 6)),
    CONSTRAINT tenant_domains_active_has_a_certificate CHECK (state <> 'active' OR chain IS NOT NULL)
);
CREATE INDEX tenant_domains_by_tenant ON tenant_domains (tenant_id, domain);
CREATE INDEX tenant_domains_due ON tenant_domains (check_due_at);
