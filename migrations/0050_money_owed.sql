-- Money that should have gone back and did not is a finding, too: with the job that tries again,
-- how often it was told to, and who has settled it in another way.
ALTER TABLE billing_findings
    DROP CONSTRAINT billing_findings_kind,
    ADD CONSTRAINT billing_findings_kind
        CHECK (kind IN ('subscription_for_nothing', 'tenant_without_subscription',
                        'tenant_pays_twice', 'money_owed')),
    ADD COLUMN job_kind text,
    ADD COLUMN job_payload text,
    ADD COLUMN tried integer NOT NULL DEFAULT 0,
    ADD COLUMN resolved_by text,
    ADD COLUMN note text,
    ADD CONSTRAINT billing_findings_job
        CHECK ((kind = 'money_owed') = (job_kind IS NOT NULL) AND
               (job_kind IS NULL) = (job_payload IS NULL));
CREATE INDEX billing_findings_by_subject ON billing_findings (subject) WHERE kind = 'money_owed';
