-- Whose the things outside the tables are: an id that everything we make carries.
CREATE TABLE installation (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id          text NOT NULL CHECK (id ~ '^[0-9a-f]{32}$'),
    -- Since then this database has known of everything that was made under its id: its beginning,
    -- or the last time that it was set back.
    known_since timestamptz NOT NULL DEFAULT now(),
    -- Which database of which server this is; a copy has another one.
    fingerprint text NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now()
);
-- The data directories that belong to it. The mark lies in the directory too and changes all the
-- time: a database that was set back does not know the directory's.
CREATE TABLE installation_places (
    id          text PRIMARY KEY,
    mark        text NOT NULL,
    mark_before text NOT NULL
);
-- Ids of the databases that this one was copied from; an empty one: before there were ids.
CREATE TABLE installation_predecessors (
    id            text PRIMARY KEY,
    left_at       timestamptz NOT NULL DEFAULT now(),
    -- Somebody said that it is gone for good: what carries its id is ours now.
    taken_over_at timestamptz,
    taken_over_by text
);

-- Who made it; NULL: before there were ids.
ALTER TABLE tenant_backups ADD COLUMN installation text;
INSERT INTO installation_predecessors (id) SELECT '' WHERE EXISTS (SELECT 1 FROM tenant_backups);

-- What is not ours: shown, never touched.
ALTER TYPE finding_kind ADD VALUE 'stranger';
CREATE INDEX tenant_backups_damaged ON tenant_backups (id) WHERE state = 'damaged';
