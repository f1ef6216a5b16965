-- Every filter of a long list finds its rows in the list's order through an index: a page costs the
-- same for a hundred customers and for a hundred thousand, also where few rows match or none does.

-- Of a hundred thousand tenants few are not healthy; and who asks for a plan that nobody has waits
-- no longer than the others.
CREATE INDEX tenants_by_health ON tenants (health, created_at DESC, id DESC);
CREATE INDEX tenants_by_plan ON tenants (plan_id, created_at DESC, id DESC);
-- One state by name: few of a state may stand far apart among all names.
CREATE INDEX tenants_by_state_and_name ON tenants (state, subdomain, id);

-- Most kinds are rare beside the changes of states.
CREATE INDEX activity_by_kind ON activity (kind, id DESC);

-- A kind, and what is worse than most; the open ones have an index already.
CREATE INDEX security_events_by_kind ON security_events (kind, id DESC);
CREATE INDEX security_events_by_severity ON security_events (severity, id DESC);

-- Somebody who has done little; and actions that begin with something, which an index in the order
-- of a language does not find. The trail belongs to a role of its own where there is one.
DO $$
DECLARE
    belongs_to name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'audit_logs'::regclass);
    is_foreign boolean := NOT pg_has_role(current_user, belongs_to, 'MEMBER');
BEGIN
    IF is_foreign THEN EXECUTE format('GRANT %I TO %I', belongs_to, current_user); END IF;
    CREATE INDEX audit_logs_by_actor ON audit_logs (actor, id DESC);
    DROP INDEX audit_logs_by_action;
    CREATE INDEX audit_logs_by_action ON audit_logs (action text_pattern_ops, id DESC);
    IF is_foreign THEN EXECUTE format('REVOKE %I FROM %I', belongs_to, current_user); END IF;
EXCEPTION WHEN insufficient_privilege THEN
    -- Only speed is lost: who may make indexes there does it by hand.
    RAISE WARNING 'audit_logs has no index for its actors: its owner is %', belongs_to;
END $$;
