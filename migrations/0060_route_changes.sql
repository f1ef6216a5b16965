-- Whose addresses lead elsewhere since when: every front door looks here, whichever node has done it.
CREATE TABLE route_changes (
    tenant_id   bigint PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    changed_at  timestamptz NOT NULL
);
CREATE INDEX route_changes_newest ON route_changes (changed_at);
