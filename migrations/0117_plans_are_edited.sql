-- Plans are edited in the console: each change is against the version that was read.
ALTER TABLE plans ADD COLUMN version bigint NOT NULL DEFAULT 1;
