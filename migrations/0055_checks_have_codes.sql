-- What a check found, as a code with what it is about: pages say it in the reader's language.
ALTER TABLE readiness
    ADD COLUMN code        text NOT NULL DEFAULT '',
    ADD COLUMN parameters  jsonb NOT NULL DEFAULT '{}';
