-- Searches and the order of companies find their rows through an index as well; and so does every
-- filter of the lists that were short so far.

-- The company of a tenant's customer stands beside the tenant, so that an index knows both. Whoever
-- renames the customer renames it here: the foreign key sees to that and refuses any other value.
ALTER TABLE customers ADD CONSTRAINT customers_company_of_id UNIQUE (id, company);
ALTER TABLE tenants ADD COLUMN company text;
UPDATE tenants SET company = customers.company FROM customers WHERE customers.id = customer_id;
ALTER TABLE tenants
    ALTER COLUMN company SET NOT NULL,
    ADD CONSTRAINT tenants_company_is_the_customers
        FOREIGN KEY (customer_id, company) REFERENCES customers (id, company) ON UPDATE CASCADE;
CREATE FUNCTION tenants_take_company() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Held until the commit, or a rename at this moment would be in the way.
    SELECT company INTO NEW.company FROM customers WHERE id = NEW.customer_id FOR KEY SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER tenants_take_company BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION tenants_take_company();
CREATE INDEX tenants_by_company ON tenants (lower(company), id);
CREATE INDEX tenants_by_state_and_company ON tenants (state, lower(company), id);
-- Few of a health or of a plan may stand far apart in any order.
CREATE INDEX tenants_by_health_and_company ON tenants (health, lower(company), id);
CREATE INDEX tenants_by_health_and_name ON tenants (health, subdomain, id);
CREATE INDEX tenants_by_plan_and_company ON tenants (plan_id, lower(company), id);
CREATE INDEX tenants_by_plan_and_name ON tenants (plan_id, subdomain, id);

CREATE INDEX jobs_by_state ON jobs (state, id DESC);
CREATE INDEX jobs_by_kind ON jobs (kind, id DESC);
CREATE INDEX world_findings_by_kind ON world_findings (kind, id DESC);
CREATE INDEX billing_findings_open_by_kind ON billing_findings (kind, id DESC) WHERE resolved_at IS NULL;
CREATE INDEX billing_findings_open_newest ON billing_findings (id DESC) WHERE resolved_at IS NULL;
CREATE INDEX billing_invoices_late_by_outcome ON billing_invoices (late_outcome, id DESC) WHERE late_outcome IS NOT NULL;

-- What was seen, and about whom.
CREATE INDEX security_events_search ON security_events
    USING gin (lower(kind || ' ' || address || ' ' || detail::text) gin_trgm_ops);
CREATE INDEX security_events_by_person ON security_events (staff_id) WHERE staff_id IS NOT NULL;
CREATE INDEX security_events_by_key ON security_events (api_key_id) WHERE api_key_id IS NOT NULL;

-- Every change writes a row here, so the index takes new rows in as a short list first; a search
-- reads that list as well, which is why it stays short. The trail belongs to a role of its own where
-- there is one.
DO $$
DECLARE
    belongs_to name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'audit_logs'::regclass);
    is_foreign boolean := NOT pg_has_role(current_user, belongs_to, 'MEMBER');
BEGIN
    IF is_foreign THEN EXECUTE format('GRANT %I TO %I', belongs_to, current_user); END IF;
    CREATE INDEX audit_logs_search ON audit_logs
        USING gin (lower(actor || ' ' || action || ' ' || target || ' ' || address || ' ' || coalesce(reason, '') || ' '
                         || coalesce(before::text, '') || ' ' || coalesce(after::text, '')) gin_trgm_ops)
        WITH (gin_pending_list_limit = 256);
    IF is_foreign THEN EXECUTE format('REVOKE %I FROM %I', belongs_to, current_user); END IF;
EXCEPTION WHEN insufficient_privilege THEN
    -- Only speed is lost: who may make indexes there does it by hand.
    RAISE WARNING 'audit_logs has no index for searches: its owner is %', belongs_to;
END $$;
