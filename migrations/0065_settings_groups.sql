-- Settings that staff change while the program runs: one row a group, read and replaced whole.
CREATE TABLE settings_groups (
  name       text PRIMARY KEY,
  version    bigint NOT NULL,
  content    jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
  changed_at timestamptz NOT NULL DEFAULT now(),
  changed_by text NOT NULL DEFAULT ''
);
